import { loadKoffi } from '../libc.ts';
import type { Koffi, Libc } from '../libc.ts';

/**
 * The system calls of the TCP engine, as C has them: pointers are numbers, the result is -1 on failure and `errno()` says
 * why. Descriptors are non-blocking, so none of them waits but `epoll_wait`.
 */
export interface StreamCalls extends Pick<
  Libc,
  'errno' | 'addressOf' | 'socket' | 'setsockopt' | 'bind' | 'getsockname' | 'fcntl' | 'close'
> {
  shutdown(fd: number, how: number): number;
  getsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, length: number, flags: number): number;
  connect(fd: number, address: number, length: number): number;
  recv(fd: number, bytes: number, length: number, flags: number): number;
  send(fd: number, bytes: number, length: number, flags: number): number;
  recvfrom(fd: number, bytes: number, length: number, flags: number, from: number, size: number): number;
  sendto(fd: number, bytes: number, length: number, flags: number, to: number, size: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, what: number, fd: number, event: number): number;
  epoll_wait(epoll: number, events: number, room: number, timeoutMs: number): number;
  eventfd(value: number, flags: number): number;
  eventfd_read(fd: number, value: number): number;
  eventfd_write(fd: number, value: number): number;
  /** `ends` is a view of the memory at `fds`. */
  pipe2(fds: number, flags: number, ends: Int32Array): number;
  /** No offsets: pipes and sockets have none. */
  splice(from: number, noOffset: 0, to: number, noOffsetEither: 0, length: number, flags: number): number;
}

export type StreamCallsOrWhyNot =
  | { readonly calls: StreamCalls; readonly whyNot?: undefined }
  | { readonly calls?: undefined; readonly whyNot: string };

/** The calls through FFI, or the reason why there are none. Every thread loads its own. */
export async function loadStreamCalls(): Promise<StreamCallsOrWhyNot> {
  const { koffi, whyNot } = await loadKoffi();
  if (!koffi) return { whyNot };
  try {
    return { calls: bindAll(koffi) };
  } catch (error) {
    return { whyNot: `this C library lacks a function: ${String(error)}` };
  }
}

type Kind = 'int' | 'uint32' | 'uint64';

function bindAll(koffi: Koffi): StreamCalls {
  const library = koffi.load(null);
  // Lengths stay far below 2^31, so what is `ssize_t` in C comes back whole as an int.
  const f = (name: string, ...arguments_: Kind[]): ((...a: number[]) => number) =>
    library.func(name, 'int', arguments_);
  const pipe2 = f('pipe2', 'uint64', 'int');
  return {
    errno: () => koffi.errno(),
    addressOf: (memory) => Number(koffi.address(memory)),
    socket: f('socket', 'int', 'int', 'int'),
    setsockopt: f('setsockopt', 'int', 'int', 'int', 'uint64', 'uint32'),
    getsockopt: f('getsockopt', 'int', 'int', 'int', 'uint64', 'uint64'),
    bind: f('bind', 'int', 'uint64', 'uint32'),
    listen: f('listen', 'int', 'int'),
    accept4: f('accept4', 'int', 'uint64', 'uint64', 'int'),
    connect: f('connect', 'int', 'uint64', 'uint32'),
    getsockname: f('getsockname', 'int', 'uint64', 'uint64'),
    recv: f('recv', 'int', 'uint64', 'uint64', 'int'),
    send: f('send', 'int', 'uint64', 'uint64', 'int'),
    recvfrom: f('recvfrom', 'int', 'uint64', 'uint64', 'int', 'uint64', 'uint64'),
    sendto: f('sendto', 'int', 'uint64', 'uint64', 'int', 'uint64', 'uint32'),
    shutdown: f('shutdown', 'int', 'int'),
    close: f('close', 'int'),
    epoll_create1: f('epoll_create1', 'int'),
    epoll_ctl: f('epoll_ctl', 'int', 'int', 'int', 'uint64'),
    epoll_wait: f('epoll_wait', 'int', 'uint64', 'int', 'int'),
    eventfd: f('eventfd', 'uint32', 'int'),
    eventfd_read: f('eventfd_read', 'int', 'uint64'),
    eventfd_write: f('eventfd_write', 'int', 'uint64'),
    pipe2: (fds, flags) => pipe2(fds, flags),
    fcntl: f('fcntl', 'int', 'int', 'int'),
    splice: f('splice', 'int', 'uint64', 'int', 'uint64', 'uint64', 'uint32'),
  };
}
