import {
  CLASS_IN,
  EDNS_OPTION,
  HEADER_BYTES,
  OPCODE_QUERY,
  RCODE,
  TYPE,
  decodeMessage,
} from '../wire/index.ts';
import { viewOf } from '../wire/bytes.ts';
import { hashWords } from '../table/index.ts';

/** What `Question.read` says besides a response code to refuse with. */
export const PLAIN = -1;
/** Never answer: too short to have an id, or itself a reply (answering replies makes loops). */
export const IGNORE = -2;

const STAR = 42;
/** An OPT record without options. */
const OPT_BYTES = 11;

// Four bytes of a name at once.
const STARS = 0x2a2a2a2a;
const ONES = 0x01010101;
const HIGH = 0x80808080 | 0;

/** Four letters in lower case. The length of a label is below every letter, so that it stays what it is. */
function folded(word: number): number {
  const low = word & ~HIGH;
  // The high bit of each byte: at least A, and not beyond Z.
  const upper = (low + 0x3f3f3f3f) & ~(low + 0x25252525) & ~word & HIGH;
  return word | (upper >>> 2);
}

/** Whether one of four bytes is an asterisk: not 0 then. */
function starIn(word: number): number {
  const other = word ^ STARS;
  return (other - ONES) & ~other & HIGH;
}

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
  /** The bytes of the message, to read several at once. */
  view: DataView;
  #bytes: Uint8Array;

  constructor() {
    const memory = new ArrayBuffer(260);
    this.key = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.#bytes = this.key;
    this.view = viewOf(this.key);
  }

  /** `PLAIN` for one plain question, `IGNORE`, or the response code to refuse with. `seed` is that of the table. */
  read(bytes: Uint8Array, start: number, end: number, seed: number): number {
    // In a batch all are in one memory.
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.verdict = this.#read(start, end, seed);
    return this.verdict;
  }

  #read(start: number, end: number, seed: number): number {
    const { view } = this;
    this.end = 0;
    this.edns = false;
    if (end - start < HEADER_BYTES) return IGNORE;
    const flags = view.getUint16(start + 2);
    this.flags = flags;
    if ((flags & 0x8000) !== 0) return IGNORE;
    if (((flags >> 11) & 15) !== OPCODE_QUERY) return RCODE.NOTIMP;
    const counts = view.getInt32(start + 4);
    if (counts >>> 16 !== 1) return RCODE.FORMERR;
    const more = view.getInt32(start + 8);
    const others = (counts & 0xffff) | (more >>> 16);
    const additional = more & 0xffff;
    if (others > 1 || additional > 2) return RCODE.FORMERR;
    if (!this.#readName(start + HEADER_BYTES, end, seed)) return RCODE.FORMERR;
    if ((others | additional) !== 0 && !this.#readRest(start, end, others !== 0 || additional > 1)) {
      this.end = 0;
      this.edns = false;
      return RCODE.FORMERR;
    }
    return this.#admit(view.getUint16(this.end - 2));
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
  #readName(from: number, end: number, seed: number): boolean {
    const { view, words } = this;
    let at = from;
    for (;;) {
      if (at >= end) return false;
      const n = view.getUint8(at);
      if (n === 0) break;
      if (n > 63 || at - from + n > 253 || at + 1 + n > end) return false;
      at += 1 + n;
    }
    if (at + 5 > end) return false;
    const length = at + 1 - from;
    let stars = 0;
    // Type and class follow, so that there are always four bytes to read.
    for (let i = 0; i < length; i += 4) {
      const word = view.getInt32(from + i, true);
      stars |= starIn(word);
      words[i >> 2] = folded(word);
    }
    if ((length & 3) !== 0) (words[length >> 2] as number) &= (1 << ((length & 3) << 3)) - 1;
    this.keyLength = length;
    this.hash = hashWords(words, length, seed);
    this.starred = stars !== 0 && this.#hasStar();
    this.type = view.getUint16(at + 1);
    this.end = at + 5;
    return true;
  }

  /** A byte looks like an asterisk: it may be the length of a label, or stand behind the name. */
  #hasStar(): boolean {
    const { key } = this;
    for (let at = 0; key[at] !== 0;) {
      const next = at + 1 + (key[at] as number);
      for (at++; at < next; at++) if (key[at] === STAR) return true;
    }
    return false;
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
  #readRest(start: number, end: number, odd: boolean): boolean {
    const at = this.end;
    // The root's name and the type are three bytes.
    if (!odd && at + OPT_BYTES <= end && this.view.getInt32(at) >>> 8 === TYPE.OPT)
      return this.#readOpt(at + 1, end);
    const decoded = decodeMessage(this.#bytes.subarray(start, end));
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
  #readOpt(at: number, end: number): boolean {
    const { view } = this;
    const last = at + 10 + view.getUint16(at + 8);
    if (last > end) return false;
    this.edns = true;
    this.payloadBytes = view.getUint16(at + 2);
    this.version = view.getUint8(at + 5);
    this.dnssecOk = (view.getUint8(at + 6) & 0x80) !== 0;
    this.#noOptions();
    for (let option = at + 10; option < last;) {
      if (option + 4 > last) return false;
      const length = view.getUint16(option + 2);
      if (option + 4 + length > last) return false;
      this.#takeOption(view.getUint16(option), option + 4, length);
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
