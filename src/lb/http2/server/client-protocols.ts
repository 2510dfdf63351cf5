import type { Transport, TransportHandler } from '../../../net/index.ts';
import type { Http2Context } from '../context.ts';
import { PREFACE } from '../protocol.ts';
import { Http2ServerConnection } from './server-connection.ts';

/** This much of the preface can be nothing else: HTTP/1.1 has no method PRI (RFC 9113 §3.4). */
const TELLING_BYTES = 14;

/** Where connections and streams are served as HTTP/1.1 (`Connections` of lb/server). */
export interface Http1Side {
  /** Count a client's connection; false: it is over the limits, and has been told so. */
  admit(transport: Transport): boolean;
  /** A connection that `admit` has counted is gone. */
  left(ip: string): void;
  /** Speak HTTP/1.1. `counted`: it is the client's connection itself, not a stream within one. */
  serve(
    transport: Transport,
    how: { readonly listener: string; readonly counted: boolean },
  ): TransportHandler;
}

const REFUSED: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/**
 * Finds out what a client speaks: over TLS ALPN has said it, in the clear the first bytes do (prior knowledge, RFC 9113
 * §3.3; HTTP/1.1 is never upgraded to HTTP/2). Keeps the connections of HTTP/2.
 */
export class ClientProtocols {
  readonly #context: Http2Context;
  readonly #http1: Http1Side;
  readonly #onHeadTooLarge: (ip: string) => void;
  readonly #connections = new Set<Http2ServerConnection>();

  /** `onHeadTooLarge` counts the one answer that is given without a request of HTTP/1.1 (431). */
  constructor(context: Http2Context, http1: Http1Side, onHeadTooLarge: (ip: string) => void) {
    this.#context = context;
    this.#http1 = http1;
    this.#onHeadTooLarge = onHeadTooLarge;
  }

  /** Connections of HTTP/2. */
  get size(): number {
    return this.#connections.size;
  }

  /** Streams that are open on them. */
  get streams(): number {
    let n = 0;
    for (const connection of this.#connections) n += connection.openStreams;
    return n;
  }

  /** The handler for a new connection. */
  accept(transport: Transport, listener: string): TransportHandler {
    const alpn = transport.secure?.alpn;
    if (alpn === 'h2') return this.#http2(transport, listener);
    if (!this.#http1.admit(transport)) return REFUSED;
    const http1 = this.#http1.serve(transport, { listener, counted: true });
    if (transport.secure !== undefined) return http1;
    // Until the first bytes are there it is a connection of HTTP/1.1, with the deadlines of one.
    return new Sniffer(transport, http1, () => {
      http1.onClose(undefined);
      return this.#http2(transport, listener);
    });
  }

  #http2(transport: Transport, listener: string): TransportHandler {
    if (!this.#http1.admit(transport)) return REFUSED;
    const { ip } = transport.remote;
    const connection = new Http2ServerConnection(this.#context, transport, {
      accept: (stream) => this.#http1.serve(stream, { listener, counted: false }),
      onClosed: (gone) => {
        this.#connections.delete(gone);
        this.#http1.left(ip);
      },
      onHeadTooLarge: () => this.#onHeadTooLarge(ip),
    });
    this.#connections.add(connection);
    return connection;
  }

  /** To be called several times a second. `now`: monotonic milliseconds. */
  checkDeadline(now: number): void {
    for (const connection of this.#connections) connection.checkDeadline(now);
  }

  /** The load balancer stops: GOAWAY, running streams finish; `force`: their time is over. May be called again and again. */
  drain(force: boolean): void {
    for (const connection of this.#connections) connection.drain(force);
  }
}

/** Reads the first bytes of a connection, then hands it over. */
class Sniffer implements TransportHandler {
  readonly #transport: Transport;
  readonly #http1: TransportHandler;
  readonly #http2: () => TransportHandler;
  #seen = 0;

  constructor(transport: Transport, http1: TransportHandler, http2: () => TransportHandler) {
    this.#transport = transport;
    this.#http1 = http1;
    this.#http2 = http2;
  }

  onData(bytes: Uint8Array): void {
    const before = this.#seen;
    const n = Math.min(TELLING_BYTES - before, bytes.length);
    let same = 0;
    while (same < n && bytes[same] === PREFACE[before + same]) same += 1;
    if (same === n && before + n < TELLING_BYTES) {
      this.#seen = before + n;
      return;
    }
    const handler = same === n ? this.#http2() : this.#http1;
    this.#transport.handler = handler;
    // What came before was the beginning of the preface, and nothing else.
    if (before > 0) handler.onData(PREFACE.slice(0, before));
    handler.onData(bytes);
  }

  onEnd(): void {
    this.#http1.onEnd();
  }

  onDrain(): void {
    this.#http1.onDrain();
  }

  onClose(error: Error | undefined): void {
    this.#http1.onClose(error);
  }
}
