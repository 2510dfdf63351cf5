import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Peer, Reactor, Transport, TransportHandler } from '../../net/index.ts';
import type { LbConfig } from '../config.ts';
import { ClientProtocols, Http2Client, Http2Context } from '../http2/index.ts';
import type { Http2Limits } from '../http2/index.ts';
import type { Connections } from '../server/connections.ts';
import type { Http2Numbers } from './http2-numbers.ts';

export interface PlaneHttp2Parts {
  readonly config: LbConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly reactor: Pick<Reactor, 'connect'>;
  /** Run soon, after the handlers that run now have returned, in order. */
  readonly defer: (f: () => void) => void;
  /** Milliseconds, also within a turn. */
  readonly stopwatch: () => number;
  readonly connections: Connections;
  /** A request was answered with 431 before it became one. */
  readonly onHeadTooLarge: (ip: string) => void;
}

/** HTTP/2 of one plane: with clients on every listener of HTTP, and towards instances that are to be spoken to so. */
export class PlaneHttp2 {
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #enabled: boolean;
  readonly #protocols: ClientProtocols;
  readonly #instances: Http2Client;

  constructor(parts: PlaneHttp2Parts) {
    const { config, clock, random, defer, stopwatch, reactor, connections, onHeadTooLarge } = parts;
    const limits = limitsOf(config);
    this.#clock = clock;
    this.#connections = connections;
    this.#enabled = config.http2.enabled;
    // An answer may come while a request is being written: each side has scratch memory of its own.
    const context = (): Http2Context => new Http2Context({ clock, random, defer, stopwatch, limits });
    this.#protocols = new ClientProtocols(context(), connections, onHeadTooLarge);
    this.#instances = new Http2Client(context(), reactor);
  }

  /** A new connection of a client, whatever it speaks. */
  accept(transport: Transport, listener: string): TransportHandler {
    if (!this.#enabled) return this.#connections.accept(transport, listener);
    return this.#protocols.accept(transport, listener);
  }

  /** As `Reactor.connect`, to instances that speak HTTP/2. */
  get instances(): Http2Client {
    return this.#instances;
  }

  /** The endpoint takes no new requests; running ones finish. */
  retire(endpoint: Peer): void {
    this.#instances.retire(endpoint);
  }

  /** Called several times a second. `now`: monotonic milliseconds. */
  sweep(now: number): void {
    this.#protocols.checkDeadline(now);
  }

  get numbers(): Http2Numbers {
    const { size, streams } = this.#protocols;
    const { connections, openStreams } = this.#instances;
    return { clients: { connections: size, streams }, instances: { connections, streams: openStreams } };
  }

  /** Clients are told to go (GOAWAY), and running streams finish; `force`: their time is over. To be called again and again. */
  drain(force: boolean): void {
    this.#protocols.drain(force);
    this.#protocols.checkDeadline(this.#clock.monotonic());
  }

  /** At the end of all: cut the connections to instances. */
  close(): void {
    this.#instances.close();
  }
}

/** One message may be as large as in HTTP/1.1. */
function limitsOf({ http2, limits, timeouts }: LbConfig): Http2Limits {
  const { maxConcurrentStreams, streamWindowBytes, connectionWindowBytes, idleMs, stallMs } = http2;
  return {
    concurrentStreams: maxConcurrentStreams,
    streamWindowBytes,
    connectionWindowBytes: Math.max(connectionWindowBytes, streamWindowBytes),
    headBytes: limits.headBytes,
    fields: limits.headers,
    headMs: timeouts.headMs,
    idleMs,
    stallMs,
  };
}
