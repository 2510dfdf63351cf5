import type { Reactor, Transport, TransportHandler } from '../../net/index.ts';
import type { UpstreamPool } from './pool.ts';

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
  /** Monotonic milliseconds; only meaningful while idle. */
  idleSince = 0;
  readonly #pool: UpstreamPool<UpstreamConnection>;
  #user: UpstreamUser | undefined;

  constructor(
    reactor: Reactor,
    pool: UpstreamPool<UpstreamConnection>,
    to: { readonly ip: string; readonly port: number },
    timeoutMs: number,
    user: UpstreamUser,
  ) {
    this.#pool = pool;
    this.#user = user;
    this.transport = reactor.connect(to, { timeoutMs }, this);
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
    if (!this.#pool.give(this, now)) this.transport.destroy();
  }

  /** The exchange is over and the connection cannot be used again. */
  abandon(error?: Error): void {
    this.#user = undefined;
    this.transport.destroy(error);
  }

  onConnect(): void {
    this.connected = true;
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
    this.#pool.forget(this);
    const user = this.#user;
    this.#user = undefined;
    user?.onUpstreamClose(error);
  }
}
