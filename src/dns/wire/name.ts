import { copyOf } from './bytes.ts';

/**
 * Domain names as text: absolute, with the trailing dot (`web.marathon.mesos.`; the root is `.`). Bytes that text
 * cannot hold safely (dots and backslashes inside a label, blanks, controls, non-ASCII) are written `\DDD` (RFC 1035 §5.1), so
 * that every name on the wire has exactly one text and the other way round.
 */
const DOT = 46;
const BACKSLASH = 92;
const MAX_NAME_BYTES = 255;
const MAX_POINTERS = 126;

/** Where reading stands in a message. One cursor serves a whole message and bounds the work spent on it. */
export interface Cursor {
  readonly bytes: Uint8Array;
  offset: number;
  /** Labels that may still be read: a message of nothing but pointer chains must not cost milliseconds. */
  labels: number;
}

export function cursorAt(bytes: Uint8Array, offset: number): Cursor {
  return { bytes, offset, labels: 32_768 };
}

// Longest text: 250 label bytes, each as `\DDD`, and the dots.
const scratch = new Uint8Array(1100);

/**
 * Read the name at the cursor and move behind it. Undefined when it is malformed: past the end, longer than 255 bytes, reserved
 * label types, or pointers that do not go strictly backwards (RFC 1035 §4.1.4; this also excludes loops).
 */
export function readName(cursor: Cursor): string | undefined {
  const { bytes } = cursor;
  let at = cursor.offset;
  let behind = -1;
  let floor = at;
  let size = 1;
  let jumps = 0;
  let length = 0;
  for (;;) {
    const n = bytes[at];
    if (n === undefined) return undefined;
    if (n === 0) break;
    if (n >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined || ++jumps > MAX_POINTERS) return undefined;
      if (behind < 0) behind = at + 2;
      at = ((n & 0x3f) << 8) | low;
      if (at >= floor || at < 12) return undefined;
      floor = at;
      continue;
    }
    size += n + 1;
    if (n > 63 || at + n >= bytes.length || size > MAX_NAME_BYTES || --cursor.labels < 0) return undefined;
    length = putLabel(bytes, at + 1, n, length);
    at += n + 1;
  }
  cursor.offset = behind < 0 ? at + 1 : behind;
  if (length === 0) return '.';
  return String.fromCharCode.apply(null, scratch.subarray(0, length) as unknown as number[]);
}

/** The text of an uncompressed name at `at`, which must be well-formed. */
export function textOfName(bytes: Uint8Array, at = 0): string {
  let length = 0;
  for (let from = at; bytes[from] !== 0; from += 1 + (bytes[from] as number))
    length = putLabel(bytes, from + 1, bytes[from] as number, length);
  if (length === 0) return '.';
  return String.fromCharCode.apply(null, scratch.subarray(0, length) as unknown as number[]);
}

/** Append the text of one label and a dot to the scratch; returns the new length. */
function putLabel(bytes: Uint8Array, start: number, n: number, length: number): number {
  let to = length;
  for (let i = start; i < start + n; i++) {
    const c = bytes[i] as number;
    if (c > 32 && c < 127 && c !== DOT && c !== BACKSLASH) {
      scratch[to++] = c;
    } else {
      scratch[to++] = BACKSLASH;
      scratch[to++] = 48 + Math.floor(c / 100);
      scratch[to++] = 48 + (Math.floor(c / 10) % 10);
      scratch[to++] = 48 + (c % 10);
    }
  }
  scratch[to++] = DOT;
  return to;
}

/**
 * The wire form of a name, without compression. Undefined when it has none: an empty label, a label over 63 bytes,
 * over 255 bytes in all, a character that is not ASCII or a broken escape.
 */
export function nameBytes(text: string): Uint8Array | undefined {
  const length = putName(text);
  return length === 0 ? undefined : copyOf(wireScratch, 0, length);
}

/**
 * The wire form of a name in memory that the next call to any function of this file uses again: `encodedName[0, length)`. Returns
 * the length, 0 when there is none. For who writes it somewhere at once.
 */
export function encodeName(text: string): number {
  return putName(text);
}

/** Whether a name has a wire form. */
export function isName(text: string): boolean {
  return putName(text) !== 0;
}

// One more than a name may have, for the zero behind a name that is exactly too long.
const wireScratch = new Uint8Array(MAX_NAME_BYTES + 1);

/** What `encodeName` writes into. */
export const encodedName: Uint8Array = wireScratch;

/** Write a name into the scratch; its length, or 0 when it has no wire form. */
function putName(text: string): number {
  const out = wireScratch;
  if (text === '.') {
    out[0] = 0;
    return 1;
  }
  let start = 0;
  let to = 1;
  for (let i = 0; i < text.length; i++) {
    let c = text.charCodeAt(i);
    if (c === DOT) {
      const n = to - start - 1;
      if (n < 1 || n > 63) return 0;
      out[start] = n;
      start = to++;
      continue;
    }
    if (c === BACKSLASH) {
      c = escapedByte(text, i);
      i += 3;
    } else if (c > 126) return 0;
    if (c > 255 || to >= MAX_NAME_BYTES) return 0;
    out[to++] = c;
  }
  // The last thing must have been a dot; the byte behind it is the root label.
  if (to !== start + 1 || to === 1 || to > MAX_NAME_BYTES) return 0;
  out[start] = 0;
  return to;
}

/** The byte of the escape `\DDD` at `i`; 256 when it is not one. */
function escapedByte(text: string, i: number): number {
  const digits = text.slice(i + 1, i + 4);
  return /^\d{3}$/.test(digits) ? Number(digits) : 256;
}

/** Whether `name` is `zone` or below it. Both lower-case and absolute. */
export function isWithin(name: string, zone: string): boolean {
  if (zone === '.' || name === zone) return true;
  const at = name.length - zone.length - 1;
  return at > 0 && name.charCodeAt(at) === DOT && name.endsWith(zone);
}
