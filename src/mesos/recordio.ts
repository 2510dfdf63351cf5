/**
 * RecordIO framing (Mesos docs/recordio): ASCII decimal byte length, a line feed, that many bytes; no trailer.
 * Records are never empty.
 */

const encoder = new TextEncoder();
const LF = 0x0a;
const MAX_HEADER_DIGITS = 10;

/** One event as a record. Non-ASCII is `\u`-escaped: real clients compare string length with byte length. */
export function encodeRecord(event: unknown): Uint8Array {
  const json = asciiJson(event);
  return encoder.encode(`${json.length}\n${json}`);
}

/** JSON with all that is not ASCII escaped: as many bytes as characters. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape);
}

function escape(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Why a byte stream is not RecordIO. */
export type RecordError = 'bad-length' | 'too-large';

/** What arrived of one record with one piece of the stream. */
export interface RecordPart {
  /** Of the whole record, in bytes. */
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly first: boolean;
  readonly last: boolean;
}

/**
 * Cuts a byte stream at the borders of its records, and holds none of it. After an error it stays in error: framing is
 * lost and the connection must be dropped.
 */
export class RecordCutter {
  readonly #maxRecordBytes: number;
  #header = 0;
  #digits = 0;
  /** Length of the record that is under way, and what is still to come of it; 0 between records. */
  #length = 0;
  #left = 0;
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
    return this.#length === 0 && this.#digits === 0;
  }

  /** Feed bytes; the parts are views of them. Take all, or framing is lost. */
  *push(bytes: Uint8Array): Generator<RecordPart, void, undefined> {
    let i = 0;
    while (i < bytes.length && !this.#error) {
      if (this.#length === 0) {
        this.#headerByte(bytes[i++] ?? 0);
        continue;
      }
      const n = Math.min(this.#left, bytes.length - i);
      const part = {
        length: this.#length,
        bytes: bytes.subarray(i, i + n),
        first: this.#left === this.#length,
      };
      i += n;
      this.#left -= n;
      const last = this.#left === 0;
      if (last) this.#length = 0;
      yield { ...part, last };
    }
  }

  #headerByte(byte: number): void {
    if (byte === LF) {
      if (this.#digits === 0 || this.#header === 0) this.#error = 'bad-length';
      else if (this.#header > this.#maxRecordBytes) this.#error = 'too-large';
      else this.#length = this.#left = this.#header;
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
}

/** Puts the parts of one record after another together. */
export class RecordJoiner {
  #record: Uint8Array | undefined;
  #filled = 0;

  /** The whole record, with its last part. */
  add(part: RecordPart): Uint8Array | undefined {
    if (part.first && part.last) return part.bytes;
    if (part.first || !this.#record) {
      this.#record = new Uint8Array(part.length);
      this.#filled = 0;
    }
    this.#record.set(part.bytes, this.#filled);
    this.#filled += part.bytes.length;
    if (!part.last) return undefined;
    const record = this.#record;
    this.#record = undefined;
    return record;
  }
}

/**
 * Cuts a byte stream into records, however it was split on the way. After an error the decoder stays in error: framing
 * is lost and the connection must be dropped.
 */
export class RecordDecoder {
  readonly #cutter: RecordCutter;
  readonly #joiner = new RecordJoiner();

  /** `maxRecordBytes`: a longer record is an error. */
  constructor(maxRecordBytes?: number) {
    this.#cutter = new RecordCutter(maxRecordBytes);
  }

  get error(): RecordError | undefined {
    return this.#cutter.error;
  }

  /** Whether the stream stands between two records (where it may end cleanly). */
  get idle(): boolean {
    return this.#cutter.idle;
  }

  /** Feed bytes; returns the records completed by them, in order. They may be views of `bytes`. */
  push(bytes: Uint8Array): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (const part of this.#cutter.push(bytes)) {
      const record = this.#joiner.add(part);
      if (record) records.push(record);
    }
    return records;
  }
}
