import { IOVEC, MMSGHDR, SOCKADDR } from '../linux/constants.ts';
import { EAGAIN } from '../linux/constants.ts';
import type { Libc } from '../linux/libc.ts';

interface FakeDatagram {
  readonly bytes: Uint8Array;
  readonly port: number;
  /** Words of the mmsghdr to leave behind instead of the right ones. */
  readonly words?: Readonly<Record<number, number>>;
  /** What to leave where control messages go. */
  readonly control?: Uint8Array;
}

/** Not where any buffer of this process is: who follows such a pointer for real crashes. Near a multiple of 2^32 on purpose. */
const BASE = 0x5000_ffff_8000;
const EPERM = 1;

/**
 * A kernel of the tests: follows the pointers it is given as the real one would, and throws at one that leads out of the
 * memory. It gives batches that were put in, and says to whom replies went.
 */
export class FakeLibc implements Libc {
  readonly sent: string[] = [];
  /** Replies to these ports are refused. */
  readonly unsendable = new Set<number>();
  /** How many datagrams to say there were, when not the truth. */
  claim: number | undefined;
  onEmpty: () => void = () => {};
  readonly #family: 4 | 6;
  readonly #arrivals: (readonly FakeDatagram[] | number)[] = [];
  #memory = new ArrayBuffer(0);
  #errno = 0;

  constructor(family: 4 | 6 = 4) {
    this.#family = family;
  }

  give(batch: readonly FakeDatagram[]): void {
    if (batch.length > 0) this.#arrivals.push(batch);
  }

  fail(errno: number): void {
    this.#arrivals.push(errno);
  }

  errno(): number {
    return this.#errno;
  }

  addressOf(memory: ArrayBuffer): number {
    this.#memory = memory;
    return BASE;
  }

  #at(pointer: number, length: number): number {
    const at = pointer - BASE;
    if (!(at >= 0 && length >= 0 && at + length <= this.#memory.byteLength)) {
      throw new Error(`a wild pointer: ${at} of ${this.#memory.byteLength}, ${length} bytes`);
    }
    return at;
  }

  #view(pointer: number, length: number): DataView {
    return new DataView(this.#memory, this.#at(pointer, length), length);
  }

  #bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory, this.#at(pointer, length), length);
  }

  #failWith(errno: number): number {
    this.#errno = errno;
    return -1;
  }

  recvmmsg(_fd: number, headers: number, count: number): number {
    const next = this.#arrivals.shift();
    if (next === undefined) {
      this.onEmpty();
      return this.#failWith(EAGAIN);
    }
    if (typeof next === 'number') return this.#failWith(next);
    for (const [i, datagram] of next.slice(0, count).entries()) {
      this.#deliver(this.#view(headers + i * MMSGHDR.BYTES, MMSGHDR.BYTES), datagram);
    }
    return this.claim ?? Math.min(next.length, count);
  }

  #deliver(header: DataView, datagram: FakeDatagram): void {
    const word = (at: number): number => header.getUint32(at * 4, true);
    const pointer = (at: number): number => Number(header.getBigUint64(at * 4, true));
    const put = (at: number, value: number): void => header.setInt32(at * 4, value, true);
    const name = this.#view(pointer(MMSGHDR.NAME), word(MMSGHDR.NAME_LENGTH));
    const nameBytes = this.#family === 4 ? SOCKADDR.V4_BYTES : SOCKADDR.V6_BYTES;
    if (name.byteLength < nameBytes) throw new Error('no room for the sender: the length was not reset');
    name.setUint16(SOCKADDR.PORT, datagram.port);
    if (this.#family === 4) name.setUint32(SOCKADDR.V4, 0xc000_0201);
    const iov = this.#view(pointer(MMSGHDR.IOV), IOVEC.BYTES);
    const room = iov.getUint32(IOVEC.LENGTH * 4, true);
    const base = Number(iov.getBigUint64(IOVEC.BASE * 4, true));
    this.#bytes(base, room).set(datagram.bytes.subarray(0, room));
    const controlRoom = word(MMSGHDR.CONTROL_LENGTH);
    if (datagram.control && controlRoom > 0) {
      this.#bytes(pointer(MMSGHDR.CONTROL), controlRoom).set(datagram.control.subarray(0, controlRoom));
    }
    put(MMSGHDR.NAME_LENGTH, nameBytes);
    put(MMSGHDR.LENGTH, datagram.bytes.length);
    put(MMSGHDR.FLAGS, 0);
    for (const [at, value] of Object.entries(datagram.words ?? {})) put(Number(at), value);
  }

  sendmmsg(_fd: number, headers: number, count: number): number {
    for (let i = 0; i < count; i++) {
      if (this.#send(this.#view(headers + i * MMSGHDR.BYTES, MMSGHDR.BYTES))) continue;
      return i === 0 ? this.#failWith(EPERM) : i;
    }
    return count;
  }

  #send(header: DataView): boolean {
    const word = (at: number): number => header.getUint32(at * 4, true);
    const pointer = (at: number): number => Number(header.getBigUint64(at * 4, true));
    const port = this.#view(pointer(MMSGHDR.NAME), word(MMSGHDR.NAME_LENGTH)).getUint16(SOCKADDR.PORT);
    const control = word(MMSGHDR.CONTROL_LENGTH);
    if (control > 0) this.#at(pointer(MMSGHDR.CONTROL), control);
    const iov = this.#view(pointer(MMSGHDR.IOV), IOVEC.BYTES);
    const bytes = this.#bytes(
      Number(iov.getBigUint64(IOVEC.BASE * 4, true)),
      iov.getUint32(IOVEC.LENGTH * 4, true),
    );
    if (this.unsendable.has(port)) return false;
    this.sent.push(`${Buffer.from(bytes).toString()} to ${port}`);
    return true;
  }

  // What the loop has no use for.
  socket = unused;
  setsockopt = unused;
  bind = unused;
  getsockname = unused;
  sendmsg = unused;
  /** The sleeps that were asked for, microseconds. */
  readonly slept: number[] = [];

  usleep(us: number): number {
    this.slept.push(us);
    return 0;
  }

  madvise(): number {
    return 0;
  }

  getpagesize(): number {
    return 4096;
  }

  fcntl = unused;
  close = unused;
}

function unused(): never {
  throw new Error('the loop has no business here');
}
