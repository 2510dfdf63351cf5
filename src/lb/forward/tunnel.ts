import type { Lease } from '../balancer/index.ts';
import type { UpstreamConnection, UpstreamUser } from '../upstream/index.ts';
import type { ClientSide, ClientTunnel, ForwardContext } from './context.ts';

/** An upgraded connection (WebSocket): bytes pass both ways untouched until both sides have ended or one is gone. */
export class Tunnel implements UpstreamUser, ClientTunnel {
  readonly #ctx: ForwardContext;
  readonly #client: ClientSide;
  readonly #upstream: UpstreamConnection;
  readonly #lease: Lease;
  #ended = 0;
  #over = false;

  constructor(ctx: ForwardContext, client: ClientSide, upstream: UpstreamConnection, lease: Lease) {
    this.#ctx = ctx;
    this.#client = client;
    this.#upstream = upstream;
    this.#lease = lease;
    upstream.use(this);
    this.#alive();
  }

  onUpstreamConnect(): void {}

  onUpstreamData(bytes: Uint8Array): void {
    this.#alive();
    if (this.#client.transport.write(bytes)) return;
    this.#client.blocked = true;
    this.#upstream.transport.pause();
  }

  onClientData(bytes: Uint8Array): void {
    this.#alive();
    if (!this.#upstream.transport.write(bytes)) this.#client.transport.pause();
  }

  onUpstreamDrain(): void {
    this.#client.transport.resume();
  }

  onClientDrain(): void {
    this.#upstream.transport.resume();
  }

  onUpstreamEnd(): void {
    this.#client.transport.end();
    this.#sideEnded();
  }

  onClientEnd(): void {
    this.#upstream.transport.end();
    this.#sideEnded();
  }

  #sideEnded(): void {
    this.#ended += 1;
    this.#alive();
    if (this.#ended === 2) this.#finish();
  }

  onUpstreamClose(error: Error | undefined): void {
    this.#finish();
    if (error === undefined) this.#client.exchangeDone(false);
    else this.#client.transport.destroy(error);
  }

  onClientClose(): void {
    this.#finish();
    this.#upstream.abandon();
  }

  /** No traffic for too long, or the load balancer stops. */
  onDeadline(): void {
    this.#finish();
    this.#upstream.abandon();
    this.#client.exchangeDone(false);
  }

  /** There is traffic. Where one side has ended, the other does not get long to follow. */
  #alive(): void {
    const { tunnelIdleMs, halfCloseMs } = this.#ctx.config.timeouts;
    const ms = this.#ended === 0 ? tunnelIdleMs : halfCloseMs;
    this.#client.setDeadline('tunnel', this.#ctx.clock.monotonic() + ms);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#lease.settle({ kind: 'cancelled' }, this.#ctx.clock.monotonic());
  }
}
