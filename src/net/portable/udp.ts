import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { errorText } from '../../core/errors.ts';
import { netErrors } from '../errors.ts';
import type { DatagramSocket, ListenOptions, Peer } from '../types.ts';

/** Room for a burst while the thread is busy; the system may grant less (net.core.rmem_max). */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** UDP over node:dgram: one system call per datagram. Peers and hosts are IP literals. */
export async function udpSocket(
  options: ListenOptions,
  onMessage: (bytes: Uint8Array, from: Peer) => void,
): Promise<DatagramSocket> {
  const family = options.host.includes(':') ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Addresses are literals: answering at once spares a turn of the event loop per datagram.
    lookup: (host, _options, done) => done(null, host, family),
    ...(options.reusePort ? { reusePort: true } : {}),
  });
  await bind(socket, options);
  socket.on('message', (bytes, from) => onMessage(bytes, { ip: from.address, port: from.port }));
  socket.on('error', () => {}); // best effort: refusals by the peer's machine are no news to a server
  const bound = socket.address();
  let closed: Promise<void> | undefined;
  return {
    address: { ip: bound.address, port: bound.port },
    send(bytes, to) {
      // The copy: a datagram that cannot leave at once is queued, and the caller uses its buffer again.
      // From port 0 (spoofed, most likely) there is no way back, and Node throws at the attempt.
      if (!closed && to.port !== 0) socket.send(Buffer.from(bytes), to.port, to.ip);
    },
    close() {
      closed ??= new Promise((resolve) => void socket.close(() => resolve()));
      return closed;
    },
  };
}

function bind(socket: Socket, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.close();
      const details = { protocol: 'udp', host: options.host, port: options.port, reason: errorText(error) };
      reject(netErrors.NET_LISTEN_FAILED(details, error));
    };
    socket.once('error', failed);
    const { host: address, port, descriptor: fd } = options;
    socket.bind(fd === undefined ? { address, port } : { fd }, () => {
      socket.off('error', failed);
      resolve();
    });
  });
}
