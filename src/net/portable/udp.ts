import { createSocket } from 'node:dgram';
import { errorText } from '../../core/errors.ts';
import { netErrors } from '../errors.ts';
import type { DatagramSocket, ListenOptions, Peer } from '../types.ts';

/** UDP over node:dgram: one system call per datagram. */
export function udpSocket(
  options: ListenOptions,
  onMessage: (bytes: Uint8Array, from: Peer) => void,
): Promise<DatagramSocket> {
  const socket = createSocket({
    type: options.host.includes(':') ? 'udp6' : 'udp4',
    ...(options.reusePort ? { reusePort: true } : {}),
  });
  socket.on('message', (bytes, from) => onMessage(bytes, { ip: from.address, port: from.port }));
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      const details = {
        protocol: 'udp',
        host: options.host,
        port: options.port,
        reason: errorText(error),
      };
      reject(netErrors.NET_LISTEN_FAILED(details, error));
    });
    socket.bind({ address: options.host, port: options.port }, () => {
      socket.removeAllListeners('error');
      socket.on('error', () => {}); // best effort: ICMP refusals and the like are no news to a server
      const bound = socket.address();
      resolve({
        address: { ip: bound.address, port: bound.port },
        send: (bytes, to) => socket.send(Buffer.from(bytes), to.port, to.ip, () => {}),
        close: () => new Promise((done) => void socket.close(() => done())),
      });
    });
  });
}
