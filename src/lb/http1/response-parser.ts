import { CR, LF, SP, VALUE } from './chars.ts';
import { fail, INCOMPLETE, parseFields } from './field-parser.ts';
import type { ErrorSlot, HeadError } from './field-parser.ts';
import { Fields } from './fields.ts';

const HTTP_1 = [72, 84, 84, 80, 47, 49, 46]; // "HTTP/1."

/** A parser for response heads (RFC 9112 §4, §5); used as RequestParser. */
export class ResponseParser implements ErrorSlot {
  readonly fields: Fields;
  status = 0;
  /** 10 or 11. */
  version = 11;
  /** Where the status code begins. */
  statusStart = 0;
  /** Where the status line ends, after its CRLF. */
  statusLineEnd = 0;
  error: HeadError | undefined;
  readonly #headBytes: number;

  constructor(limits: { readonly headBytes: number; readonly fields: number }) {
    this.#headBytes = limits.headBytes;
    this.fields = new Fields(limits.fields);
  }

  /** Offset after the head, INCOMPLETE or FAILED. */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + this.#headBytes);
    this.fields.reset(bytes);
    let at = this.#statusLine(bytes, start, limit);
    if (at > 0) {
      this.statusLineEnd = at;
      at = parseFields(bytes, at, limit, this.fields, this);
    }
    if (at === INCOMPLETE && end - start >= this.#headBytes) return fail(this, 'head-too-large');
    return at;
  }

  #statusLine(bytes: Uint8Array, start: number, end: number): number {
    const known = Math.min(end - start, HTTP_1.length);
    for (let i = 0; i < known; i++) if (bytes[start + i] !== HTTP_1[i]) return fail(this, 'bad-status-line');
    if (end - start < 14) return INCOMPLETE;
    const minor = (bytes[start + 7] as number) - 48;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SP) return fail(this, 'bad-status-line');
    this.version = 10 + minor;
    let status = 0;
    for (let i = 9; i < 12; i++) {
      const digit = (bytes[start + i] as number) - 48;
      if (digit < 0 || digit > 9) return fail(this, 'bad-status-line');
      status = status * 10 + digit;
    }
    if (status < 100) return fail(this, 'bad-status-line');
    this.status = status;
    this.statusStart = start + 9;
    let p = start + 12;
    if (bytes[p] === SP) {
      p++;
      while (p < end && VALUE[bytes[p] as number] !== 0) p++;
    }
    if (p + 1 >= end) return INCOMPLETE;
    if (bytes[p] !== CR || bytes[p + 1] !== LF)
      return fail(this, bytes[p] === LF ? 'bare-lf' : 'bad-status-line');
    return p + 2;
  }
}
