import { DEFAULT_TABLE_BYTES } from '../protocol.ts';

export interface FieldLimits {
  /** All names and values, counted as in RFC 9113 §6.5.2: 32 bytes are added for each field. */
  readonly listBytes: number;
  /** Number of fields, pseudo-headers included. */
  readonly fields: number;
}

/** The least that a block may be in its compressed form, whatever the limits are. */
const LEAST_BLOCK_BYTES = 32 * 1024;

/** The largest field block, compressed, that is decoded at all; more ends the connection. */
export function blockLimit(limits: FieldLimits): number {
  return Math.max(LEAST_BLOCK_BYTES, limits.listBytes * 2);
}

/**
 * The fields of one decoded block. Their text already has the form of HTTP/1.1, `name: value` CRLF, one after the
 * other, so that a request can go on without touching them again. Valid until the next block is decoded into it.
 */
export class FieldBlock {
  readonly limits: FieldLimits;
  readonly bytes: Uint8Array;
  length = 0;
  count = 0;
  /** Too many fields or bytes: those beyond the limits are missing. */
  tooLarge = false;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  /** The value begins two bytes after the name's end; the line ends two bytes after the value. */
  readonly valueEnd: Int32Array;
  readonly kind: Uint8Array;
  #listBytes = 0;

  constructor(limits: FieldLimits) {
    this.limits = limits;
    // Behind the limit there is room for the longest literal, so that what is too large can be decoded (and dropped).
    this.bytes = new Uint8Array(limits.listBytes + 2 * blockLimit(limits) + 2 * DEFAULT_TABLE_BYTES);
    this.nameStart = new Int32Array(limits.fields);
    this.nameEnd = new Int32Array(limits.fields);
    this.valueEnd = new Int32Array(limits.fields);
    this.kind = new Uint8Array(limits.fields);
  }

  reset(): void {
    this.length = 0;
    this.count = 0;
    this.tooLarge = false;
    this.#listBytes = 0;
  }

  /** Take in a line of `lineLength` bytes that was written at `length`, if it is within the limits. */
  add(nameLength: number, lineLength: number, kind: number): void {
    const i = this.count;
    // A line has 4 bytes besides name and value.
    this.#listBytes += lineLength + 28;
    if (this.#listBytes > this.limits.listBytes || i >= this.limits.fields) {
      this.tooLarge = true;
      return;
    }
    const start = this.length;
    this.nameStart[i] = start;
    this.nameEnd[i] = start + nameLength;
    this.valueEnd[i] = start + lineLength - 2;
    this.kind[i] = kind;
    this.length = start + lineLength;
    this.count = i + 1;
  }

  /** Text of a field, for people and tests. */
  name(i: number): string {
    return text(this.bytes, this.nameStart[i] ?? 0, this.nameEnd[i] ?? 0);
  }

  value(i: number): string {
    return text(this.bytes, (this.nameEnd[i] ?? 0) + 2, this.valueEnd[i] ?? 0);
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  let s = '';
  for (let i = start; i < end; i++) s += String.fromCharCode(bytes[i] as number);
  return s;
}
