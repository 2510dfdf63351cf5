import type { Datagram, ReturnAddress } from '../datagrams.ts';
import { ipText } from '../ip-text.ts';
import {
  IOVEC,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IP_PKTINFO,
  MMSGHDR,
  MSG_TRUNC,
} from './constants.ts';
import { PKTINFO, SOCKADDR } from './constants.ts';
import type { Libc } from './libc.ts';
import { PinnedMemory, isLinkLocal } from './memory.ts';

/** How many datagrams a system call carries. */
export const BATCH = 64;
/** No query is longer: what is goes unread. */
export const REQUEST_ROOM = 2048;
export const REPLY_ROOM = 4096;

/** Slots of a power of two would all meet in the same few lines of the cache. */
const REQUEST_STRIDE = REQUEST_ROOM + 64;
const REPLY_STRIDE = REPLY_ROOM + 64;
const NAME_STRIDE = 32;
const CONTROL_STRIDE = 64;
const CONTROL_ROOM = 40;

/** Where everything lies, in bytes. Requests and replies have a slot each; header `k` of a batch to send may point to any slot. */
const RECEIVE = 0;
const SEND = RECEIVE + BATCH * MMSGHDR.BYTES + 64;
const RECEIVE_IOV = SEND + BATCH * MMSGHDR.BYTES + 64;
const SEND_IOV = RECEIVE_IOV + BATCH * IOVEC.BYTES;
const NAMES = SEND_IOV + BATCH * IOVEC.BYTES;
const CONTROLS = NAMES + BATCH * NAME_STRIDE;
const REQUESTS = CONTROLS + BATCH * CONTROL_STRIDE;
const REPLIES = REQUESTS + BATCH * REQUEST_STRIDE;
const SIZE = REPLIES + BATCH * REPLY_STRIDE;

const HEADER_WORDS = MMSGHDR.BYTES >> 2;
const IOV_WORDS = IOVEC.BYTES >> 2;

export interface BatchSocket {
  readonly family: 4 | 6;
  readonly wildcard: boolean;
  /** Which worker, for return addresses. */
  readonly worker: number;
}

/**
 * The memory of one receiving loop, laid out for recvmmsg and sendmmsg: written once, and then only what changes. What the
 * kernel wrote is checked against the slots before it is used.
 */
export class DatagramBatch {
  /** Filled again for every datagram. */
  readonly datagram: Datagram;
  readonly #memory: PinnedMemory;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #socket: BatchSocket;
  readonly #nameBytes: number;
  /** Which slot header `k` of the batch to send points to now. */
  readonly #slotOf = new Int32Array(BATCH);
  #slot = 0;

  constructor(libc: Libc, socket: BatchSocket) {
    this.#memory = new PinnedMemory(libc, SIZE);
    this.#words = this.#memory.words;
    this.#bytes = this.#memory.bytes;
    this.#socket = socket;
    this.#nameBytes = socket.family === 4 ? SOCKADDR.V4_BYTES : SOCKADDR.V6_BYTES;
    this.datagram = {
      request: this.#bytes,
      start: 0,
      end: 0,
      reply: this.#bytes,
      replyAt: 0,
      replyRoom: REPLY_ROOM,
      address: this.#bytes,
      addressAt: 0,
      addressBytes: 4,
      port: 0,
    };
    for (let slot = 0; slot < BATCH; slot++) this.#layOut(slot);
  }

  /** The pointer for recvmmsg, with `BATCH` headers. */
  get received(): number {
    return this.#memory.pointer(RECEIVE);
  }

  /** The pointer for sendmmsg: the headers from the `k`th on. */
  toSend(k: number): number {
    return this.#memory.pointer(SEND + k * MMSGHDR.BYTES);
  }

  #layOut(slot: number): void {
    const header = (RECEIVE >> 2) + slot * HEADER_WORDS;
    const iov = RECEIVE_IOV + slot * IOVEC.BYTES;
    this.#memory.putPointer(header + MMSGHDR.NAME, NAMES + slot * NAME_STRIDE);
    this.#memory.putPointer(header + MMSGHDR.IOV, iov);
    this.#words[header + MMSGHDR.IOV_LENGTH] = 1;
    if (this.#socket.wildcard)
      this.#memory.putPointer(header + MMSGHDR.CONTROL, CONTROLS + slot * CONTROL_STRIDE);
    this.#memory.putPointer((iov >> 2) + IOVEC.BASE, REQUESTS + slot * REQUEST_STRIDE);
    this.#words[(iov >> 2) + IOVEC.LENGTH] = REQUEST_ROOM;
    this.#resetOne(header);

    const out = (SEND >> 2) + slot * HEADER_WORDS;
    this.#memory.putPointer(out + MMSGHDR.IOV, SEND_IOV + slot * IOVEC.BYTES);
    this.#words[out + MMSGHDR.IOV_LENGTH] = 1;
    this.#words[out + MMSGHDR.NAME_LENGTH] = this.#nameBytes;
    this.#aim(slot, slot);
  }

  /** Header `k` of the batch to send gets the reply, the sender and the control message of `slot`. */
  #aim(k: number, slot: number): void {
    const out = (SEND >> 2) + k * HEADER_WORDS;
    const iov = (SEND_IOV >> 2) + k * IOV_WORDS;
    this.#memory.putPointer(out + MMSGHDR.NAME, NAMES + slot * NAME_STRIDE);
    this.#memory.putPointer(iov + IOVEC.BASE, REPLIES + slot * REPLY_STRIDE);
    if (this.#socket.wildcard)
      this.#memory.putPointer(out + MMSGHDR.CONTROL, CONTROLS + slot * CONTROL_STRIDE);
    this.#slotOf[k] = slot;
  }

