import type { BreakerPolicy } from '../balancer/policy.ts';
import { Roster } from '../server/roster.ts';
import type { Member } from '../server/roster.ts';

/** What a pool needs of a connection. */
export interface Poolable extends Member {
  idleSince: number;
  readonly transport: { readonly closed: boolean; destroy(): void };
}

export interface PoolLimits {
  readonly idleMs: number;
  /** Whatever was in use lately; 0: none is kept. */
  readonly maxIdlePerEndpoint: number;
}

/** What was in use lately is what was in use in the running and the last span of so long. */
const SPAN_MS = 1_000;
/** With as many in use lately, so many times the limit are kept idle, or steady load would close and open them all the time. */
const MOST_TIMES = 16;

/** Who waits for a connection while there are as many as there may be. */
export interface PoolWaiter {
  /** There may be one now, or the pool is closed and there never will. */
  onPoolTurn(): void;
}

/**
 * Connections to one endpoint: the idle ones, and how many there are in all. The idle one used last is taken first, so that
 * the surplus grows old and is closed. It ends with its endpoint: idle connections close at once, those in use when
 * their exchange is over.
 */
export class UpstreamPool<C extends Poolable> {
  /** Why the last connection did not come about; undefined: it did. */
  failure: Error | undefined;
  readonly #limits: PoolLimits;
  #most = Number.POSITIVE_INFINITY;
  readonly #idle: C[] = [];
  /** First come, first served; the balancer has seen to it that they are not too many. */
  readonly #waiting = new Set<PoolWaiter>();
  readonly #onWait: (by: 1 | -1) => void;
  readonly #open = new Roster<C>();
  /** Most in use at a time in the running span, and in the one before. */
  #used = 0;
  #usedBefore = 0;
  #spanEnds = 0;
  #closed = false;

  /** `onWait` is told when one more waits (1), or one less (-1). */
  constructor(limits: PoolLimits, breakers?: BreakerPolicy, onWait: (by: 1 | -1) => void = () => {}) {
    this.#limits = limits;
    this.#onWait = onWait;
    this.limit(breakers);
  }

  /** From now on; connections over the limit are closed when they are next idle for too long. */
  limit(breakers: BreakerPolicy | undefined): void {
    this.#most = breakers?.connections ?? Number.POSITIVE_INFINITY;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** Idle or in use. */
  get open(): number {
    return this.#open.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** An idle connection that is younger than `maxIdleMs`. */
  take(now: number, maxIdleMs: number): C | undefined {
    const newest = this.#idle.at(-1);
    if (newest === undefined || now - newest.idleSince >= Math.min(maxIdleMs, this.#limits.idleMs))
      return undefined;
    this.#idle.pop();
    return newest;
  }

  /** Whether one more may be opened; an idle one that the caller could not take gives way. */
  hasRoom(): boolean {
    if (this.#open.size < this.#most) return true;
    const oldest = this.#idle.shift();
    oldest?.transport.destroy();
    return oldest !== undefined;
  }

  /** A connection was opened; `left` follows once. */
  entered(connection: C): void {
    this.#open.add(connection);
  }

  /** It is gone, or about to be. */
  left(connection: C): void {
    this.#open.remove(connection);
    const i = this.#idle.lastIndexOf(connection);
    if (i >= 0) this.#idle.splice(i, 1);
    this.#next();
  }

  wait(waiter: PoolWaiter): void {
    this.#waiting.add(waiter);
    this.#onWait(1);
  }

  leave(waiter: PoolWaiter): void {
    if (this.#waiting.delete(waiter)) this.#onWait(-1);
  }

  #next(): void {
    if (this.#waiting.size === 0) return;
    for (const waiter of this.#waiting) {
      this.leave(waiter);
      return waiter.onPoolTurn();
    }
  }

  /** False when it is not wanted: the caller closes it. */
  give(connection: C, now: number): boolean {
    if (this.#closed || connection.transport.closed) return false;
    this.#used = Math.max(this.#used, this.#open.size - this.#idle.length);
    if (this.#idle.length >= this.#mostIdle && this.#waiting.size === 0) return false;
    connection.idleSince = now;
    this.#idle.push(connection);
    this.#next();
    return true;
  }

  get #mostIdle(): number {
    const { maxIdlePerEndpoint: most } = this.#limits;
    return Math.max(most, Math.min(most * MOST_TIMES, Math.max(this.#used, this.#usedBefore)));
  }

  /** Close what has been idle for too long: instances close theirs after a while, and must not win that race. */
  sweep(now: number): void {
    if (now >= this.#spanEnds) {
      this.#spanEnds = now + SPAN_MS;
      this.#usedBefore = this.#used;
      this.#used = 0;
    }
    while (this.#idle[0] !== undefined && now - this.#idle[0].idleSince >= this.#limits.idleMs)
      this.#idle.shift()?.transport.destroy();
  }

  /** Those who wait go elsewhere. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.transport.destroy();
    while (this.#waiting.size > 0) this.#next();
  }

  /** Cut all that are open: what runs there has had its time. */
  cut(): void {
    this.#open.each(({ transport }) => transport.destroy());
  }
}
