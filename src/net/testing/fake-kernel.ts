import type { Random } from '../../core/random.ts';
import { AF_INET, EAGAIN, EINTR, SOCKADDR } from '../linux/constants.ts';
import type { StreamCalls } from '../linux/tcp/calls.ts';
import * as c from '../linux/tcp/constants.ts';

const EBADF = 9;
const ECONNREFUSED = 111;
const ECONNRESET = 104;
const EPIPE = 32;
/** What a socket takes in before it stops its sender. */
const ROOM = 80_000;
const PIPE_ROOM = 30_000;

/** A TCP socket, a listener, an epoll or one end of a pipe. */
interface Fake {
  /** -1 before it is accepted. */
  fd: number;
  peer: Fake | undefined;
  /** Came in and was not read. */
  incoming: Buffer[];
  size: number;
  connected: boolean;
  backlog: Fake[] | undefined;
  pipe: 'in' | 'out' | undefined;
  shut: boolean;
  fin: boolean;
  error: number;
  /** After a reset. */
  dead: boolean;
  lingerNot: boolean;
  closed: boolean;
  noSpace: boolean;
  watched: { events: number; slot: number; generation: number } | undefined;
  edge: boolean;
}

export interface Faults {
  /** How often, from 0 to 1. */
  readonly interrupted: number;
  readonly short: number;
  readonly reset: number;
}

/**
 * A kernel for tests: TCP within one process, with calls that are interrupted, writes that are cut short, buffers that are full
 * and connections that are reset whenever chance says so. It follows pointers as the real one would, and throws at a wild one
 * and at a descriptor that is not open. Time passes only when somebody waits.
 */
export class FakeKernel implements StreamCalls {
  now = 0;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #files = new Map<number, Fake>();
  readonly #memory: { base: number; bytes: Uint8Array }[] = [];
  readonly #bases = new WeakMap<ArrayBufferLike, number>();
  #nextBase = 0x5000_0000_0000;
  readonly #listeners = new Map<number, Fake>();
  #errno = 0;

  constructor(random: Random, faults: Faults) {
    this.#random = random;
    this.#faults = faults;
  }

  get openDescriptors(): number {
    return this.#files.size;
  }

  errno(): number {
    return this.#errno;
  }

  addressOf(memory: ArrayBuffer | SharedArrayBuffer): number {
    let base = this.#bases.get(memory);
    if (base === undefined) {
      base = this.#nextBase;
      this.#nextBase += Math.ceil(memory.byteLength / 4096) * 4096 + 4096;
      this.#bases.set(memory, base);
      this.#memory.push({ base, bytes: new Uint8Array(memory) });
    }
    return base;
  }

