import type { Clock } from '../../core/clock.ts';
import { DatagramControl } from '../datagram-control.ts';
import type { LinuxWorkerSocket, LoopListener } from '../datagram-sockets.ts';
import type { DatagramHandler } from '../datagrams.ts';
import { netErrors } from '../errors.ts';
import { BATCH, DatagramBatch } from './batch.ts';
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITFORONE } from './constants.ts';
import { Gathering } from './gathering.ts';
import { systemError } from './libc.ts';
import type { Libc } from './libc.ts';

/**
 * Receive and answer until told to stop, on this thread, which does nothing else meanwhile: no event, no timer, no message
 * comes through. The kernel wakes it for datagrams, and every 200 ms to look at the word that says stop (SO_RCVTIMEO).
 * Throws when the socket cannot be read any more.
 */
export function runLoop(
  libc: Libc,
  socket: LinuxWorkerSocket,
  handler: DatagramHandler,
  listener: LoopListener,
  clock: Pick<Clock, 'monotonic'>,
): void {
  const control = new DatagramControl(socket.control);
  const counters = control.counters(socket.worker);
  const batch = new DatagramBatch(libc, socket);
  const { datagram, returnAddress } = batch;

  const look = (count: number): void => {
    if (!handler.look) return;
    for (let slot = 0; slot < count; slot++) {
      try {
        if (batch.open(slot)) handler.look(datagram, slot);
      } catch (error) {
        listener.onFault(error);
      }
    }
    handler.looked?.(count);
  };

  const answers = (count: number): number => {
    let answered = 0;
    for (let slot = 0; slot < count; slot++) {
      if (!batch.open(slot)) {
        counters.refused += 1;
        continue;
      }
      try {
        const length = handler.handle(datagram, returnAddress, slot);
        if (length === 0) continue;
        if (!(length > 0 && length <= datagram.replyRoom)) throw new RangeError(`a reply of ${length} bytes`);
        batch.answer(answered, length);
        answered++;
      } catch (error) {
        counters.faults += 1;
        listener.onFault(error);
      }
    }
    return answered;
  };

  const gathering = new Gathering(socket.gatherUs, () => clock.monotonic());
  let restUs = 0;
  listener.onListening();
  while (!control.stopped) {
    const how = restUs > 0 ? MSG_DONTWAIT : MSG_WAITFORONE;
    const count = libc.recvmmsg(socket.fd, batch.received, BATCH, how, 0);
    if (count < 0) {
      restUs = 0;
      const errno = libc.errno();
      if (errno === EAGAIN || errno === EINTR) continue;
      throw netErrors.NET_RECEIVE_FAILED({ reason: systemError('recvmmsg', errno).message });
    }
    const arrived = Math.min(count, BATCH);
    counters.received += arrived;
    handler.begin();
    look(arrived);
    const answered = answers(arrived);
    const sent = answered === 0 ? 0 : sendAll(libc, socket.fd, batch, answered);
    counters.sent += sent;
    counters.unsent += answered - sent;
    handler.end();
    batch.reset(arrived);
    restUs = gathering.restUs(arrived);
    if (restUs > 0) libc.usleep(restUs);
  }
}

/**
 * Returns how many the kernel took. It stops at the first that it does not (no route, forbidden, queue full): that one is given up,
 * the rest is sent.
 */
function sendAll(libc: Libc, fd: number, batch: DatagramBatch, count: number): number {
  let sent = 0;
  for (let at = 0; at < count;) {
    const n = libc.sendmmsg(fd, batch.toSend(at), count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      sent += n;
      at += n;
    } else if (libc.errno() !== EINTR) at += 1;
  }
  return sent;
}
