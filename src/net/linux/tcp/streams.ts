import { AF_INET, SOCKADDR, SOL_SOCKET } from '../constants.ts';
import { ipText } from '../../ip-text.ts';
import type { Peer } from '../../types.ts';
import { PinnedMemory, putSockaddr } from '../memory.ts';
import type { StreamCalls } from './calls.ts';
import { IPPROTO_TCP, SO_ERROR, SO_LINGER, TCP_NODELAY } from './constants.ts';
import type { Loop } from './loop.ts';
import { Pipes } from './pipes.ts';

/** What one `recv` brings at most. */
export const READ_BYTES = 128 * 1024;
/** Up to here copying costs less than asking where bytes are. */
const STAGE_BYTES = 16 * 1024;
/** And up to here less than asking whose memory they are in. */
const SMALL_BYTES = 2 * 1024;
/** Views of the read buffer that are kept, a power of two. */
const VIEWS = 512;
/** Addresses that are remembered as text, a power of two. */
const ADDRESSES = 256;

const NAME = 0;
const NAME_LENGTH = 64;
const VALUE = 128;
const STAGE = 192;

/** What all connections of one loop share: the memory that system calls read and write, and the calls that need it. */
export class Streams {
  readonly loop: Loop;
  readonly calls: StreamCalls;
  /** What was read last. */
  readonly readBuffer: ArrayBuffer;
  readonly readAt: number;
  readonly readPointer: number;
  readonly pipes: Pipes;
  readonly #memory: PinnedMemory;
  readonly #stagePointer: number;
  readonly #stage: Uint8Array;
  /** Of some lengths, the one used last for each slot: messages of a length come again, and a view costs more than a lookup. */
  readonly #views: (Uint8Array | undefined)[];
  readonly #addresses = new Int32Array(ADDRESSES);
  readonly #addressTexts: string[] = Array.from({ length: ADDRESSES }, () => '0.0.0.0');
  /** What the running `onData` has. */
  #reading: Uint8Array | undefined;

  constructor(loop: Loop) {
    this.loop = loop;
    this.calls = loop.calls;
    this.pipes = new Pipes(loop.calls);
    const read = new PinnedMemory(loop.calls, READ_BYTES);
    this.readBuffer = read.bytes.buffer as ArrayBuffer;
    this.readAt = read.bytes.byteOffset;
    this.readPointer = read.pointer(0);
    this.#memory = new PinnedMemory(loop.calls, STAGE + STAGE_BYTES);
    this.#stagePointer = this.#memory.pointer(STAGE);
    this.#stage = this.#memory.bytes.subarray(STAGE, STAGE + STAGE_BYTES);
    this.#views = Array.from({ length: VIEWS }, () => undefined);
  }

  /** What was read, for `onData`: valid until the next read. */
  view(count: number): Uint8Array {
    const slot = count & (VIEWS - 1);
    let view = this.#views[slot];
    if (view?.length !== count)
      this.#views[slot] = view = new Uint8Array(this.readBuffer, this.readAt, count);
    this.#reading = view;
    return view;
  }

  /** A pointer to the bytes from `start` to `end`, or to a copy, good until the next call. */
  pointerTo(bytes: Uint8Array, start = 0, end = bytes.length): number {
    if (bytes === this.#reading) return this.readPointer + start;
    const length = end - start;
    if (length > SMALL_BYTES) {
      const { buffer } = bytes;
      if (buffer === this.readBuffer) return this.readPointer + bytes.byteOffset - this.readAt + start;
      if (length > STAGE_BYTES) return this.calls.addressOf(buffer) + bytes.byteOffset + start;
    }
    this.#stage.set(length === bytes.length ? bytes : bytes.subarray(start, end));
    return this.#stagePointer;
  }

  /** Where `bytes` are; somebody must hold on to them. */
  addressOf(bytes: Uint8Array): number {
    return this.calls.addressOf(bytes.buffer) + bytes.byteOffset;
  }

  setInt(fd: number, level: number, name: number, value: number): number {
    this.#memory.words[VALUE >> 2] = value;
    return this.calls.setsockopt(fd, level, name, this.#memory.pointer(VALUE), 4);
  }

  noDelay(fd: number): void {
    this.setInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  }

  /** Have `close` reset the connection. */
  lingerNot(fd: number): void {
    this.#memory.words[VALUE >> 2] = 1;
    this.#memory.words[(VALUE >> 2) + 1] = 0;
    this.calls.setsockopt(fd, SOL_SOCKET, SO_LINGER, this.#memory.pointer(VALUE), 8);
  }

  /** The error that the kernel keeps for a socket (and forgets now); 0 for none. */
  errorOf(fd: number): number {
    const { words } = this.#memory;
    words[VALUE >> 2] = 0;
    words[(VALUE >> 2) + 1] = 4;
    this.calls.getsockopt(
      fd,
      SOL_SOCKET,
      SO_ERROR,
      this.#memory.pointer(VALUE),
      this.#memory.pointer(VALUE + 4),
    );
    return words[VALUE >> 2] as number;
  }

  /** Write an address for `bind` and `connect`; its length, 0 when `to` is no address of that family. */
  putName(family: 4 | 6, to: Peer): number {
    return putSockaddr(this.#memory, NAME, family, to);
  }

  get namePointer(): number {
    return this.#memory.pointer(NAME);
  }

  /** Where the kernel finds the room for a name and leaves its length. */
  roomForName(): number {
    this.#memory.words[NAME_LENGTH >> 2] = SOCKADDR.V6_BYTES;
    return this.#memory.pointer(NAME_LENGTH);
  }

  /** The address that the kernel left. */
  takeName(): Peer {
    const { bytes } = this.#memory;
    const port = ((bytes[NAME + SOCKADDR.PORT] as number) << 8) | (bytes[NAME + SOCKADDR.PORT + 1] as number);
    const ip =
      bytes[NAME + SOCKADDR.FAMILY] === AF_INET ? this.#takeIpv4() : ipText(bytes, NAME + SOCKADDR.V6, 16);
    return { ip, port };
  }

  /** Peers come again, and their addresses as the same string, which costs less than to write it. */
  #takeIpv4(): string {
    const { bytes, words } = this.#memory;
    const address = words[(NAME + SOCKADDR.V4) >> 2] as number;
    const slot = (address ^ (address >>> 8) ^ (address >>> 16) ^ (address >>> 24)) & (ADDRESSES - 1);
    if (this.#addresses[slot] === address) return this.#addressTexts[slot] as string;
    this.#addresses[slot] = address;
    return (this.#addressTexts[slot] =
      `${bytes[NAME + 4]}.${bytes[NAME + 5]}.${bytes[NAME + 6]}.${bytes[NAME + 7]}`);
  }

  localOf(fd: number): Peer {
    if (this.calls.getsockname(fd, this.namePointer, this.roomForName()) < 0) return { ip: '', port: 0 };
    return this.takeName();
  }
}
