import type { Lease } from '../balancer/index.ts';
import type { UpstreamConnection, UpstreamUser } from '../upstream/index.ts';
import type { ClientSide, ClientTunnel, ForwardContext } from './context.ts';
import { FrameFollower, GOODBYE } from './websocket-frames.ts';

/** Payload that passed through a tunnel. */
export interface TunnelBytes {
  readonly fromClient: number;
  readonly toClient: number;
}

/**
 * An upgraded connection (WebSocket): bytes pass both ways untouched until both sides have ended or one is gone. When the load
 * balancer stops, the client is told in the words of its protocol; what it answers passes to the instance, so that both
 * have seen the handshake that ends a WebSocket (RFC 6455 §7).
 */
export class Tunnel implements UpstreamUser, ClientTunnel {
  readonly #ctx: ForwardContext;
  readonly #client: ClientSide;
  readonly #upstream: UpstreamConnection;
  readonly #lease: Lease;
  readonly #onOver: (bytes: TunnelBytes) => void;
  #fromClient = 0;
  #toClient = 0;
  #ended = 0;
  readonly #frames = new FrameFollower();
  /** The instance has its say to the end of a frame; or had it. */
  #leaving: 'no' | 'soon' | 'said' = 'no';
  #over = false;

  /** `onOver` is called once, when it is over. */
  constructor(
    ctx: ForwardContext,
    client: ClientSide,
    upstream: UpstreamConnection,
    lease: Lease,
    onOver: (bytes: TunnelBytes) => void,
  ) {
    this.#onOver = onOver;
    this.#ctx = ctx;
    this.#client = client;
    this.#upstream = upstream;
    this.#lease = lease;
    upstream.use(this);
    this.#alive();
  }

  onUpstreamConnect(): void {}

  onUpstreamData(bytes: Uint8Array): void {
    if (this.#leaving === 'no') {
      this.#frames.pass(bytes);
      this.#toTheClient(bytes);
    } else if (this.#leaving === 'soon') {
      this.#toTheClient(bytes.subarray(0, this.#frames.toEnd(bytes, 0)));
      if (this.#frames.between) this.#sayGoodbye();
    }
  }

  #toTheClient(bytes: Uint8Array): void {
    this.#alive();
    this.#toClient += bytes.length;
    if (this.#client.transport.write(bytes)) return;
    this.#client.blocked = true;
    this.#upstream.transport.pause();
  }

  onClientData(bytes: Uint8Array): void {
    this.#alive();
    this.#fromClient += bytes.length;
    if (!this.#upstream.transport.write(bytes)) this.#client.transport.pause();
  }

  onUpstreamDrain(): void {
    this.#client.transport.resume();
  }

  onClientBlocked(): void {
    this.#upstream.transport.pause();
  }

  onClientDrain(): void {
    this.#upstream.transport.resume();
  }

  goAway(): void {
    if (this.#leaving !== 'no') return;
    this.#leaving = 'soon';
    if (this.#frames.between) this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    this.#leaving = 'said';
    if (!this.#frames.closed) this.#client.transport.writeOwned(GOODBYE);
    this.#client.transport.end();
    this.#sideEnded();
  }

  onUpstreamEnd(): void {
    if (this.#leaving === 'said') return;
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
    this.#onOver({ fromClient: this.#fromClient, toClient: this.#toClient });
    this.#lease.settle({ kind: 'cancelled' }, this.#ctx.clock.monotonic());
  }
}
