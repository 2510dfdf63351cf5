import type { Timer } from '../../../core/clock.ts';
import type { Transport, TransportHandler } from '../../../net/index.ts';
import type { Target, VirtualServer } from '../plan/index.ts';
import { targetKey } from './pick.ts';
import type { ProxyShared } from './shared.ts';

/** One side's events, told to the relay. */
class Side implements TransportHandler {
  readonly #relay: TcpRelay;
  readonly #which: 'client' | 'backend';

  constructor(relay: TcpRelay, which: 'client' | 'backend') {
    this.#relay = relay;
    this.#which = which;
  }

  onConnect(): void {
    this.#relay.onConnect();
  }
  onData(bytes: Uint8Array): void {
    this.#relay.onData(this.#which, bytes);
  }
  onEnd(): void {
    this.#relay.onEnd(this.#which);
  }
  onDrain(): void {
    this.#relay.onDrain(this.#which);
  }
  onClose(error: Error | undefined): void {
    this.#relay.onClose(this.#which, error);
  }
}

/**
 * One connection to a VIP, joined to one to a backend. Until that is there others are tried, each once, for none has seen a byte. Whoever
 * is slow holds up the other.
 */
export class TcpRelay {
  readonly handler: TransportHandler = new Side(this, 'client');
  readonly #shared: ProxyShared;
  readonly #client: Transport;
  readonly #server: () => VirtualServer | undefined;
  readonly #onGone: (relay: TcpRelay) => void;
  readonly #tried = new Set<string>();
  #target: Target | undefined;
  #backend: Transport | undefined;
  #connected = false;
  #clientEnded = false;
  #lastActive = 0;
  #idle: Timer | undefined;
  #over = false;

  constructor(
    shared: ProxyShared,
    client: Transport,
    server: () => VirtualServer | undefined,
    onGone: (relay: TcpRelay) => void,
  ) {
    this.#shared = shared;
    this.#client = client;
    this.#server = server;
    this.#onGone = onGone;
  }

  begin(): void {
    const { clock, config } = this.#shared.parts;
    this.#client.pause();
    this.#lastActive = clock.monotonic();
    this.#idle = clock.every(Math.max(1, Math.ceil(config.idleMs / 4)), () => {
      if (clock.monotonic() - this.#lastActive >= config.idleMs) this.destroy();
    });
    this.#attempt();
  }

  /** Cut it, with a reset on both sides. */
  destroy(error = new Error('no backend of the VIP is to be had, or the time is over')): void {
    if (this.#over) return;
    this.#finish();
    this.#client.destroy(error);
    this.#backend?.destroy(error);
  }

  #attempt(): void {
    const { reactor, config } = this.#shared.parts;
    const target = this.#shared.take(this.#server(), this.#tried);
    if (target === undefined) return this.destroy();
    this.#target = target;
    this.#tried.add(targetKey(target));
    this.#backend = reactor.connect(target, { timeoutMs: config.connectMs }, new Side(this, 'backend'));
  }

  onConnect(): void {
    if (this.#over) return;
    this.#connected = true;
    this.#alive();
    if (this.#clientEnded) this.#backend?.end();
    this.#client.resume();
  }

  onData(from: 'client' | 'backend', bytes: Uint8Array): void {
    this.#alive();
    const [source, target] =
      from === 'client' ? [this.#client, this.#backend] : [this.#backend, this.#client];
    if (target?.write(bytes) === false) source?.pause();
  }

  onDrain(of: 'client' | 'backend'): void {
    this.#alive();
    if (of === 'client') this.#backend?.resume();
    else this.#client.resume();
  }

  onEnd(of: 'client' | 'backend'): void {
    this.#alive();
    if (of === 'backend') return this.#client.end();
    this.#clientEnded = true;
    if (this.#connected) this.#backend?.end();
  }

  onClose(of: 'client' | 'backend', error: Error | undefined): void {
    if (this.#over) return;
    if (of === 'backend' && !this.#connected) {
      if (this.#target) this.#shared.release(this.#target);
      this.#target = undefined;
      return this.#attempt();
    }
    const other = of === 'client' ? this.#backend : this.#client;
    if (error !== undefined || (of === 'client' && !this.#connected)) return this.destroy(error);
    // A clean end: what was written to the other side still leaves.
    other?.end();
    if (other === undefined || other.closed) this.#finish();
  }

  #alive(): void {
    this.#lastActive = this.#shared.parts.clock.monotonic();
  }

  #finish(): void {
    this.#over = true;
    this.#idle?.cancel();
    if (this.#target) this.#shared.release(this.#target);
    this.#shared.leave();
    this.#onGone(this);
  }
}
