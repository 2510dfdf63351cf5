import { endianness } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { errorText } from '../../core/errors.ts';
import { AF_INET, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from './constants.ts';

/** The system calls used, as C has them: pointers are numbers, the result is -1 on failure and `errno()` says why. */
export interface Libc {
  errno(): number;
  /** Where `memory` is. It stays there as long as somebody holds it. */
  addressOf(memory: ArrayBuffer | SharedArrayBuffer): number;
  socket(family: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  bind(fd: number, address: number, length: number): number;
  getsockname(fd: number, address: number, length: number): number;
  recvmmsg(fd: number, headers: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, headers: number, count: number, flags: number): number;
  sendmsg(fd: number, header: number, flags: number): number;
  fcntl(fd: number, what: number, value: number): number;
  /** Sleep so many microseconds, or a little longer. */
  usleep(us: number): number;
  madvise(address: number, length: number, advice: number): number;
  /** Bytes of a page of memory. */
  getpagesize(): number;
  close(fd: number): number;
}

export type LibcOrWhyNot =
  | { readonly libc: Libc; readonly whyNot?: undefined }
  | { readonly libc?: undefined; readonly whyNot: string };

/** Where the layouts of `constants.ts` hold; the others are not tried. */
const ARCHITECTURES = new Set(['x64', 'arm64']);

/** The C library of this process through FFI, or the reason why there is none. Every thread loads its own. */
export async function loadLibc(machine = thisMachine()): Promise<LibcOrWhyNot> {
  const { koffi, whyNot } = await loadKoffi(machine);
  return koffi ? { libc: bindAll(koffi) } : { whyNot };
}

export type Koffi = typeof import('koffi');

/** The FFI itself, or the reason why there is none here. */
export async function loadKoffi(
  machine = thisMachine(),
): Promise<
  | { readonly koffi: Koffi; readonly whyNot?: undefined }
  | { readonly koffi?: undefined; readonly whyNot: string }
> {
  const { platform, arch, endian } = machine;
  if (platform !== 'linux') return { whyNot: `this is ${platform}, not linux` };
  if (!ARCHITECTURES.has(arch) || endian !== 'LE') return { whyNot: `not made for ${arch} (${endian})` };
  try {
    return { koffi: await import('koffi') };
  } catch (error) {
    return { whyNot: `the package koffi cannot be loaded: ${firstLine(errorText(error))}` };
  }
}

interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly endian: string;
}

function thisMachine(): Machine {
  return { platform: process.platform, arch: process.arch, endian: endianness() };
}

function bindAll(koffi: Koffi): Libc {
  const process = koffi.load(null);
  const f = (name: string, ...arguments_: ('int' | 'uint32' | 'uint64')[]): ((...a: number[]) => number) =>
    process.func(name, 'int', arguments_);
  return {
    errno: () => koffi.errno(),
    addressOf: (memory) => Number(koffi.address(memory)),
    socket: f('socket', 'int', 'int', 'int'),
    setsockopt: f('setsockopt', 'int', 'int', 'int', 'uint64', 'uint32'),
    bind: f('bind', 'int', 'uint64', 'uint32'),
    getsockname: f('getsockname', 'int', 'uint64', 'uint64'),
    recvmmsg: f('recvmmsg', 'int', 'uint64', 'uint32', 'int', 'uint64'),
    sendmmsg: f('sendmmsg', 'int', 'uint64', 'uint32', 'int'),
    sendmsg: f('sendmsg', 'int', 'uint64', 'int'),
    fcntl: f('fcntl', 'int', 'int', 'int'),
    usleep: f('usleep', 'uint32'),
    madvise: f('madvise', 'uint64', 'uint64', 'int'),
    getpagesize: f('getpagesize'),
    close: f('close', 'int'),
  };
}

/** Why the system calls of the loop are refused here (a sandbox, say), or undefined when they are not. */
export function refusedCall(libc: Libc): string | undefined {
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined; // opening will say so, whatever the engine
  try {
    // No datagram at all: nothing happens, unless the call itself is not allowed.
    if (libc.recvmmsg(fd, 0, 0, MSG_DONTWAIT, 0) < 0) return systemError('recvmmsg', libc.errno()).message;
    if (libc.sendmmsg(fd, 0, 0, MSG_DONTWAIT) < 0) return systemError('sendmmsg', libc.errno()).message;
    return undefined;
  } finally {
    libc.close(fd);
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** A failed system call as Node words its own, with `code`. */
export function systemError(call: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const error: NodeJS.ErrnoException = new Error(`${call} ${code}: ${getSystemErrorMessage(-errno)}`);
  return Object.assign(error, { code, errno: -errno, syscall: call });
}
