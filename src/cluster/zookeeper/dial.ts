import { connect } from 'node:net';
import type { ZooKeeperServer } from './address.ts';

/** What a wire tells. After `onClose`, which comes exactly once, it tells nothing more. */
export interface WireListener {
  onOpen(): void;
  onBytes(bytes: Uint8Array): void;
  onClose(reason: string): void;
}

/** One connection, as bytes. */
export interface Wire {
  write(bytes: Uint8Array): void;
  /** Send what was written, then end. */
  end(): void;
  /** Be gone; the listener is told. */
  destroy(reason: string): void;
}

export type Dial = (server: ZooKeeperServer, listener: WireListener) => Wire;

/** Over TCP, with node:net. Time limits are for the caller. */
export const dialTcp: Dial = (server, listener) => {
  let reason = 'the server closed the connection';
  const socket = connect({ host: server.host, port: server.port, noDelay: true, keepAlive: true });
  socket.on('connect', () => listener.onOpen());
  socket.on('data', (bytes) => listener.onBytes(bytes));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.message === '' ? (error.code ?? 'the connection failed') : error.message;
  });
  socket.on('close', () => listener.onClose(reason));
  return {
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    destroy: (why) => {
      reason = why;
      socket.destroy();
    },
  };
};
