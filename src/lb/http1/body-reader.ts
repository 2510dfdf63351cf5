import { CR, HEX, HTAB, LF, SEMICOLON, TOKEN } from './chars.ts';
import { findHeadEnd } from './field-parser.ts';
import { CHUNKED, UNTIL_CLOSE } from './framing.ts';

export type BodyError = 'bad-chunk' | 'chunk-extensions-too-large' | 'trailers-too-large';

/** Sum of all chunk extensions of one message, and its trailer section, bytes. */
const MAX_EXTENSIONS = 4096;
const MAX_TRAILERS = 8192;
const MAX_SIZE_DIGITS = 12;

const S = {
  /** A body of known length, or the data of one chunk in a chunked body. */
  DATA: 0,
  UNTIL_CLOSE: 1,
  SIZE_FIRST: 2,
  SIZE: 3,
  SIZE_LF: 4,
  EXT_NAME_FIRST: 5,
  EXT_NAME: 6,
  EXT_VALUE_FIRST: 7,
  EXT_VALUE: 8,
  EXT_QUOTED: 9,
  EXT_QUOTED_END: 10,
  DATA_CR: 11,
  DATA_LF: 12,
  TRAILER_FIRST: 13,
  LAST_LF: 14,
  TRAILERS: 15,
  DONE: 16,
  FAILED: 17,
} as const;

const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Follows a message body through the bytes of a connection and says which of them belong to it (RFC 9112 §6, §7). The
 * bytes can be passed on as they are; only a trailer section is held back, for its fields have to be looked at.
 */
export class BodyReader {
  /** Payload bytes seen so far, without chunk framing. */
  received = 0;
  /** After `push`: up to here the bytes can be passed on as they are (less than what it returned when trailers came). */
  passEnd = 0;
  /** Set with `done` when the chunked body had trailers: the field lines, with the empty line. */
  trailers: Uint8Array | undefined;
  error: BodyError | undefined;
  /** Where set, gets the range of each piece of payload (for taking the chunk framing off). */
  onPayload: ((bytes: Uint8Array, start: number, end: number) => void) | undefined;
  #state: number = S.DONE;
  #chunked = false;
  #left = 0;
  #digits = 0;
  #extensions = 0;
  #held: Uint8Array | undefined;
  #heldLength = 0;