  /** Give the kernel back the room that `count` received datagrams used up: it leaves the lengths at what they were. */
  reset(count: number): void {
    // One more: where the kernel stopped at an error it may have begun to write.
    const end = Math.min(count + 1, BATCH);
    for (let slot = 0; slot < end; slot++) this.#resetOne((RECEIVE >> 2) + slot * HEADER_WORDS);
  }

  #resetOne(header: number): void {
    this.#words[header + MMSGHDR.NAME_LENGTH] = this.#nameBytes;
    this.#words[header + MMSGHDR.CONTROL_LENGTH] = this.#socket.wildcard ? CONTROL_ROOM : 0;
    this.#words[header + MMSGHDR.LENGTH] = 0;
  }

  /** Point `datagram` to what came into `slot`. False when it is not to be answered: cut off, or from nowhere. */
  open(slot: number): boolean {
    const words = this.#words;
    const header = (RECEIVE >> 2) + slot * HEADER_WORDS;
    const length = words[header + MMSGHDR.LENGTH] as number;
    if (length < 0 || length > REQUEST_ROOM) return false;
    if (((words[header + MMSGHDR.FLAGS] as number) & MSG_TRUNC) !== 0) return false;
    if (words[header + MMSGHDR.NAME_LENGTH] !== this.#nameBytes) return false;
    const name = NAMES + slot * NAME_STRIDE;
    const bytes = this.#bytes;
    const port = ((bytes[name + SOCKADDR.PORT] as number) << 8) | (bytes[name + SOCKADDR.PORT + 1] as number);
    if (port === 0) return false; // spoofed: there is no way back
    const { datagram } = this;
    datagram.start = REQUESTS + slot * REQUEST_STRIDE;
    datagram.end = datagram.start + length;
    datagram.replyAt = REPLIES + slot * REPLY_STRIDE;
    datagram.port = port;
    if (this.#socket.family === 4) {
      datagram.addressAt = name + SOCKADDR.V4;
    } else if (isMappedAt(words, (name + SOCKADDR.V6) >> 2)) {
      datagram.addressAt = name + SOCKADDR.V6 + 12;
      datagram.addressBytes = 4;
    } else {
      datagram.addressAt = name + SOCKADDR.V6;
      datagram.addressBytes = 16;
    }
    this.#slot = slot;
    return true;
  }

  /** Make the reply to the datagram that is open, `length` bytes, the `k`th of the batch to send. */
  answer(k: number, length: number): void {
    const slot = this.#slot;
    if (this.#slotOf[k] !== slot) this.#aim(k, slot);
    const words = this.#words;
    words[(SEND_IOV >> 2) + k * IOV_WORDS + IOVEC.LENGTH] = length;
    if (!this.#socket.wildcard) return;
    words[(SEND >> 2) + k * HEADER_WORDS + MMSGHDR.CONTROL_LENGTH] = this.#turnPacketInfo(slot);
  }

  /**
   * The control message that came with a datagram says which address was asked; sent back, it says which one to leave from. Only
   * the interface goes: the way back is for the routes to say. Returns its length, 0 when none came.
   */
  #turnPacketInfo(slot: number): number {
    const control = CONTROLS + slot * CONTROL_STRIDE;
    if (!this.#hasPacketInfo(slot)) return 0;
    if (this.#socket.family === 4) {
      this.#words[(control + PKTINFO.V4_INTERFACE) >> 2] = 0;
      return PKTINFO.V4_BYTES;
    }
    if (!isLinkLocal(this.#bytes, control + PKTINFO.V6_LOCAL))
      this.#words[(control + PKTINFO.V6_INTERFACE) >> 2] = 0;
    return PKTINFO.V6_BYTES;
  }

  #hasPacketInfo(slot: number): boolean {
    const words = this.#words;
    const v4 = this.#socket.family === 4;
    const size = v4 ? PKTINFO.V4_BYTES : PKTINFO.V6_BYTES;
    const control = (CONTROLS + slot * CONTROL_STRIDE) >> 2;
    const got = words[(RECEIVE >> 2) + slot * HEADER_WORDS + MMSGHDR.CONTROL_LENGTH] as number;
    return (
      got >= size &&
      got <= CONTROL_ROOM &&
      words[control + (PKTINFO.LENGTH >> 2)] === size &&
      words[control + (PKTINFO.LEVEL >> 2)] === (v4 ? IPPROTO_IP : IPPROTO_IPV6) &&
      words[control + (PKTINFO.TYPE >> 2)] === (v4 ? IP_PKTINFO : IPV6_PKTINFO)
    );
  }

  /** Where a late reply to the datagram that is open goes. */
  readonly returnAddress = (): ReturnAddress => {
    const { datagram } = this;
    const slot = this.#slot;
    const name = NAMES + slot * NAME_STRIDE;
    let ip = ipText(this.#bytes, datagram.addressAt, datagram.addressBytes);
    if (datagram.addressBytes === 16 && isLinkLocal(this.#bytes, datagram.addressAt))
      ip += `%${this.#words[(name + SOCKADDR.SCOPE) >> 2]}`;
    return { socket: this.#socket.worker, ip, port: datagram.port, local: this.#localOf(slot) };
  };

  #localOf(slot: number): string | undefined {
    if (!this.#socket.wildcard || !this.#hasPacketInfo(slot)) return undefined;
    const control = CONTROLS + slot * CONTROL_STRIDE;
    return this.#socket.family === 4
      ? ipText(this.#bytes, control + PKTINFO.V4_LOCAL, 4)
      : ipText(this.#bytes, control + PKTINFO.V6_LOCAL, 16);
  }
}

/** `isMapped` on words. */
function isMappedAt(words: Int32Array, at: number): boolean {
  // The bytes 00 00 ff ff are this word in little-endian order.
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === (0xffff0000 | 0);
}
