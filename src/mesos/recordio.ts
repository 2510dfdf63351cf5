/**
 * RecordIO framing (Mesos docs/recordio): ASCII decimal byte length, a line feed, that many bytes; no trailer.
 * Records are never empty.
 */

const encoder = new TextEncoder();
const LF = 0x0a;
const MAX_HEADER_DIGITS = 10;

/** One event as a record. Non-ASCII is `\u`-escaped: real clients compare string length with byte length. */
export function encodeRecord(event: unknown): Uint8Array {
  const json = JSON.stringify(event).replace(/[\u007f-\uffff]/g, escape);
  return encoder.encode(`${json.length}\n${json}`);
}

function escape(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Why a byte stream is not RecordIO. */
export type RecordError = 'bad-length' | 'too-large';

/**
 * Cuts a byte stream into records, however it was split on the way. After an error the decoder stays in error: framing
 * is lost and the connection must be dropped.
 */
export class RecordDecoder {
  readonly #maxRecordBytes: number;
  #header = 0;
  #digits = 0;
  #record: Uint8Array | undefined;
  #filled = 0;
  #error: RecordError | undefined;

  /** `maxRecordBytes`: a longer record is an error (a 100,000-task state is about 150 MB). */
  constructor(maxRecordBytes = 512 * 1024 * 1024) {
    this.#maxRecordBytes = maxRecordBytes;
  }

  get error(): RecordError | undefined {
    return this.#error;
  }

  /** Whether the stream stands between two records (where it may end cleanly). */
  get idle(): boolean {
    return this.#record === undefined && this.#digits === 0;
  }

  /** Feed bytes; returns the records completed by them, in order. */
  push(bytes: Uint8Array): Uint8Array[] {
    const records: Uint8Array[] = [];
    let i = 0;
    while (i < bytes.length && !this.#error) {
      if (this.#record) i = this.#fill(this.#record, bytes, i, records);
      else this.#headerByte(bytes[i++] ?? 0);
    }
    return records;
  }

  #headerByte(byte: number): void {
    if (byte === LF) {
      if (this.#digits === 0 || this.#header === 0) this.#error = 'bad-length';
      else if (this.#header > this.#maxRecordBytes) this.#error = 'too-large';
      else this.#record = new Uint8Array(this.#header);
      this.#filled = 0;
      this.#header = 0;
      this.#digits = 0;
      return;
    }
    const digit = byte - 0x30;
    if (digit < 0 || digit > 9 || this.#digits >= MAX_HEADER_DIGITS) {
      this.#error = 'bad-length';
      return;
    }
    this.#header = this.#header * 10 + digit;
    this.#digits++;
  }

  #fill(record: Uint8Array, bytes: Uint8Array, from: number, records: Uint8Array[]): number {
    const n = Math.min(record.length - this.#filled, bytes.length - from);
    record.set(bytes.subarray(from, from + n), this.#filled);
    this.#filled += n;
    if (this.#filled === record.length) {
      records.push(record);
      this.#record = undefined;
    }
    return from + n;
  }
}
