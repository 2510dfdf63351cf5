import { RimrockError, errorText } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Store, Term } from '../types.ts';
import type { ConsulClient, Operation } from './client.ts';
import type { Fence } from './writes.ts';

export interface LeaseParts {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly election: string;
  /** What we say of ourselves. */
  readonly name: string;
  /** `<path>/leader` is the key that is locked and has the name, `<path>/beat` the one by which the leader shows signs of life. */
  readonly path: string;
  /** A leader that could not confirm for so long leads no more, milliseconds. */
  readonly leaseMs: number;
  storeFor(fence: Fence): Store;
}

/** Consul takes no shorter one. */
const SHORTEST_TTL_SECONDS = 10;
/** Beats in the time of one lease: some may get lost. */
const BEATS = 4;

/**
 * The time in which we lead. It is counted from before each question to Consul that was answered well, so it is over before anybody
 * else can think so; by both clocks, because the monotonic one stands still while a machine sleeps.
 */
export class Lease {
  readonly term: Term;
  readonly #parts: LeaseParts;
  readonly #session: string;
  readonly #ended = new AbortController();
  /** Until when nobody else can lead: monotonic, and wall clock. */
  #untilMs = 0;
  #wallUntilMs = 0;
  #beats = 0;

  private constructor(parts: LeaseParts, session: string) {
    this.#parts = parts;
    this.#session = session;
    const { election } = parts;
    const fence: Fence = {
      election,
      check: this.#check(),
      doubtful: () => this.#end('a write without an answer'),
    };
    this.term = {
      holds: () => this.#holds(),
      store: parts.storeFor(fence),
      resign: () => this.#end('resigned'),
    };
  }

  /** Make a session and lock the key of the leader with it. Undefined when somebody else has it, or when aborted. */
  static async take(parts: LeaseParts, signal: AbortSignal): Promise<Lease | undefined> {
    const { client, clock, election, name, path, leaseMs } = parts;
    const ttlSeconds = Math.max(SHORTEST_TTL_SECONDS, Math.ceil((leaseMs * 4) / 1000));
    // Should the session end all the same, Consul gives nobody the lock before our lease is over.
    const session = await client.createSession(
      `rimrock ${election}`,
      ttlSeconds,
      Math.ceil((leaseMs * 1.5) / 1000),
    );
    const lease = new Lease(parts, session);
    if (signal.aborted) {
      await lease.release();
      return undefined;
    }
    signal.addEventListener('abort', () => lease.#end('stopped'), {
      once: true,
      signal: lease.#ended.signal,
    });
    const begunMs = clock.monotonic();
    const wallMs = clock.now();
    const lock: Operation = { Verb: 'lock', Key: `${path}/leader`, Value: name, Session: session };
    const outcome = await client.transact([lock, lease.#beat()]).catch(async (error: unknown) => {
      await lease.release();
      throw error;
    });
    if (outcome.kind === 'done') {
      lease.#prolong(begunMs, wallMs);
      return lease;
    }
    await lease.release();
    return undefined;
  }

  /** Show signs of life until it is over: by its time, by Consul, by us. */
  async keep(): Promise<void> {
    const { clock, leaseMs } = this.#parts;
    const { signal } = this.#ended;
    const beat = (): void => void this.#confirm();
    const beats = clock.every(leaseMs / BEATS, beat);
    // It is also looked at by everybody who asks `holds`; this is for when nobody does.
    const looks = clock.every(Math.min(100, leaseMs / 10), () => void this.#holds());
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    beats.cancel();
    looks.cancel();
  }

  /** So that others need not wait. Never rejects. */
  async release(): Promise<void> {
    const { client, path } = this.#parts;
    this.#end('released');
    try {
      await client.transact([this.#check(), { Verb: 'delete', Key: `${path}/leader` }]);
      await client.destroySession(this.#session);
    } catch {
      // Others find out by the beats that do not come, and Consul ends the session by itself.
    }
  }

  #holds(): boolean {
    if (this.#ended.signal.aborted) return false;
    const { clock } = this.#parts;
    const leftMs = this.#untilMs - clock.monotonic();
    const nowMs = clock.now();
    // By both clocks: one that was set back would have the lease last by as much longer, and hide that the machine sleeps.
    this.#wallUntilMs = Math.min(this.#wallUntilMs, nowMs + leftMs);
    if (nowMs < this.#wallUntilMs) return true;
    this.#end('the lease could not be confirmed in time');
    return false;
  }

  #end(why: string): void {
    if (this.#ended.signal.aborted) return;
    const { election, log } = this.#parts;
    if (this.#untilMs > 0) log.info({ election, why }, 'leads no more');
    this.#ended.abort();
  }

  async #confirm(): Promise<void> {
    const { client, clock, leaseMs, log, election } = this.#parts;
    const begunMs = clock.monotonic();
    const wallMs = clock.now();
    try {
      const [renewed, outcome] = await Promise.all([
        client.renewSession(this.#session, leaseMs),
        client.transact([this.#check(), this.#beat()], leaseMs),
      ]);
      if (!renewed) return this.#end('Consul has ended the session');
      if (outcome.kind !== 'done') return this.#end('somebody else has taken the lock');
      this.#prolong(begunMs, wallMs);
    } catch (error) {
      if (error instanceof RimrockError && error.code === 'STORE_CONSUL_REFUSED') this.#end(errorText(error));
      else log.warn({ election, error: errorText(error) }, 'the lease could not be confirmed');
    }
  }

  /** Count from when the question was asked; an answer that overtook another does not shorten it. */
  #prolong(begunMs: number, wallMs: number): void {
    const { leaseMs } = this.#parts;
    this.#untilMs = Math.max(this.#untilMs, begunMs + leaseMs);
    this.#wallUntilMs = Math.max(this.#wallUntilMs, wallMs + leaseMs);
  }

  #check(): Operation {
    return { Verb: 'check-session', Key: `${this.#parts.path}/leader`, Session: this.#session };
  }

  #beat(): Operation {
    const value = `${this.#session} ${++this.#beats}`;
    return { Verb: 'set', Key: `${this.#parts.path}/beat`, Value: value };
  }
}
