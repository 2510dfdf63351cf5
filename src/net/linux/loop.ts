import type { Clock } from '../../core/clock.ts';
import { DatagramControl } from '../datagram-control.ts';
import type { LinuxWorkerSocket, LoopListener } from '../datagram-sockets.ts';
import type { DatagramHandler } from '../datagrams.ts';
import { netErrors } from '../errors.ts';
import { BATCH, DatagramBatch } from './batch.ts';
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITFORONE } from './constants.ts';
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

  const look = (first: number, count: number): void => {
    if (!handler.look) return;
    for (let slot = first; slot < count; slot++) {
      try {
        if (batch.open(slot)) handler.look(datagram, slot);
      } catch (error) {
        listener.onFault(error);
      }
    }
    handler.looked?.(count);
  };

  const answers = (first: number, count: number): number => {
    let answered = 0;
    for (let slot = first; slot < count; slot++) {
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

  const rate = new Rate(() => clock.monotonic());
  let gathered = false;
  listener.onListening();
  while (!control.stopped) {
    const how = gathered ? MSG_DONTWAIT : MSG_WAITFORONE;
    const count = libc.recvmmsg(socket.fd, batch.received, BATCH, how, 0);
    if (count < 0) {
      gathered = false;
      const errno = libc.errno();
      if (errno === EAGAIN || errno === EINTR) continue;
      throw netErrors.NET_RECEIVE_FAILED({ reason: systemError('recvmmsg', errno).message });
    }
    const arrived = Math.min(count, BATCH);
    const first = batch.isWake ? 1 : 0;
    counters.received += arrived - first;
    handler.begin();
    look(first, arrived);
    const answered = answers(first, arrived);
    const sent = answered === 0 ? 0 : sendAll(libc, socket.fd, batch, answered);
    counters.sent += sent;
    counters.unsent += answered - sent;
    handler.end();
    batch.reset(arrived);
    // A full batch means that more is waiting already.
    gathered = socket.gatherUs > 0 && rate.isHigh(arrived) && arrived < BATCH;
    if (gathered) libc.usleep(socket.gatherUs);
  }
}

/** From so many datagrams a millisecond on, to let them gather costs less than to be woken for each. */
const HIGH_PER_MS = 8;
/** Between two looks at the clock. */
const LOOK_EVERY = 64;

/** Knows whether datagrams come fast now. */
class Rate {
  readonly #now: () => number;
  #since: number;
  #seen = 0;
  #high = false;

  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  isHigh(arrived: number): boolean {
    this.#seen += arrived;
    if (this.#seen < LOOK_EVERY) return this.#high;
    const now = this.#now();
    this.#high = this.#seen > HIGH_PER_MS * (now - this.#since);
    this.#since = now;
    this.#seen = 0;
    return this.#high;
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
