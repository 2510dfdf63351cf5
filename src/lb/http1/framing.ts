import { equalsLower, HTAB } from './chars.ts';
import { FieldId } from './fields.ts';
import type { Fields } from './fields.ts';

/** Why the length of a body cannot be told for certain. */
export type FramingError =
  | 'length-and-transfer-encoding'
  | 'duplicate-content-length'
  | 'bad-content-length'
  | 'bad-transfer-encoding'
  | 'transfer-encoding-on-http10';

/** How long a body is: `length` bytes, or one of the special kinds. */
export const NO_BODY = 0;
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** A length (0 is "no body"), CHUNKED, UNTIL_CLOSE, or why it is refused. */
export type BodyLength = number | FramingError;

/** Content-Length beyond this many digits is refused; 15 digits are exact in a double. */
const MAX_LENGTH_DIGITS = 15;

/** Length of a request's body (RFC 9112 §6.3). No ambiguity is resolved: whatever could be read in two ways is refused. */
export function requestBody(fields: Fields, version: number): BodyLength {
  return declaredLength(fields, version) ?? NO_BODY;
}

/** Length of a response's body. `toHead`: it answers a HEAD request. 101 has none: what follows is another protocol. */
export function responseBody(fields: Fields, version: number, status: number, toHead: boolean): BodyLength {
  const declared = declaredLength(fields, version);
  if (typeof declared === 'string') return declared;
  if (toHead || status < 200 || status === 204 || status === 304) return NO_BODY;
  return declared ?? UNTIL_CLOSE;
}

function declaredLength(fields: Fields, version: number): BodyLength | undefined {
  const hasLength = fields.has(FieldId.CONTENT_LENGTH);
  if (fields.has(FieldId.TRANSFER_ENCODING)) {
    if (hasLength) return 'length-and-transfer-encoding';
    return transferEncoding(fields, version);
  }
  return hasLength ? contentLength(fields) : undefined;
}

function transferEncoding(fields: Fields, version: number): BodyLength {
  if (version < 11) return 'transfer-encoding-on-http10';
  if (fields.countOf(FieldId.TRANSFER_ENCODING) !== 1) return 'bad-transfer-encoding';
  const i = fields.find(FieldId.TRANSFER_ENCODING);
  if (hasTabAround(fields, i)) return 'bad-transfer-encoding';
  const chunked = equalsLower(
    fields.bytes,
    fields.valueStart[i] as number,
    fields.valueEnd[i] as number,
    'chunked',
  );
  return chunked ? CHUNKED : 'bad-transfer-encoding';
}

function contentLength(fields: Fields): BodyLength {
  if (fields.countOf(FieldId.CONTENT_LENGTH) !== 1) return 'duplicate-content-length';
  const i = fields.find(FieldId.CONTENT_LENGTH);
  if (hasTabAround(fields, i)) return 'bad-content-length';
  const start = fields.valueStart[i] as number;
  const end = fields.valueEnd[i] as number;
  if (end === start || end - start > MAX_LENGTH_DIGITS) return 'bad-content-length';
  let length = 0;
  for (let p = start; p < end; p++) {
    const digit = (fields.bytes[p] as number) - 48;
    if (digit < 0 || digit > 9) return 'bad-content-length';
    length = length * 10 + digit;
  }
  return length;
}

/**
 * Whether a tab stands beside the value. RFC 9110 §5.5 allows it as white space, but not every parser takes it for that:
 * Node's does not know `chunked` with a tab behind it.
 */
function hasTabAround(fields: Fields, i: number): boolean {
  const { bytes } = fields;
  for (let p = fields.nameEnd[i] as number; p < (fields.valueStart[i] as number); p++)
    if (bytes[p] === HTAB) return true;
  for (let p = fields.valueEnd[i] as number; p < (fields.lineEnd[i] as number); p++)
    if (bytes[p] === HTAB) return true;
  return false;
}
