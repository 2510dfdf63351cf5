import type { Socket } from 'node:net';

type Done = (error?: Error | null) => void;

/**
 * Node closes a socket when a write fails, and throws away what the peer said before it stopped listening: an early
 * answer to an upload, such as 413. So a failed write counts as done, and reading goes on to its end, which is near,
 * for the peer is gone. Where nothing is left to read the failure ends the socket as usual.
 */
export function readOnWhenWritesFail(socket: Socket): void {
  const orReadOn =
    (done: Done): Done =>
    (error) => {
      if (!error || socket.readableEnded || socket.destroyed) return done(error);
      socket.resume();
      done();
    };
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, orReadOn(done));
  if (writev) socket._writev = (chunks, done) => writev(chunks, orReadOn(done));
}
