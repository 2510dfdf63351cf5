import { netErrors } from '../../errors.ts';
import type { ConnectOptions, Peer, TransportHandler } from '../../types.ts';
import { AF_INET, AF_INET6, SOCK_CLOEXEC } from '../constants.ts';
import { systemError } from '../libc.ts';
import { TcpConnection } from './connection.ts';
import { connectError } from './errors.ts';
import { EINPROGRESS, SOCK_NONBLOCK, SOCK_STREAM } from './constants.ts';
import type { Streams } from './streams.ts';

const EINVAL = 22;

/** Start connecting. Whatever comes of it, the handler hears of it in a later turn. */
export function connectTcp(
  streams: Streams,
  to: Peer,
  options: ConnectOptions,
  handler: TransportHandler,
): TcpConnection {
  const { calls, loop } = streams;
  const { timeoutMs } = options;
  const family = to.ip.includes(':') ? 6 : 4;
  const kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = calls.socket(family === 4 ? AF_INET : AF_INET6, kind, 0);
  const error = fd < 0 ? systemError('socket', calls.errno()) : start(streams, fd, family, to);
  const deadline = loop.clock.after(timeoutMs, () =>
    connection.destroy(netErrors.NET_CONNECT_TIMEOUT({ ip: to.ip, port: to.port, timeoutMs })),
  );
  const connection = new TcpConnection(streams, handler, fd, to, deadline);
  if (error) {
    connection.close(error);
    return connection;
  }
  try {
    connection.watch();
  } catch (refused) {
    connection.close(refused instanceof Error ? refused : new Error(String(refused)));
  }
  return connection;
}

function start(streams: Streams, fd: number, family: 4 | 6, to: Peer): Error | undefined {
  const { calls } = streams;
  streams.noDelay(fd);
  const length = streams.putName(family, to);
  if (length === 0) return connectError(EINVAL, to);
  if (calls.connect(fd, streams.namePointer, length) >= 0) return undefined;
  const errno = calls.errno();
  return errno === EINPROGRESS ? undefined : connectError(errno, to);
}
