import { connect } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { netErrors } from '../errors.ts';
import type { Peer, Reactor, Transport, TransportHandler } from '../types.ts';
import { ReadBuffers } from './read-buffers.ts';
import { readOnWhenWritesFail } from './read-on.ts';
import { listenTcp } from './tcp-listener.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { TcpShared } from './tcp-transport.ts';
import { udpSocket } from './udp.ts';

/** The engine on node:net and node:dgram: runs wherever Node runs. */
export function createPortableReactor(parts: {
  readonly clock: Clock;
  readonly log: Logger;
  /** Take accepted sockets over from Node to read into pooled buffers (the default), or use public interfaces only. */
  readonly ownBuffers?: boolean;
}): Reactor {
  const shared: TcpShared = { log: parts.log, buffers: new ReadBuffers(), reading: undefined };
  return {
    listen: (options, accept) => listenTcp(shared, options, accept, parts.ownBuffers ?? true),
    connect: (to, options, handler) => connectTcp(shared, parts.clock, to, options.timeoutMs, handler),
    udp: (options, onMessage) => udpSocket(options, onMessage),
  };
}

function connectTcp(
  shared: TcpShared,
  clock: Clock,
  to: Peer,
  timeoutMs: number,
  handler: TransportHandler,
): Transport {
  const transport = new TcpTransport(shared, handler);
  const socket = connect({
    host: to.ip,
    port: to.port,
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: false,
    onread: transport.readOptions(),
  });
  readOnWhenWritesFail(socket);
  transport.attach(socket, false);
  const timer = clock.after(timeoutMs, () =>
    socket.destroy(netErrors.NET_CONNECT_TIMEOUT({ ip: to.ip, port: to.port, timeoutMs })),
  );
  socket.once('close', () => timer.cancel());
  socket.once('connect', () => {
    timer.cancel();
    transport.onConnect();
  });
  return transport;
}
