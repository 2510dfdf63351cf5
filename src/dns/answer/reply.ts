import { CLASS_IN, EDNS_OPTION, TYPE } from '../wire/index.ts';
import { copyInto, viewOf } from '../wire/bytes.ts';
import type { Question } from './question.ts';

const OPT_BYTES = 11;
const MAX_POINTER = 0x3fff;

/**
 * The reply that is being written, in the buffer of the datagram. It begins as header and question of the request; records are
 * appended while they fit; `finish` writes OPT and the header. Offsets are into `out`, 0 of the message is `base`.
 */
export class ReplyWriter {
  out: Uint8Array = new Uint8Array(0);
  #view = viewOf(this.out);
  base = 0;
  at = 0;
  /** Behind the last byte that records may use; what OPT needs is kept free. */
  limit = 0;
  answers = 0;
  authority = 0;
  additional = 0;
  truncated = false;

  /** Copy header and question, which are `request[start, end)`, to `out[base]`. */
  begin(request: DataView, start: number, end: number, out: Uint8Array, base: number): void {
    if (out !== this.out) {
      this.out = out;
      this.#view = viewOf(out);
    }
    this.base = base;
    copyInto(this.#view, base, request, start, end - start);
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
  record(owner: number, type: number, ttl: number, from: DataView, dataAt: number, length: number): boolean {
    if (owner > MAX_POINTER || this.at + 12 + length > this.limit) return false;
    this.#view.setInt16(this.at, 0xc000 | owner);
    this.#rest(this.at + 2, type, ttl, from, dataAt, length);
    return true;
  }

  /** As `record`, with the owner written out. */
  recordOf(
    name: Uint8Array,
    type: number,
    ttl: number,
    from: DataView,
    dataAt: number,
    length: number,
  ): boolean {
    if (this.at + name.length + 10 + length > this.limit) return false;
    this.out.set(name, this.at);
    this.#rest(this.at + name.length, type, ttl, from, dataAt, length);
    return true;
  }

  #rest(at: number, type: number, ttl: number, from: DataView, dataAt: number, length: number): void {
    const view = this.#view;
    view.setInt32(at, (type << 16) | CLASS_IN);
    view.setInt32(at + 4, ttl);
    view.setInt16(at + 8, length);
    copyInto(view, at + 10, from, dataAt, length);
    this.at = at + 10 + length;
  }

  /** Open the OPT record (RFC 6891 §6.1.2); options follow, then `closeOpt`. Returns where its length goes. */
  openOpt(payloadBytes: number, rcode: number, dnssecOk: boolean): number {
    const view = this.#view;
    const { at } = this;
    // The root, the type, then size (as the class), code and version (as the TTL) and flags, and room for the length.
    view.setInt32(at, (TYPE.OPT << 8) | (payloadBytes >> 8));
    view.setInt32(at + 4, (payloadBytes << 24) | ((rcode >> 4) << 16) | (dnssecOk ? 0x80 : 0));
    view.setInt32(at + 7, dnssecOk ? 0x80000000 : 0);
    this.at = at + OPT_BYTES;
    this.additional++;
    return at + 9;
  }

  closeOpt(lengthAt: number): void {
    this.#view.setInt16(lengthAt, this.at - lengthAt - 2);
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
    this.#view.setInt16(this.at, value);
    this.at += 2;
  }

  raw(bytes: Uint8Array): void {
    this.out.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Write the header over the request's. Returns the length of the message. */
  finish(question: Question, flags: number, rcode: number): number {
    const view = this.#view;
    const { base } = this;
    // Of what could not be read, nothing but id and opcode goes back.
    const unread = question.end === 0;
    const word = 0x8000 | (question.flags & (unread ? 0x7800 : 0x7910)) | flags | (rcode & 15);
    view.setInt32(base + 2, (word << 16) | (unread ? 0 : 1));
    view.setInt32(base + 6, (this.answers << 16) | this.authority);
    view.setInt16(base + 10, this.additional);
    return this.at - base;
  }
}

export const FLAG = { AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080 } as const;

/** What OPT takes before its options. */
export const OPT_HEAD_BYTES = OPT_BYTES;
