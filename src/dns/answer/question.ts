import {
  CLASS_IN,
  EDNS_OPTION,
  HEADER_BYTES,
  OPCODE_QUERY,
  RCODE,
  TYPE,
  decodeMessage,
  u16,
} from '../wire/index.ts';
import { hashWords } from '../table/index.ts';

/** What `Question.read` says besides a response code to refuse with. */
export const PLAIN = -1;
/** Never answer: too short to have an id, or itself a reply (answering replies makes loops). */
export const IGNORE = -2;

const STAR = 42;

/**
 * The question of a message, read without making a string or an object: one of these serves all messages of a thread. The
 * checks, in order, are the admission table of wire/query.ts.
 */
export class Question {
  /** The name as on the wire, folded to lower case, with its last zero byte, filled up with zeros to whole words. */
  readonly key: Uint8Array;
  readonly words: Int32Array;
  keyLength = 0;
  /** The `hashName` of the key. */
  hash = 0;
  /** A label has an asterisk. */
  starred = false;
  type = 0;
  /** Where the question ends: the index behind its class. 0 while there is no readable one. */
  end = 0;
  flags = 0;
  edns = false;
  /** What the client takes over UDP. */
  payloadBytes = 0;
  version = 0;
  dnssecOk = false;
  /** Options of the client: where their data is (0: not sent) and its length. */
  cookieAt = 0;
  cookieLength = 0;
  nsid = false;
  keepAlive = false;
  /** What `read` said last. */
  verdict = 0;

  constructor() {
    const memory = new ArrayBuffer(260);
    this.key = new Uint8Array(memory);
    this.words = new Int32Array(memory);
  }

  /** `PLAIN` for one plain question, `IGNORE`, or the response code to refuse with. `seed` is that of the table. */
  read(bytes: Uint8Array, start: number, end: number, seed: number): number {
    this.verdict = this.#read(bytes, start, end, seed);
    return this.verdict;
  }

  #read(bytes: Uint8Array, start: number, end: number, seed: number): number {
    this.end = 0;
    this.edns = false;
    if (end - start < HEADER_BYTES) return IGNORE;
    this.flags = u16(bytes, start + 2);
    if ((this.flags & 0x8000) !== 0) return IGNORE;
    if (((this.flags >> 11) & 15) !== OPCODE_QUERY) return RCODE.NOTIMP;
    if (u16(bytes, start + 4) !== 1) return RCODE.FORMERR;
    const others = u16(bytes, start + 6) | u16(bytes, start + 8);
    const additional = u16(bytes, start + 10);
    if (others > 1 || additional > 2) return RCODE.FORMERR;
    if (!this.#readName(bytes, start + HEADER_BYTES, end, seed)) return RCODE.FORMERR;
    if ((others | additional) !== 0 && !this.#readRest(bytes, start, end, others !== 0 || additional > 1)) {
      this.end = 0;
      this.edns = false;
      return RCODE.FORMERR;
    }
    return this.#admit(u16(bytes, this.end - 2));
  }

  #admit(cls: number): number {
    if (this.edns && this.version > 0) {
      // Who knows what another version means by them.
      this.#noOptions();
      return RCODE.BADVERS;
    }
    if (cls !== CLASS_IN) return RCODE.REFUSED;
    if (this.type === TYPE.OPT) return RCODE.FORMERR;
    if (this.type === TYPE.AXFR || this.type === TYPE.IXFR) return RCODE.REFUSED;
    return PLAIN;
  }

  /** Fold and hash the name. Nothing stands before it, so it has no pointers. */
  #readName(bytes: Uint8Array, from: number, end: number, seed: number): boolean {
    const { key } = this;
    let at = from;
    let to = 0;
    let starred = false;
    for (;;) {
      if (at >= end) return false;
      const n = bytes[at++] as number;
      if (n > 63 || (n !== 0 && to + n > 253) || at + n > end) return false;
      key[to++] = n;
      if (n === 0) break;
      for (const stop = at + n; at < stop; at++) {
        let c = bytes[at] as number;
        if (c >= 65 && c <= 90) c |= 32;
        else if (c === STAR) starred = true;
        key[to++] = c;
      }
    }
    if (at + 4 > end) return false;
    this.keyLength = to;
    this.seal(seed);
    this.starred = starred;
    this.type = u16(bytes, at);
    this.end = at + 4;
    return true;
  }

  /** After the key changed: fill it up and hash it. `seed` is that of the table. */
  seal(seed: number): void {
    const { key, keyLength } = this;
    key[keyLength] = 0;
    key[keyLength + 1] = 0;
    key[keyLength + 2] = 0;
    this.hash = hashWords(this.words, keyLength, seed);
  }

  /** The records behind the question: as a rule one OPT, read in place; whatever else there is goes through the decoder. */
  #readRest(bytes: Uint8Array, start: number, end: number, odd: boolean): boolean {
    const at = this.end;
    if (!odd && at + 11 <= end && bytes[at] === 0 && u16(bytes, at + 1) === TYPE.OPT)
      return this.#readOpt(bytes, at + 1, end);
    const decoded = decodeMessage(bytes.subarray(start, end));
    if (!decoded.ok) return false;
    const { edns } = decoded.message;
    if (!edns) return true;
    this.edns = true;
    this.payloadBytes = edns.udpPayloadBytes;
    this.version = edns.version;
    this.dnssecOk = edns.dnssecOk;
    // What came in such an unusual message is not worth a place for options.
    this.#noOptions();
    return true;
  }

  /** RFC 6891 §6.1, from the type on: the class is the payload size, the TTL holds version and flags. */
  #readOpt(bytes: Uint8Array, at: number, end: number): boolean {
    const last = at + 10 + u16(bytes, at + 8);
    if (last > end) return false;
    this.edns = true;
    this.payloadBytes = u16(bytes, at + 2);
    this.version = bytes[at + 5] as number;
    this.dnssecOk = ((bytes[at + 6] as number) & 0x80) !== 0;
    this.#noOptions();
    for (let option = at + 10; option < last;) {
      if (option + 4 > last) return false;
      const length = u16(bytes, option + 2);
      if (option + 4 + length > last) return false;
      this.#takeOption(u16(bytes, option), option + 4, length);
      option += 4 + length;
    }
    return true;
  }

  #takeOption(code: number, at: number, length: number): void {
    if (code === EDNS_OPTION.COOKIE) {
      // All but the first are to be ignored (RFC 7873 §5.2).
      if (this.cookieAt !== 0) return;
      this.cookieAt = at;
      this.cookieLength = length;
    } else if (code === EDNS_OPTION.NSID) this.nsid = true;
    else if (code === EDNS_OPTION.TCP_KEEPALIVE) this.keepAlive = true;
  }

  #noOptions(): void {
    this.cookieAt = 0;
    this.cookieLength = 0;
    this.nsid = false;
    this.keepAlive = false;
  }
}
