import type { Clock, Timer } from '../../core/clock.ts';
import type { Listener, Peer, Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { ownAnswer } from '../forward/index.ts';
import { ClientConnection } from './client-connection.ts';
import type { Edge } from './edge.ts';

/** How often deadlines are looked at; a deadline is met within this time. */
const SWEEP_MS = 250;
const DRAIN_LOOK_MS = 20;

/** Nothing is read from a connection that is over the limit. */
const REFUSED: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** The listener and all its connections: limits, deadlines, drain. */
export class HttpServer {
  readonly #edge: Edge;
  readonly #clock: Clock;
  readonly #onSweep: (now: number) => void;
  readonly #connections = new Set<ClientConnection>();
  readonly #perClient = new Map<string, number>();
  #listener: Listener | undefined;
  #timer: Timer | undefined;
  #idle: (() => void) | undefined;

  constructor(edge: Edge, clock: Clock, onSweep: (now: number) => void) {
    this.#edge = edge;
    this.#clock = clock;
    this.#onSweep = onSweep;
  }

  get connections(): number {
    return this.#connections.size;
  }

  async listen(reactor: Reactor, address: { readonly host: string; readonly port: number }): Promise<Peer> {
    this.#listener = await reactor.listen(address, (transport) => this.#accept(transport));
    this.#timer = this.#clock.every(SWEEP_MS, () => this.#sweep());
    return this.#listener.address;
  }

  #accept(transport: Transport): TransportHandler {
    const { limits } = this.#edge.config;
    const { ip } = transport.remote;
    const same = this.#perClient.get(ip) ?? 0;
    if (this.#connections.size >= limits.maxConnections || same >= limits.connectionsPerClient) {
      this.#edge.countOwnAnswer('too-many-connections', ip);
      transport.writeOwned(ownAnswer('too-many-connections', { close: true, head: false }));
      transport.end();
      this.#clock.after(SWEEP_MS, () => transport.destroy());
      return REFUSED;
    }
    this.#perClient.set(ip, same + 1);
    const connection = new ClientConnection(this.#edge, transport, (c) => this.#closed(c));
    this.#connections.add(connection);
    return connection;
  }

  #closed(connection: ClientConnection): void {
    if (!this.#connections.delete(connection)) return;
    const { ip } = connection.facts;
    const left = (this.#perClient.get(ip) ?? 1) - 1;
    if (left === 0) this.#perClient.delete(ip);
    else this.#perClient.set(ip, left);
    if (this.#connections.size === 0) this.#idle?.();
  }

  #sweep(): void {
    const now = this.#edge.now();
    for (const connection of this.#connections) connection.checkDeadline(now);
    this.#onSweep(now);
  }

  /** Refuse new connections, close idle ones, let running requests finish until the deadline, then cut the rest. */
  async drain(deadlineMs: number): Promise<void> {
    await this.#listener?.close();
    const end = this.#edge.now() + deadlineMs;
    while (this.#connections.size > 0 && this.#edge.now() < end) {
      for (const connection of this.#connections) connection.drain(false);
      await this.#quiet(Math.min(DRAIN_LOOK_MS, deadlineMs));
    }
    for (const connection of this.#connections) connection.drain(true);
    this.#timer?.cancel();
  }

  /** Resolve when the last connection is gone, at the latest after `ms`. */
  #quiet(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      this.#idle = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
