import { connect } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { InheritedSockets } from '../../core/predecessor.ts';
import { netErrors } from '../errors.ts';
import type { ConnectOptions, ListenOptions, Peer, Reactor, Transport, TransportHandler } from '../types.ts';
import { ReadBuffers } from './read-buffers.ts';
import { readOnWhenWritesFail } from './read-on.ts';
import { listenTcp, listenTls } from './tcp-listener.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { TcpShared } from './tcp-transport.ts';
import { secureConnect } from './tls/connect.ts';
import { PortableSecureContext } from './tls/context.ts';
import { udpSocket } from './udp.ts';

/** The engine on node:net and node:dgram: runs wherever Node runs. */
export function createPortableReactor(parts: {
  readonly clock: Clock;
  readonly log: Logger;
  /** Take accepted sockets over from Node to read into pooled buffers (the default), or use public interfaces only. */
  readonly ownBuffers?: boolean;
  /** Taken over wherever something is to be opened that is bound already. */
  readonly inherited?: InheritedSockets;
}): Reactor {
  const shared: TcpShared = { log: parts.log, buffers: new ReadBuffers(), reading: undefined };
  const found = (protocol: 'tcp' | 'udp', options: ListenOptions): ListenOptions => {
    const [descriptor] = parts.inherited?.take(protocol, options.host, options.port) ?? [];
    return descriptor === undefined ? options : { ...options, descriptor };
  };
  return {
    listen: (options, accept) =>
      options.secure
        ? listenTls({ shared, clock: parts.clock, secure: options.secure, accept }, found('tcp', options))
        : listenTcp(shared, found('tcp', options), accept, parts.ownBuffers ?? true),
    connect: (to, options, handler) => connectTcp(shared, parts.clock, to, options, handler),
    secureContext: (options) => new PortableSecureContext(options),
    udp: (options, onMessage) => udpSocket(found('udp', options), onMessage),
  };
}

function connectTcp(
  shared: TcpShared,
  clock: Clock,
  to: Peer,
  { timeoutMs, secure }: ConnectOptions,
  handler: TransportHandler,
): Transport {
  const transport = new TcpTransport(shared, handler);
  const socket = connect({
    host: to.ip,
    port: to.port,
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: false,
    ...(secure ? {} : { onread: transport.readOptions() }),
  });
  const timer = clock.after(timeoutMs, () =>
    socket.destroy(netErrors.NET_CONNECT_TIMEOUT({ ip: to.ip, port: to.port, timeoutMs })),
  );
  socket.once('close', () => timer.cancel());
  if (secure) {
    secureConnect(transport, socket, to, secure, () => timer.cancel());
    return transport;
  }
  readOnWhenWritesFail(socket);
  transport.attach(socket, false);
  socket.once('connect', () => {
    timer.cancel();
    transport.onConnect();
  });
  return transport;
}
