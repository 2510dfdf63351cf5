import { CR, latin1, LF, RepeatedText, SP, TARGET, TOKEN } from './chars.ts';
import { fail, INCOMPLETE, parseFields } from './field-parser.ts';
import type { ErrorSlot, HeadError } from './field-parser.ts';
import { Fields } from './fields.ts';

/**
 * The methods we know: those of Node's own parser, so that we never pass on a request which a Node origin would
 * read differently.
 */
const METHODS: ReadonlySet<string> = new Set(
  (
    'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE ' +
    'NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE ' +
    'UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
);
const LONGEST_METHOD = 11;

/** What is notable in the target; most targets have none of it, and need no second look. */
export const TargetFlag = { HASH: 1, BACKSLASH: 2, PERCENT: 4, DOT_AFTER_SLASH: 8 } as const;

const HASH = 35;
const PERCENT = 37;
const DOT = 46;
const SLASH = 47;
const QUESTION = 63;
const BACKSLASH = 92;

/** 0: nothing special in a target; else the case to look at. */
const SPECIAL = new Uint8Array(256);
for (const c of [HASH, PERCENT, DOT, QUESTION, BACKSLASH]) SPECIAL[c] = 1;

export interface HeadLimits {
  /** The whole head, bytes. */
  readonly headBytes: number;
  /** The request line, bytes. */
  readonly lineBytes: number;
  /** Number of field lines. */
  readonly fields: number;
}

/**
 * A parser for request heads (RFC 9112 §3, §5). `parse` reads one whole head out of the bytes and leaves the result in
 * the properties, valid until the next call; so one parser serves any number of connections.
 */
export class RequestParser implements ErrorSlot {
  readonly fields: Fields;
  method = '';
  /** As it stands in the request line. */
  target = '';
  targetStart = 0;
  targetEnd = 0;
  /** Bits of TargetFlag. Backslashes and dots count in the path only, not in the query. */
  targetFlags = 0;
  /** 10 or 11. */
  version = 11;
  error: HeadError | undefined;
  readonly #limits: HeadLimits;
  readonly #targets = new RepeatedText();

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.fields = new Fields(limits.fields);
  }

  /** Offset after the head, INCOMPLETE (nothing is kept: call again with all the bytes and more) or FAILED. */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + this.#limits.headBytes);
    this.fields.reset(bytes);
    let at = this.#requestLine(bytes, start, Math.min(limit, start + this.#limits.lineBytes));
    if (at === INCOMPLETE && end - start >= this.#limits.lineBytes) return fail(this, 'line-too-long');
    if (at > 0) at = parseFields(bytes, at, limit, this.fields, this);
    if (at === INCOMPLETE && end - start >= this.#limits.headBytes) return fail(this, 'head-too-large');
    return at;
  }

  #requestLine(bytes: Uint8Array, start: number, end: number): number {
    let at = this.#method(bytes, start, end);
    if (at <= 0) return at;
    at = this.#target(bytes, at, end);
    if (at <= 0) return at;
    return this.#version(bytes, at, end);
  }

  /** "HTTP/1.1" CRLF */
  #version(bytes: Uint8Array, at: number, end: number): number {
    if (at + 10 > end) {
      // A line that ends early is wrong already (HTTP/0.9 is `GET /path` and no more), the rest may still come.
      for (let i = at; i < Math.min(end, at + 8); i++) {
        if (bytes[i] === LF || bytes[i] === CR) return fail(this, 'bad-request-line');
      }
      return INCOMPLETE;
    }
    for (let i = 0; i < 5; i++) if (bytes[at + i] !== HTTP[i]) return fail(this, 'bad-request-line');
    const major = digit(bytes, at + 5);
    const minor = digit(bytes, at + 7);
    if (bytes[at + 6] !== DOT || major < 0 || minor < 0) return fail(this, 'bad-request-line');
    if (bytes[at + 8] !== CR || bytes[at + 9] !== LF)
      return fail(this, bytes[at + 8] === LF ? 'bare-lf' : 'bad-request-line');
    if (major !== 1 || minor > 1) return fail(this, 'bad-version');
    this.version = 10 + minor;
    return at + 10;
  }

  #method(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > 4) {
      const word =
        ((bytes[start] as number) << 24) |
        ((bytes[start + 1] as number) << 16) |
        ((bytes[start + 2] as number) << 8) |
        (bytes[start + 3] as number);
      if (word === GET_) {
        this.method = 'GET';
        return start + 4;
      }
    }
    let p = start;
    while (p < end && TOKEN[bytes[p] as number] !== 0) p++;
    if (p >= end) return p - start > LONGEST_METHOD ? fail(this, 'unknown-method') : INCOMPLETE;
    if (bytes[p] !== SP || p === start) return fail(this, bytes[p] === LF ? 'bare-lf' : 'bad-request-line');
    if (p - start > LONGEST_METHOD) return fail(this, 'unknown-method');
    const method = latin1(bytes, start, p);
    if (!METHODS.has(method)) return fail(this, 'unknown-method');
    this.method = method;
    return p + 1;
  }

  #target(bytes: Uint8Array, start: number, end: number): number {
    let flags = 0;
    let query = false;
    let p = start;
    for (; p < end; p++) {
      const c = bytes[p] as number;
      if (TARGET[c] === 0) break;
      if (SPECIAL[c] === 0) continue;
      if (c === HASH) flags |= TargetFlag.HASH;
      else if (c === PERCENT) flags |= TargetFlag.PERCENT;
      else if (c === QUESTION) query = true;
      else if (query) continue;
      else if (c === BACKSLASH) flags |= TargetFlag.BACKSLASH;
      else if (p > start && bytes[p - 1] === SLASH) flags |= TargetFlag.DOT_AFTER_SLASH;
    }
    if (p >= end) return INCOMPLETE;
    if (bytes[p] !== SP || p === start) return fail(this, bytes[p] === LF ? 'bare-lf' : 'bad-request-line');
    this.target = this.#targets.of(bytes, start, p);
    this.targetStart = start;
    this.targetEnd = p;
    this.targetFlags = flags;
    return p + 1;
  }
}

/** The value of a decimal digit, -1 for anything else. */
function digit(bytes: Uint8Array, at: number): number {
  const value = (bytes[at] as number) - 48;
  return value >= 0 && value <= 9 ? value : -1;
}

const HTTP = [72, 84, 84, 80, 47];
const GET_ = (71 << 24) | (69 << 16) | (84 << 8) | 32;
