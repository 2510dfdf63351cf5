import type { StreamCalls } from './calls.ts';

/** Descriptors above are not written down; no usual limit lets a process have them. */
const MOST = 1 << 20;

/** Memory for a ledger that two threads see. */
export const ledgerMemory = (): SharedArrayBuffer => new SharedArrayBuffer(MOST >> 3);

/**
 * The calls, writing down in `memory` which descriptors are open. Descriptors belong to the process: when a thread dies,
 * somebody else must close its sockets, or the kernel goes on handing connections to a listener without ears.
 */
export function withLedger(calls: StreamCalls, memory: SharedArrayBuffer): StreamCalls {
  const words = new Int32Array(memory);
  const opened = (fd: number): number => {
    if (fd >= 0 && fd < MOST) words[fd >> 5] = (words[fd >> 5] as number) | (1 << (fd & 31));
    return fd;
  };
  return {
    ...calls,
    socket: (family, type, protocol) => opened(calls.socket(family, type, protocol)),
    // It may have been opened elsewhere.
    listen: (fd, backlog) => calls.listen(opened(fd), backlog),
    accept4: (fd, address, length, flags) => opened(calls.accept4(fd, address, length, flags)),
    epoll_create1: (flags) => opened(calls.epoll_create1(flags)),
    eventfd: (value, flags) => opened(calls.eventfd(value, flags)),
    pipe2(fds, flags, ends) {
      const result = calls.pipe2(fds, flags, ends);
      if (result >= 0) for (const fd of ends) opened(fd);
      return result;
    },
    close(fd) {
      // Before it is closed: the number may be another thread's the moment after.
      if (fd >= 0 && fd < MOST) words[fd >> 5] = (words[fd >> 5] as number) & ~(1 << (fd & 31));
      return calls.close(fd);
    },
  };
}

/** Close what a thread that is gone left open; returns how many there were. */
export function closeLedger(calls: Pick<StreamCalls, 'close'>, memory: SharedArrayBuffer): number {
  const words = new Int32Array(memory);
  let closed = 0;
  for (const [at, word] of words.entries()) {
    if (word === 0) continue;
    words[at] = 0;
    for (let bit = 0; bit < 32; bit++) {
      if ((word & (1 << bit)) === 0) continue;
      calls.close(at * 32 + bit);
      closed++;
    }
  }
  return closed;
}
