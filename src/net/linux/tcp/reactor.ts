import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { errorText } from '../../../core/errors.ts';
import { netErrors } from '../../errors.ts';
import type {
  ClientHello,
  ConnectOptions,
  DatagramSocket,
  Listener,
  ListenOptions,
  ListenSecurely,
  Peer,
  Reactor,
  Relay,
  SecureContext,
  SecureContextOptions,
  Transport,
  TransportHandler,
} from '../../types.ts';
import { connectTcp } from './connect.ts';
import { TcpConnection } from './connection.ts';
import { TcpListener } from './listener.ts';
import type { Loop } from './loop.ts';
import { relayBetween } from './relay.ts';
import { Streams } from './streams.ts';
import { LoopUdp } from './udp.ts';

/**
 * TLS for these connections. It takes their events by `TcpConnection.shut` for the time of the handshake, gives them back by
 * `open` with the session as ByteIo, and says what was agreed on in `secure`. A handshake that fails ends in `close`.
 */
export interface SecureLayer {
  context(options: SecureContextOptions): SecureContext;
  /** One was accepted: `accept` it, its handler set, when it speaks TLS or passes through. */
  accepted(connection: TcpConnection, options: ListenSecurely, accept: Accept): void;
  /** One that we opened is connected, and its deadline still runs: `opened` when it speaks TLS. */
  connected(connection: TcpConnection, options: NonNullable<ConnectOptions['secure']>): void;
  /** The loop has ended. */
  close(): void;
}

type Accept = (transport: Transport, hello?: ClientHello) => TransportHandler;

/** The engine on epoll, for one thread: nothing happens but in the turns of its loop. */
export class LinuxReactor implements Reactor {
  readonly #streams: Streams;
  readonly #secure: SecureLayer | undefined;

  constructor(loop: Loop, secure?: (streams: Streams) => SecureLayer) {
    this.#streams = new Streams(loop);
    this.#secure = secure?.(this.#streams);
  }

  async listen(options: ListenOptions, accept: Accept): Promise<Listener> {
    const { secure } = options;
    const layer = secure && this.#layer();
    const ip = await addressFor('tcp', options);
    return new TcpListener(this.#streams, options, ip, (connection) => {
      if (secure && layer) layer.accepted(connection, secure, accept);
      else connection.handler = accept(connection);
    });
  }

  connect(to: Peer, options: ConnectOptions, handler: TransportHandler): Transport {
    const { secure } = options;
    const layer = secure && this.#layer();
    const connection = connectTcp(this.#streams, to, options, handler);
    if (secure && layer) connection.negotiate = () => layer.connected(connection, secure);
    return connection;
  }

  secureContext(options: SecureContextOptions): SecureContext {
    return this.#layer().context(options);
  }

  #layer(): SecureLayer {
    if (!this.#secure) throw new Error('this engine was made without TLS');
    return this.#secure;
  }

  async udp(
    options: ListenOptions,
    onMessage: (bytes: Uint8Array, from: Peer) => void,
  ): Promise<DatagramSocket> {
    const ip = await addressFor('udp', options);
    return new LoopUdp(this.#streams, options, ip, onMessage);
  }

  relay(a: Transport, b: Transport): Relay | undefined {
    if (!(a instanceof TcpConnection && b instanceof TcpConnection)) return undefined;
    return relayBetween(a, b);
  }

  /** The loop has ended: give back what is kept for later. */
  close(): void {
    this.#secure?.close();
    this.#streams.pipes.close();
  }
}

/** The address that a host to listen at stands for. */
async function addressFor(protocol: string, { host, port }: ListenOptions): Promise<string> {
  if (isIP(host.split('%')[0] ?? '') !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw netErrors.NET_LISTEN_FAILED({ protocol, host, port, reason: errorText(error) }, error);
  }
}
