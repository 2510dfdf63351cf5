import type { Clock, Timer } from '../../core/clock.ts';
import type { Transport, TransportHandler } from '../../net/index.ts';
import { ownAnswer } from '../forward/index.ts';
import { ClientConnection } from './client-connection.ts';
import { ClientFactsBook } from './client-facts.ts';
import type { Edge } from './edge.ts';
import { Roster } from './roster.ts';

/** How often deadlines are looked at; a deadline is met within this time. */
const SWEEP_MS = 250;

/** Nothing is read from a connection that is over the limit. */
const REFUSED: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** Whether one more connection may be (`SharedCounts`). */
export interface ConnectionCounts {
  open(
    ip: string,
    limits: { readonly maxConnections: number; readonly connectionsPerClient: number },
  ): boolean;
  close(ip: string): void;
}

/**
 * All client connections of a plane, whichever listener they came by: limits, deadlines, drain. Nothing here waits on a
 * promise, for an engine that owns its thread runs none.
 */
export class Connections {
  readonly #edge: Edge;
  readonly #clock: Clock;
  readonly #counts: ConnectionCounts;
  readonly #facts: ClientFactsBook;
  readonly #connections = new Roster<ClientConnection>();
  readonly #sweeping: Timer;

  /** `onSweep` is called several times a second. */
  constructor(edge: Edge, clock: Clock, counts: ConnectionCounts, onSweep: (now: number) => void) {
    this.#edge = edge;
    this.#clock = clock;
    this.#counts = counts;
    this.#facts = new ClientFactsBook(edge.isTrusted, (session) => edge.secureFacts(session));
    this.#sweeping = clock.every(SWEEP_MS, () => {
      const now = edge.now();
      this.#connections.each((connection) => connection.checkDeadline(now));
      onSweep(now);
    });
  }

  /** A client's connection that came by `listener`: speak HTTP/1.1 if the limits allow. */
  accept(transport: Transport, listener: string): TransportHandler {
    return this.admit(transport) ? this.serve(transport, { listener, counted: true }) : REFUSED;
  }

  /**
   * Count a client's connection; false: it is over the limits, and has been told so. For those who speak another protocol on
   * it: they call `serve` for each stream, and `left` in the end. What comes with TLS was counted before its handshake.
   */
  admit(transport: Transport): boolean {
    if (transport.secure !== undefined) return true;
    const { ip } = transport.remote;
    if (this.#counts.open(ip, this.#edge.config.limits)) return true;
    this.#edge.countOwnAnswer('too-many-connections', ip);
    transport.writeOwned(ownAnswer('too-many-connections', { close: true, head: false }));
    transport.end();
    this.#clock.after(SWEEP_MS, () => transport.destroy());
    return false;
  }

  /** A connection that `admit` has counted is gone. */
  left(ip: string): void {
    this.#counts.close(ip);
  }

  /** Speak HTTP/1.1 over any byte stream. `counted`: it is the client's connection itself, not a stream within one. */
  serve(
    transport: Transport,
    { listener, counted }: { readonly listener: string; readonly counted: boolean },
  ): ClientConnection {
    const onClosed = (c: ClientConnection): void => {
      if (!this.#connections.remove(c)) return;
      if (counted) this.left(c.facts.ip);
    };
    const connection = new ClientConnection(
      this.#edge,
      transport,
      this.#facts.of(transport),
      onClosed,
      listener,
    );
    this.#connections.add(connection);
    return connection;
  }

  closeIdle(): void {
    this.#connections.each((connection) => connection.drain(false));
  }

  /** WebSockets are asked to end. */
  goAway(): void {
    this.#connections.each((connection) => connection.goAway());
  }

  /** The end of all: how many were cut. */
  cut(): number {
    this.#sweeping.cancel();
    const { size } = this.#connections;
    this.#connections.each((connection) => connection.drain(true));
    return size;
  }
}
