/** What a pool needs of a connection. */
export interface Poolable {
  idleSince: number;
  readonly transport: { readonly closed: boolean; destroy(): void };
}

export interface PoolLimits {
  readonly idleMs: number;
  readonly maxIdlePerEndpoint: number;
}

/**
 * Idle connections to one endpoint. The one used last is taken first, so that the surplus grows old and is closed. It
 * ends with its endpoint: idle connections close at once, those in use when their exchange is over.
 */
export class UpstreamPool<C extends Poolable> {
  readonly #limits: PoolLimits;
  readonly #idle: C[] = [];
  #closed = false;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** An idle connection that is younger than `maxIdleMs`. */
  take(now: number, maxIdleMs: number): C | undefined {
    const newest = this.#idle.at(-1);
    if (newest === undefined || now - newest.idleSince >= Math.min(maxIdleMs, this.#limits.idleMs))
      return undefined;
    this.#idle.pop();
    return newest;
  }

  /** False when it is not wanted: the caller closes it. */
  give(connection: C, now: number): boolean {
    if (this.#closed || connection.transport.closed) return false;
    if (this.#idle.length >= this.#limits.maxIdlePerEndpoint) return false;
    connection.idleSince = now;
    this.#idle.push(connection);
    return true;
  }

  /** The connection is gone. */
  forget(connection: C): void {
    const i = this.#idle.lastIndexOf(connection);
    if (i >= 0) this.#idle.splice(i, 1);
  }

  /** Close what has been idle for too long: instances close theirs after a while, and must not win that race. */
  sweep(now: number): void {
    while (this.#idle[0] !== undefined && now - this.#idle[0].idleSince >= this.#limits.idleMs)
      this.#idle.shift()?.transport.destroy();
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.transport.destroy();
  }
}
