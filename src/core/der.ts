/** Distinguished encoding (DER, X.690 §10): what certificates, keys and PKCS files are made of. */

/** Bytes that are not DER, or not of the shape that was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmp: 0x1e,
} as const;

/** The tag of context `n`, of a structure or (`[n] IMPLICIT`) of a plain value. */
export const context = (n: number): number => 0xa0 | n;
export const contextPlain = (n: number): number => 0x80 | n;

/** One element: tag, length, and `parts` one after the other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const lengthBytes = length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x1_00_00 ? 3 : 4;
  const whole = Buffer.allocUnsafe(1 + lengthBytes + length);
  whole[0] = tag;
  if (lengthBytes === 1) whole[1] = length;
  else {
    whole[1] = 0x80 | (lengthBytes - 1);
    whole.writeUIntBE(length, 2, lengthBytes - 1);
  }
  let at = 1 + lengthBytes;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => der(TAG.set, ...parts);
export const octets = (bytes: Uint8Array): Buffer => der(TAG.octets, bytes);
export const utf8 = (text: string): Buffer => der(TAG.utf8, Buffer.from(text));
/** A bit string of whole bytes. */
export const bits = (bytes: Uint8Array): Buffer => der(TAG.bits, ZERO, bytes);
export const NULL = der(TAG.null);
export const TRUE = der(TAG.boolean, Buffer.of(0xff));
const ZERO = Buffer.of(0);

/** A whole number that is not negative, from its bytes, or from a small one. */
export function integer(value: Uint8Array | number): Buffer {
  let bytes = typeof value === 'number' ? bytesOf(value) : value;
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
  return (bytes[0] ?? 0) >= 0x80 ? der(TAG.integer, ZERO, bytes) : der(TAG.integer, bytes);
}

function bytesOf(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let left = value; left > 0 || bytes.length === 0; left = Math.floor(left / 256))
    bytes.unshift(left % 256);
  return Uint8Array.from(bytes);
}

/** An object identifier from its dotted text. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(TAG.oid, Uint8Array.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5), in whole seconds. */
export function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const utc = Number(text.slice(0, 4)) < 2050;
  return der(utc ? TAG.utcTime : TAG.generalizedTime, Buffer.from(utc ? text.slice(2) : text));
}

export interface DerElement {
  readonly tag: number;
  readonly body: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

/** Reads elements one after the other; whatever does not fit is a DerError. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next element, which must have this tag, where one is named. */
  next(tag?: number): DerElement {
    const begin = this.#at;
    const found = this.#bytes[begin];
    if (found === undefined) throw new DerError('ends too early');
    if (tag !== undefined && found !== tag) throw new DerError(`tag ${found} where ${tag} should be`);
    if ((found & 0x1f) === 0x1f) throw new DerError('a tag of several bytes');
    const { length, bodyAt } = this.#length(begin + 1);
    const end = bodyAt + length;
    if (end > this.#bytes.length) throw new DerError('ends too early');
    this.#at = end;
    return {
      tag: found,
      body: this.#bytes.subarray(bodyAt, end),
      whole: this.#bytes.subarray(begin, end),
    };
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.#bytes[this.#at] === tag ? this.next(tag) : undefined;
  }

  /** A reader of what is inside the next element. */
  inside(tag: number = TAG.sequence): DerReader {
    return new DerReader(this.next(tag).body);
  }

  /** Nothing may follow. */
  end(): void {
    if (!this.done) throw new DerError('something follows the end');
  }

  #length(at: number): { readonly length: number; readonly bodyAt: number } {
    const first = this.#bytes[at];
    if (first === undefined) throw new DerError('ends too early');
    if (first < 0x80) return { length: first, bodyAt: at + 1 };
    const size = first & 0x7f;
    if (size === 0 || size > 4 || at + 1 + size > this.#bytes.length)
      throw new DerError('a length of no use');
    const length = this.#bytes.readUIntBE(at + 1, size);
    if (length < 0x80 || this.#bytes[at + 1] === 0) throw new DerError('a length that could be shorter');
    return { length, bodyAt: at + 1 + size };
  }
}

/** Read one value and nothing after it. */
export function readWhole<T>(bytes: Uint8Array, read: (reader: DerReader) => T): T {
  const reader = new DerReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

/** The dotted text of the body of an object identifier. */
export function oidText(body: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  let open = false;
  for (const byte of body) {
    if (!open && byte === 0x80) throw new DerError('an object identifier that could be shorter');
    arc = arc * 128 + (byte & 0x7f);
    open = byte >= 0x80;
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an object identifier that is too large');
    if (open) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first] = arcs;
  if (first === undefined || open) throw new DerError('an object identifier without end');
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join('.');
}

/** Milliseconds since the epoch of a UTCTime or GeneralizedTime, in the only forms that certificates may have. */
export function timeOf({ tag, body }: DerElement): number {
  const text = body.toString('latin1');
  const digits = tag === TAG.utcTime ? /^\d{12}Z$/ : /^\d{14}Z$/;
  if ((tag !== TAG.utcTime && tag !== TAG.generalizedTime) || !digits.test(text))
    throw new DerError('not a time');
  const full = tag === TAG.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [year, month, day, hour, minute, second] = [
    full.slice(0, 4),
    ...[4, 6, 8, 10, 12].map((at) => full.slice(at, at + 2)),
  ];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(ms)) throw new DerError('not a time');
  return ms;
}

/** A small whole number, not negative. */
export function smallInteger(body: Uint8Array): number {
  if (body.length === 0 || body.length > 4 || (body[0] ?? 0) >= 0x80)
    throw new DerError('not a small number');
  return body.reduce((n, byte) => n * 256 + byte, 0);
}

/** `-----BEGIN label-----` and what belongs to it (RFC 7468). */
export function pem(label: string, bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  let lines = '';
  for (let at = 0; at < text.length; at += 64) lines += `${text.slice(at, at + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/** The blocks with this label, in order; text around them does not matter. */
export function pemBlocks(text: string, label: string): Buffer[] {
  const block = new RegExp(`-----BEGIN ${label}-----\\s*([A-Za-z0-9+/=\\s]*?)-----END ${label}-----`, 'g');
  return [...text.matchAll(block)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
}
