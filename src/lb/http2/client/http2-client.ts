import type { Timer } from '../../../core/clock.ts';
import type { ConnectOptions, Peer, Reactor, Transport, TransportHandler } from '../../../net/index.ts';
import type { Http2Context } from '../context.ts';
import { Http2ClientConnection } from './client-connection.ts';

const SWEEP_MS = 250;
/** Connections to one endpoint; more only help where an instance allows few streams for each. */
const MAX_CONNECTIONS = 8;

const NOBODY: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/**
 * Connections of HTTP/2 to instances, in the shape of `Reactor.connect`: what it returns carries HTTP/1.1 like a connection
 * that is kept alive, and is one stream after the other on connections that all requests to an endpoint share.
 */
export class Http2Client {
  readonly #context: Http2Context;
  readonly #reactor: Pick<Reactor, 'connect'>;
  readonly #endpoints = new Map<string, Http2ClientConnection[]>();
  #timer: Timer | undefined;

  constructor(context: Http2Context, reactor: Pick<Reactor, 'connect'>) {
    this.#context = context;
    this.#reactor = reactor;
  }

  /** Connections that are open or being opened. */
  get connections(): number {
    let n = 0;
    for (const list of this.#endpoints.values()) n += list.length;
    return n;
  }

  /** Streams that are open on them. */
  get openStreams(): number {
    let n = 0;
    for (const list of this.#endpoints.values()) for (const connection of list) n += connection.openStreams;
    return n;
  }

  /** As `Reactor.connect`, with prior knowledge that the instance speaks HTTP/2 (over TLS: the context offers `h2` by ALPN). */
  connect(to: Peer, options: ConnectOptions, handler: TransportHandler): Transport {
    const key = keyOf(to, options);
    let list = this.#endpoints.get(key);
    if (list === undefined) {
      list = [];
      this.#endpoints.set(key, list);
    }
    let best: Http2ClientConnection | undefined;
    for (const connection of list)
      if (connection.usable && (best === undefined || connection.free > best.free)) best = connection;
    if (best === undefined || (best.free <= 0 && list.length < MAX_CONNECTIONS))
      best = this.#dial(key, to, options, list);
    return best.join(handler, options.timeoutMs);
  }

  #dial(
    key: string,
    to: Peer,
    options: ConnectOptions,
    list: Http2ClientConnection[],
  ): Http2ClientConnection {
    const transport = this.#reactor.connect(to, options, NOBODY);
    const gone = (): void => this.#gone(key, connection);
    const connection = new Connection(this.#context, transport, options.secure !== undefined, gone);
    transport.handler = connection;
    list.push(connection);
    this.#timer ??= this.#context.clock.every(SWEEP_MS, () => this.#sweep());
    return connection;
  }

  #gone(key: string, connection: Http2ClientConnection): void {
    const list = this.#endpoints.get(key);
    const i = list?.indexOf(connection) ?? -1;
    if (list === undefined || i < 0) return;
    list.splice(i, 1);
    if (list.length === 0) this.#endpoints.delete(key);
  }

  #sweep(): void {
    const now = this.#context.now();
    for (const list of this.#endpoints.values())
      for (const connection of list.slice()) connection.checkDeadline(now);
  }

  /** The endpoint is gone from the catalog: no new requests, running ones finish. */
  retire(to: Peer): void {
    for (const [key, list] of this.#endpoints) {
      if (key.startsWith(`${to.ip}|${to.port}|`)) for (const connection of list.slice()) connection.retire();
    }
  }

  /** Close all connections at once. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const list of this.#endpoints.values())
      for (const connection of list.slice()) connection.transport.destroy();
  }
}

/** Tells its pool when it is gone. */
class Connection extends Http2ClientConnection {
  readonly #gone: () => void;

  constructor(context: Http2Context, transport: Transport, secure: boolean, gone: () => void) {
    super(context, transport, secure);
    this.#gone = gone;
  }

  override onClose(error: Error | undefined): void {
    this.#gone();
    super.onClose(error);
  }
}

function keyOf(to: Peer, options: ConnectOptions): string {
  const { secure } = options;
  return `${to.ip}|${to.port}|${secure === undefined ? '' : (secure.terms ?? secure.serverName ?? '*')}`;
}
