import type { Reactor, Transport, TransportHandler } from '../../net/index.ts';
import type { UpstreamPool } from './pool.ts';

/** How instances are reached: over sockets of the engine, or as streams of HTTP/2 that share some. */
export type Connector = Pick<Reactor, 'connect'>;

/** Who uses an upstream connection at the moment: a running exchange or tunnel. */
export interface UpstreamUser {
  onUpstreamConnect(): void;
  onUpstreamData(bytes: Uint8Array): void;
  /** The instance finished its side. */
  onUpstreamEnd(): void;
  onUpstreamDrain(): void;
  /** The connection is gone. Not called after `release` or `abandon`. */
  onUpstreamClose(error: Error | undefined): void;
}

/** One connection to an instance: in use by one exchange, or idle in its pool. */
export class UpstreamConnection implements TransportHandler {
  readonly transport: Transport;
  /** An answer was received on it before. */
  reused = false;
  connected = false;
  place = -1;
  /** Monotonic milliseconds; only meaningful while idle. */
  idleSince = 0;
  readonly #pool: UpstreamPool<UpstreamConnection>;
  #user: UpstreamUser | undefined;
  /** It counts among those of its pool. */
  #counted = true;

  constructor(
    connector: Connector,
    pool: UpstreamPool<UpstreamConnection>,
    to: { readonly ip: string; readonly port: number },
    timeoutMs: number,
    user: UpstreamUser,
  ) {
    this.#pool = pool;
    this.#user = user;
    pool.entered(this);
    this.transport = connector.connect(to, { timeoutMs }, this);
  }

  /** Take it out of the pool for a new user. */
  use(user: UpstreamUser): void {
    this.reused = true;
    this.#user = user;
  }

  /** The exchange is over and left the connection clean: keep it for the next one, if its pool still wants it. */
  release(now: number): void {
    this.#user = undefined;
    this.transport.resume();
    if (!this.#pool.give(this, now)) this.abandon();
  }

  /** The exchange is over and the connection cannot be used again. */
  abandon(error?: Error): void {
    this.#user = undefined;
    this.transport.destroy(error);
    this.#leave();
  }

  /** Its place is free for another one; more than once is harmless. */
  #leave(): void {
    if (!this.#counted) return;
    this.#counted = false;
    this.#pool.left(this);
  }

  onConnect(): void {
    this.connected = true;
    this.#pool.failure = undefined;
    this.#user?.onUpstreamConnect();
  }

  onData(bytes: Uint8Array): void {
    // Bytes nobody asked for: whatever this is, it must never be taken for the answer to the next request.
    if (this.#user === undefined) this.transport.destroy();
    else this.#user.onUpstreamData(bytes);
  }

  onEnd(): void {
    if (this.#user === undefined) this.transport.destroy();
    else this.#user.onUpstreamEnd();
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }

  onClose(error: Error | undefined): void {
    const user = this.#user;
    this.#user = undefined;
    if (!this.connected) this.#pool.failure = error;
    // First the pool, so that the dead connection is not taken again by the user's next attempt.
    this.#leave();
    user?.onUpstreamClose(error);
  }
}
