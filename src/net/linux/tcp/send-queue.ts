import type { Streams } from './streams.ts';

const CHUNK_BYTES = 16 * 1024;

/** Bytes that wait for room in the socket. `end` may grow while `owned`. */
interface Chunk {
  readonly bytes: Uint8Array;
  readonly address: number;
  /** Made here, so more may be put into it. */
  readonly ours: boolean;
  at: number;
  end: number;
}

/** What a connection could not send yet. Small writes are put together, so that they leave in one call. */
export class SendQueue {
  readonly #streams: Streams;
  readonly #chunks: Chunk[] = [];

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Keep a copy of `bytes`. */
  copy(bytes: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (last?.ours === true && last.bytes.length - last.end >= bytes.length) {
      last.bytes.set(bytes, last.end);
      last.end += bytes.length;
      return;
    }
    const copy = Buffer.allocUnsafeSlow(Math.max(bytes.length, CHUNK_BYTES));
    copy.set(bytes);
    this.#push(copy, bytes.length, true);
  }

  /** Keep `bytes` themselves. */
  keep(bytes: Uint8Array): void {
    this.#push(bytes, bytes.length, false);
  }

  #push(bytes: Uint8Array, end: number, ours: boolean): void {
    this.#chunks.push({ bytes, address: this.#streams.addressOf(bytes), ours, at: 0, end });
  }

  /** Where the first bytes are, and how many there are in one piece. */
  get pointer(): number {
    const first = this.#chunks[0] as Chunk;
    return first.address + first.at;
  }

  get length(): number {
    const first = this.#chunks[0] as Chunk;
    return first.end - first.at;
  }

  /** So many have left. */
  sent(count: number): void {
    const first = this.#chunks[0] as Chunk;
    first.at += count;
    if (first.at === first.end) this.#chunks.shift();
  }

  clear(): void {
    this.#chunks.length = 0;
  }
}

export const part = (bytes: Uint8Array, start: number, end: number): Uint8Array =>
  end - start === bytes.length ? bytes : bytes.subarray(start, end);
