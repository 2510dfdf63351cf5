import { EDNS_OPTION, TYPE } from '../wire/index.ts';
import type { Question } from './question.ts';

const OPT_BYTES = 11;
const MAX_POINTER = 0x3fff;

/**
 * The reply that is being written, in the buffer of the datagram. It begins as header and question of the request; records are
 * appended while they fit; `finish` writes OPT and the header. Offsets are into `out`, 0 of the message is `base`.
 */
export class ReplyWriter {
  out: Uint8Array = new Uint8Array(0);
  base = 0;
  at = 0;
  /** Behind the last byte that records may use; what OPT needs is kept free. */
  limit = 0;
  answers = 0;
  authority = 0;
  additional = 0;
  truncated = false;

  /** Copy header and question; the reply may have `room` bytes, of which OPT with its options takes `optBytes`. */
  begin(request: Uint8Array, start: number, end: number, out: Uint8Array, base: number): void {
    this.out = out;
    this.base = base;
    for (let i = 0; i < end - start; i++) out[base + i] = request[start + i] as number;
    this.at = base + end - start;
    this.answers = 0;
    this.authority = 0;
    this.additional = 0;
    this.truncated = false;
  }

  /** Forget what was written behind the question. */
  rewind(at: number): void {
    this.at = at;
    this.answers = 0;
    this.authority = 0;
    this.additional = 0;
  }

  /**
   * Write one record, its owner a pointer to `owner` (an offset into the message). False when it does not fit.
   * `data` of `length` bytes is at `from[dataAt]`.
   */
  record(
    owner: number,
    type: number,
    ttl: number,
    from: Uint8Array,
    dataAt: number,
    length: number,
  ): boolean {
    if (owner > MAX_POINTER || this.at + 12 + length > this.limit) return false;
    const { out } = this;
    out[this.at] = 0xc0 | (owner >> 8);
    out[this.at + 1] = owner;
    this.#rest(this.at + 2, type, ttl, from, dataAt, length);
    return true;
  }

  /** As `record`, with the owner written out: `key[0, keyLength)`. */
  recordOf(
    key: Uint8Array,
    keyLength: number,
    type: number,
    ttl: number,
    from: Uint8Array,
    dataAt: number,
    length: number,
  ): boolean {
    if (this.at + keyLength + 10 + length > this.limit) return false;
    for (let i = 0; i < keyLength; i++) this.out[this.at + i] = key[i] as number;
    this.#rest(this.at + keyLength, type, ttl, from, dataAt, length);
    return true;
  }

  #rest(at: number, type: number, ttl: number, from: Uint8Array, dataAt: number, length: number): void {
    const { out } = this;
    out[at] = type >> 8;
    out[at + 1] = type;
    out[at + 2] = 0;
    out[at + 3] = 1;
    out[at + 4] = ttl >>> 24;
    out[at + 5] = ttl >>> 16;
    out[at + 6] = ttl >>> 8;
    out[at + 7] = ttl;
    out[at + 8] = length >> 8;
    out[at + 9] = length;
    for (let i = 0; i < length; i++) out[at + 10 + i] = from[dataAt + i] as number;
    this.at = at + 10 + length;
  }

  /** Open the OPT record (RFC 6891 §6.1.2); options follow, then `closeOpt`. Returns where its length goes. */
  openOpt(payloadBytes: number, rcode: number, dnssecOk: boolean): number {
    const { out, at } = this;
    out[at] = 0;
    out[at + 1] = 0;
    out[at + 2] = TYPE.OPT;
    out[at + 3] = payloadBytes >> 8;
    out[at + 4] = payloadBytes;
    out[at + 5] = rcode >> 4;
    out[at + 6] = 0;
    out[at + 7] = dnssecOk ? 0x80 : 0;
    out[at + 8] = 0;
    this.at = at + OPT_BYTES;
    this.additional++;
    return at + 9;
  }

  closeOpt(lengthAt: number): void {
    const length = this.at - lengthAt - 2;
    this.out[lengthAt] = length >> 8;
    this.out[lengthAt + 1] = length;
  }

  option(code: number, length: number): void {
    this.u16(code);
    this.u16(length);
  }

  /** An Extended DNS Error without text (RFC 8914 §2). */
  extendedError(code: number): void {
    this.option(EDNS_OPTION.EDE, 2);
    this.u16(code);
  }

  u16(value: number): void {
    this.out[this.at] = value >> 8;
    this.out[this.at + 1] = value;
    this.at += 2;
  }

  raw(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.out[this.at + i] = bytes[i] as number;
    this.at += bytes.length;
  }

  /** Write the header over the request's. Returns the length of the message. */
  finish(question: Question, flags: number, rcode: number): number {
    const { out, base } = this;
    // Of what could not be read, nothing but id and opcode goes back.
    const echoed = question.end === 0 ? 0x7800 : 0x7910;
    const word = 0x8000 | (question.flags & echoed) | flags | (rcode & 15);
    out[base + 2] = word >> 8;
    out[base + 3] = word;
    out[base + 4] = 0;
    out[base + 5] = question.end === 0 ? 0 : 1;
    out[base + 6] = this.answers >> 8;
    out[base + 7] = this.answers;
    out[base + 8] = this.authority >> 8;
    out[base + 9] = this.authority;
    out[base + 10] = this.additional >> 8;
    out[base + 11] = this.additional;
    return this.at - base;
  }
}

export const FLAG = { AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080 } as const;

/** What OPT takes before its options. */
export const OPT_HEAD_BYTES = OPT_BYTES;