  /** Begin a body: a length, CHUNKED or UNTIL_CLOSE. */
  begin(length: number): void {
    this.received = 0;
    this.passEnd = 0;
    this.trailers = undefined;
    this.error = undefined;
    this.onPayload = undefined;
    this.#extensions = 0;
    this.#held = undefined;
    this.#heldLength = 0;
    this.#chunked = length === CHUNKED;
    if (length === UNTIL_CLOSE) this.#state = S.UNTIL_CLOSE;
    else if (this.#chunked) this.#state = S.SIZE_FIRST;
    else this.#state = length === 0 ? S.DONE : S.DATA;
    this.#left = this.#chunked ? 0 : length;
  }

  get done(): boolean {
    return this.#state === S.DONE;
  }

  /** The peer closed: true when that is a proper end of this body. */
  finish(): boolean {
    if (this.#state === S.UNTIL_CLOSE) this.#state = S.DONE;
    return this.#state === S.DONE;
  }

  /** Take in bytes; returns the offset after the last one that belongs to the body. Check `error` and `done` then. */
  push(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#state === S.DATA) at = this.#data(bytes, at, end);
      else if (this.#state === S.TRAILERS) return this.#holdTrailers(bytes, at, end);
      else if (this.#state === S.UNTIL_CLOSE) at = this.#payload(bytes, at, end);
      else if (this.#state >= S.DONE) break;
      else if (this.#state === S.TRAILER_FIRST && bytes[at] !== CR) this.#state = S.TRAILERS;
      else {
        this.#framing(bytes[at] as number);
        at += 1;
      }
    }
    this.passEnd = at;
    return at;
  }

  #data(bytes: Uint8Array, at: number, end: number): number {
    const n = Math.min(this.#left, end - at);
    this.#left -= n;
    if (this.#left === 0) this.#state = this.#chunked ? S.DATA_CR : S.DONE;
    return this.#payload(bytes, at, at + n);
  }

  #payload(bytes: Uint8Array, at: number, end: number): number {
    this.received += end - at;
    this.onPayload?.(bytes, at, end);
    return end;
  }

  /** One byte of chunk framing. */
  #framing(c: number): void {
    switch (this.#state) {
      case S.SIZE_FIRST:
      case S.SIZE:
        return this.#size(c);
      case S.SIZE_LF:
        if (c !== LF) return this.#fail('bad-chunk');
        this.#state = this.#left === 0 ? S.TRAILER_FIRST : S.DATA;
        return;
      case S.DATA_CR:
        return this.#expect(c, CR, S.DATA_LF);
      case S.DATA_LF:
        return this.#expect(c, LF, S.SIZE_FIRST);
      case S.TRAILER_FIRST:
        return this.#expect(c, CR, S.LAST_LF);
      case S.LAST_LF:
        return this.#expect(c, LF, S.DONE);
      default:
        return this.#extension(c);
    }
  }

  #expect(c: number, wanted: number, next: number): void {
    if (c === wanted) this.#state = next;
    else this.#fail('bad-chunk');
  }

  #size(c: number): void {
    const digit = HEX[c] as number;
    if (digit !== 255) {
      if (this.#state === S.SIZE_FIRST) {
        this.#left = 0;
        this.#digits = 0;
      }
      this.#digits += 1;
      if (this.#digits > MAX_SIZE_DIGITS) return this.#fail('bad-chunk');
      this.#left = this.#left * 16 + digit;
      this.#state = S.SIZE;
    } else if (this.#state === S.SIZE_FIRST) this.#fail('bad-chunk');
    else if (c === CR) this.#state = S.SIZE_LF;
    else if (c === SEMICOLON) this.#state = S.EXT_NAME_FIRST;
    else this.#fail('bad-chunk');
  }

  /** `;name`, `;name=token`, `;name="text"`: no blanks, no quoted pairs (nobody sends them; parsers differ on them). */
  #extension(c: number): void {
    this.#extensions += 1;
    if (this.#extensions > MAX_EXTENSIONS) return this.#fail('chunk-extensions-too-large');
    const token = TOKEN[c] !== 0;
    switch (this.#state) {
      case S.EXT_NAME_FIRST:
        return token ? this.#to(S.EXT_NAME) : this.#fail('bad-chunk');
      case S.EXT_NAME:
        if (token) return;
        return c === EQUALS ? this.#to(S.EXT_VALUE_FIRST) : this.#extensionEnd(c);
      case S.EXT_VALUE_FIRST:
        if (c === QUOTE) return this.#to(S.EXT_QUOTED);
        return token ? this.#to(S.EXT_VALUE) : this.#fail('bad-chunk');
      case S.EXT_VALUE:
        return token ? undefined : this.#extensionEnd(c);
      case S.EXT_QUOTED:
        if (c === QUOTE) return this.#to(S.EXT_QUOTED_END);
        if (c === BACKSLASH || (c < 32 && c !== HTAB) || c > 126) return this.#fail('bad-chunk');
        return;
      default:
        return this.#extensionEnd(c);
    }
  }

  #extensionEnd(c: number): void {
    if (c === CR) this.#state = S.SIZE_LF;
    else if (c === SEMICOLON) this.#state = S.EXT_NAME_FIRST;
    else this.#fail('bad-chunk');
  }

  #to(state: number): void {
    this.#state = state;
  }

  #fail(error: BodyError): void {
    this.error = error;
    this.#state = S.FAILED;
  }

  /** Collect the trailer section until its empty line. */
  #holdTrailers(bytes: Uint8Array, at: number, end: number): number {
    const held = (this.#held ??= new Uint8Array(MAX_TRAILERS));
    const n = Math.min(end - at, MAX_TRAILERS - this.#heldLength);
    const before = this.#heldLength;
    held.set(bytes.subarray(at, at + n), before);
    const headEnd = findHeadEnd(held, before, before + n);
    this.passEnd = at;
    if (headEnd >= 0) {
      this.#state = S.DONE;
      this.trailers = held.subarray(0, headEnd);
      return at + headEnd - before;
    }
    this.#heldLength = before + n;
    if (this.#heldLength === MAX_TRAILERS) this.#fail('trailers-too-large');
    return at + n;
  }
}
