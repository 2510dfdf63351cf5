import { COLON, CR, HTAB, LF, mayBeControl, SP, TOKEN, VALUE } from './chars.ts';
import type { Fields } from './fields.ts';

/** Why a head is refused. Stable names; `reasons.ts` gives each its status. */
export type HeadError =
  | 'bad-request-line'
  | 'bad-status-line'
  | 'unknown-method'
  | 'bad-version'
  | 'line-too-long'
  | 'head-too-large'
  | 'too-many-fields'
  | 'bare-lf'
  | 'folded-field'
  | 'space-before-colon'
  | 'bad-field-name'
  | 'bad-field-value';

/** Parsing stopped for want of bytes. */
export const INCOMPLETE = 0;
/** Parsing stopped at an error, which the parser holds. */
export const FAILED = -1;

/** Receives the reason when `FAILED` is returned. */
export interface ErrorSlot {
  error: HeadError | undefined;
}

/**
 * Field lines up to and including the empty line (RFC 9112 §5), appended to `fields`. Strict: lines end in CRLF, no
 * folding, no blank before the colon, no control characters. Returns the offset after the head, INCOMPLETE or FAILED.
 */
export function parseFields(
  bytes: Uint8Array,
  start: number,
  end: number,
  fields: Fields,
  out: ErrorSlot,
): number {
  let at = start;
  for (;;) {
    if (at >= end) return INCOMPLETE;
    const first = bytes[at] as number;
    if (first === CR) {
      if (at + 1 >= end) return INCOMPLETE;
      return bytes[at + 1] === LF ? at + 2 : fail(out, 'bad-field-name');
    }
    const next = parseLine(bytes, at, end, fields, out);
    if (next <= 0) return next;
    at = next;
  }
}

function parseLine(bytes: Uint8Array, at: number, end: number, fields: Fields, out: ErrorSlot): number {
  let p = at;
  let odd = 0;
  for (let k: number; p < end && (k = TOKEN[bytes[p] as number] as number) !== 0; p++) odd |= k;
  if (p >= end) return INCOMPLETE;
  if (bytes[p] !== COLON || p === at) return fail(out, nameError(bytes, at, p));
  const nameEnd = p++;
  while (p < end && (bytes[p] === SP || bytes[p] === HTAB)) p++;
  const valueStart = p;
  p = valueTo(fields, p, end);
  if (p >= end) return INCOMPLETE;
  if (bytes[p] !== CR) return fail(out, bytes[p] === LF ? 'bare-lf' : 'bad-field-value');
  if (p + 1 >= end) return INCOMPLETE;
  if (bytes[p + 1] !== LF) return fail(out, 'bad-field-value');
  if (fields.count >= fields.id.length) return fail(out, 'too-many-fields');
  fields.add(at, nameEnd, valueStart, trimEnd(bytes, valueStart, p), p + 2);
  if (odd > 1) fields.oddNames = true;
  return p + 2;
}

/** Where the value that begins at `start` ends: at the first byte that may not be in one. */
function valueTo({ bytes, words }: Fields, start: number, end: number): number {
  let p = start;
  if (words !== undefined) while (p + 4 <= end && !mayBeControl(words.getInt32(p))) p += 4;
  while (p < end && VALUE[bytes[p] as number] !== 0) p++;
  return p;
}

/** Blanks at the end are no part of the value. */
function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = end;
  while (p > start && (bytes[p - 1] === SP || bytes[p - 1] === HTAB)) p--;
  return p;
}

function nameError(bytes: Uint8Array, start: number, at: number): HeadError {
  const c = bytes[at];
  if (c === SP || c === HTAB) return at === start ? 'folded-field' : 'space-before-colon';
  if (c === LF) return 'bare-lf';
  return 'bad-field-name';
}

export function fail(out: ErrorSlot, error: HeadError): number {
  out.error = error;
  return FAILED;
}

/** Where the head in the bytes ends (after the empty line), looking from `from` on; -1 when it is not there yet. */
export function findHeadEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let i = Math.max(from, 3); i < end; i++) {
    if (bytes[i] === LF && bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i + 1;
  }
  return -1;
}