  #bytes(pointer: number, length: number): Uint8Array {
    const found = this.#memory.findLast(({ base }) => base <= pointer);
    const at = pointer - (found?.base ?? 0);
    if (!found || at + length > found.bytes.length) throw new Error(`a wild pointer, ${length} bytes`);
    return found.bytes.subarray(at, at + length);
  }

  #words(pointer: number, count: number): DataView {
    const bytes = this.#bytes(pointer, count * 4);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #fail(errno: number): -1 {
    this.#errno = errno;
    return -1;
  }

  #chance(often: number): boolean {
    return this.#random.next() < often;
  }

  /** The lowest number that is free, as the real one does it: late events meet others under their number. */
  #open(file: Fake): Fake {
    let fd = 3;
    while (this.#files.has(fd)) fd++;
    file.fd = fd;
    this.#files.set(fd, file);
    return file;
  }

  #file(fd: number): Fake {
    const file = this.#files.get(fd);
    if (!file) throw new Error(`descriptor ${fd} is not open (${EBADF})`);
    return file;
  }

  socket(): number {
    return this.#open(blank()).fd;
  }

  epoll_create1(): number {
    return this.#open(blank()).fd;
  }

  eventfd(): number {
    return this.#open(blank()).fd;
  }

  pipe2(fds: number, _flags: number, ends: Int32Array): number {
    this.#bytes(fds, 8);
    const out = this.#open(blank({ pipe: 'out' }));
    const into = this.#open(blank({ pipe: 'in', peer: out }));
    ends[0] = out.fd;
    ends[1] = into.fd;
    return 0;
  }

  #port(address: number): number {
    return new DataView(this.#bytes(address, 4).slice().buffer).getUint16(SOCKADDR.PORT);
  }

  bind(fd: number, address: number): number {
    this.#listeners.set(this.#port(address), this.#file(fd));
    return 0;
  }

  listen(fd: number): number {
    this.#file(fd).backlog = [];
    return 0;
  }

  connect(fd: number, address: number): number {
    const file = this.#file(fd);
    const { backlog } = this.#listeners.get(this.#port(address)) ?? {};
    if (!backlog) return this.#fail(ECONNREFUSED);
    const other = blank({ peer: file, connected: true });
    file.peer = other;
    file.connected = true;
    file.edge = true;
    backlog.push(other);
    return this.#fail(c.EINPROGRESS);
  }

  accept4(fd: number, address: number, length: number): number {
    const { backlog } = this.#file(fd);
    if (this.#chance(this.#faults.interrupted)) return this.#fail(EINTR);
    const waiting = backlog?.shift();
    if (!waiting) return this.#fail(EAGAIN);
    this.#putName(address, length);
    return this.#open(waiting).fd;
  }

  #putName(address: number, length: number): void {
    this.#bytes(length, 4);
    const name = this.#bytes(address, SOCKADDR.V6_BYTES);
    name.fill(0);
    name[SOCKADDR.FAMILY] = AF_INET;
  }

  getsockname(fd: number, address: number, length: number): number {
    this.#file(fd);
    this.#putName(address, length);
    return 0;
  }

  getsockopt(fd: number, _level: number, _name: number, value: number): number {
    const file = this.#file(fd);
    this.#words(value, 1).setInt32(0, file.error, true);
    file.error = 0;
    return 0;
  }

  setsockopt(fd: number, _level: number, name: number, value: number, length: number): number {
    this.#bytes(value, length);
    if (name === c.SO_LINGER) this.#file(fd).lingerNot = true;
    return 0;
  }

  fcntl(): number {
    return 0;
  }

  recv(fd: number, bytes: number, length: number): number {
    const got = this.#take(this.#file(fd), length);
    if (typeof got === 'number') return got;
    this.#bytes(bytes, length).set(got);
    return got.length;
  }

  /** What came in, all that there is room for; or a result. */
  #take(file: Fake, length: number): Buffer | number {
    if (this.#chance(this.#faults.interrupted)) return this.#fail(EINTR);
    if (file.size === 0) {
      if (file.error !== 0) return this.#fail(this.#forget(file));
      return file.fin || file.dead ? 0 : this.#fail(EAGAIN);
    }
    const all = Buffer.concat(file.incoming);
    const got = all.subarray(0, length);
    file.incoming = [all.subarray(got.length)];
    file.size -= got.length;
    const sender = file.peer;
    if (sender?.noSpace) {
      sender.noSpace = false;
      sender.edge = true;
    }
    return got;
  }

  #forget(file: Fake): number {
    const { error } = file;
    file.error = 0;
    return error;
  }

  send(fd: number, bytes: number, length: number): number {
    return this.#put(this.#file(fd), Buffer.from(this.#bytes(bytes, length)));
  }

  #put(file: Fake, bytes: Buffer): number {
    if (this.#chance(this.#faults.interrupted)) return this.#fail(EINTR);
    if (this.#chance(this.#faults.reset)) this.#reset(file);
    if (file.error !== 0) return this.#fail(this.#forget(file));
    const { peer } = file;
    if (file.shut || file.dead || !peer) return this.#fail(EPIPE);
    if (peer.closed) {
      // Taken; the answer is a reset.
      this.#hit(file, file.fin ? EPIPE : ECONNRESET);
      return bytes.length;
    }
    let count = Math.min(bytes.length, ROOM - peer.size);
    if (count > 1 && this.#chance(this.#faults.short)) count = 1 + this.#random.int(count);
    if (count < bytes.length) file.noSpace = true;
    if (count <= 0) return this.#fail(EAGAIN);
    // Cut short for another reason than a full buffer: there is room again at once.
    if (count < bytes.length && peer.size + count < ROOM) file.edge = true;
    peer.incoming.push(bytes.subarray(0, count));
    peer.size += count;
    peer.edge = true;
    return count;
  }

  #reset(file: Fake): void {
    this.#hit(file, file.fin ? EPIPE : ECONNRESET);
    if (file.peer && !file.peer.closed) this.#hit(file.peer, file.peer.fin ? EPIPE : ECONNRESET);
  }

  #hit(file: Fake, errno: number): void {
    if (file.dead) return;
    file.error = errno;
    file.dead = true;
    file.edge = true;
  }

  shutdown(fd: number): number {
    const file = this.#file(fd);
    file.shut = true;
    if (file.peer && !file.dead) {
      file.peer.fin = true;
      file.peer.edge = true;
    }
    return 0;
  }

  close(fd: number): number {
    const file = this.#file(fd);
    this.#files.delete(fd);
    file.closed = true;
    const { peer } = file;
    if (!peer || file.pipe || peer.closed || file.dead) return 0;
    if (file.lingerNot || file.size > 0) this.#hit(peer, peer.fin ? EPIPE : ECONNRESET);
    peer.fin ||= !peer.dead;
    peer.edge = true;
    return 0;
  }

  splice(from: number, _no: 0, to: number, _none: 0, length: number): number {
    const [source, target] = [this.#file(from), this.#file(to)];
    if (target.pipe === 'in' && target.peer) {
      const got = this.#take(source, Math.min(length, PIPE_ROOM));
      if (typeof got === 'number') return got;
      target.peer.incoming.push(got);
      target.peer.size += got.length;
      return got.length;
    }
    const all = Buffer.concat(source.incoming);
    const count = this.#put(target, all.subarray(0, length));
    if (count <= 0) return count;
    source.incoming = [all.subarray(count)];
    source.size -= count;
    return count;
  }

  epoll_ctl(_epoll: number, what: number, fd: number, event: number): number {
    const file = this.#file(fd);
    const { EVENTS, SLOT, GENERATION, WORDS } = c.EPOLL_EVENT;
    const words = this.#words(event, WORDS);
    const word = (at: number): number => words.getInt32(at * 4, true);
    file.watched =
      what === c.EPOLL_CTL_DEL
        ? undefined
        : { events: word(EVENTS), slot: word(SLOT), generation: word(GENERATION) };
    file.edge = true;
    return 0;
  }

  #ready(file: Fake): number {
    if (file.backlog) return file.backlog.length > 0 ? c.EPOLLIN : 0;
    if (!file.connected) return 0;
    const writable = file.dead || !file.peer || file.peer.closed || file.peer.size < ROOM;
    return (
      (file.size > 0 || file.fin || file.dead ? c.EPOLLIN : 0) |
      (file.fin || file.dead ? c.EPOLLRDHUP : 0) |
      ((file.fin && file.shut) || file.dead ? c.EPOLLHUP : 0) |
      (file.error === 0 ? 0 : c.EPOLLERR) |
      (writable ? c.EPOLLOUT : 0)
    );
  }

  epoll_wait(epoll: number, events: number, room: number, timeoutMs: number): number {
    this.#file(epoll);
    if (this.#chance(this.#faults.interrupted)) return this.#fail(EINTR);
    const { EVENTS, SLOT, GENERATION, WORDS } = c.EPOLL_EVENT;
    const words = this.#words(events, room * WORDS);
    let count = 0;
    for (const file of this.#files.values()) {
      const { watched } = file;
      if (!watched || count === room) continue;
      const ready = this.#ready(file) & (watched.events | c.EPOLLERR | c.EPOLLHUP);
      if (ready === 0 || ((watched.events & c.EPOLLET) !== 0 && !file.edge)) continue;
      file.edge = false;
      const at = count++ * WORDS * 4;
      words.setInt32(at + EVENTS * 4, ready, true);
      words.setInt32(at + SLOT * 4, watched.slot, true);
      words.setInt32(at + GENERATION * 4, watched.generation, true);
    }
    if (count === 0) this.now += Math.max(0, timeoutMs);
    return count;
  }

  recvfrom = unused;
  sendto = unused;
  eventfd_read = unused;
  eventfd_write = unused;
}

function blank(more: Partial<Fake> = {}): Fake {
  return {
    fd: -1,
    peer: undefined,
    incoming: [],
    size: 0,
    connected: false,
    backlog: undefined,
    pipe: undefined,
    shut: false,
    fin: false,
    error: 0,
    dead: false,
    lingerNot: false,
    closed: false,
    noSpace: false,
    watched: undefined,
    edge: false,
    ...more,
  };
}

function unused(): never {
  throw new Error('no business here');
}
