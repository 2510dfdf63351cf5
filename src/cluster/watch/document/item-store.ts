import { ByteHash } from '../../../core/json/hash.ts';
import type { ItemSink } from '../../../core/json/slicer.ts';

/** Reads the JSON of one item; what it gives must depend on nothing else. */
export type ReadItem = (kind: number, json: unknown) => unknown;

/**
 * What was read from the items of documents, by the hash of their bytes: an item whose bytes were in the document
 * before is not parsed again. Between two documents what the last one did not have is let go.
 */
export class ItemStore implements ItemSink {
  readonly #read: ReadItem;
  readonly #hash: ByteHash;
  #values: unknown[] = [];
  #low = new Int32Array(MIN_SLOTS);
  #high = new Int32Array(MIN_SLOTS);
  #seen = new Uint8Array(MIN_SLOTS);
  /** By hash, with open addressing: where a value is, plus 1. */
  #slots = new Int32Array(MIN_SLOTS * 2);
  /** How many bytes the item had, and its place in the document before the current one. */
  #bytes = new Int32Array(MIN_SLOTS);
  #place = new Int32Array(MIN_SLOTS);
  /** Where the values of the current document are, in its order. */
  #order: Int32Array<ArrayBuffer> = new Int32Array(MIN_SLOTS);
  #length = 0;
  /** The same of the document before. */
  #orderBefore: Int32Array<ArrayBuffer> = new Int32Array(MIN_SLOTS);
  #lengthBefore = 0;
  /** Whether all so far came in the same order as before. */
  #same = true;
  /** Where the value of the next item is, if it follows on the one before it as it did last time; else -1. */
  #expected = -1;
  #ended = false;
  #missing = 0;

  /** `seed`: of the hash, so that nobody outside can make two items look alike. */
  constructor(read: ReadItem, seed: number) {
    this.#read = read;
    this.#hash = new ByteHash(seed);
  }

  /** A new document begins. It is compared with the last one that came to its `end`. */
  begin(): void {
    if (this.#ended) {
      [this.#order, this.#orderBefore] = [this.#orderBefore, this.#order];
      this.#lengthBefore = this.#length;
      for (let n = 0; n < this.#length; n++) this.#place[this.#orderBefore[n] as number] = n;
    }
    this.#ended = false;
    this.#seen.fill(0);
    this.#length = 0;
    this.#missing = this.#values.length;
    this.#same = true;
    this.#expect(0);
  }

  /** Whether the current document has the same items in the same order as the one before. */
  get unchanged(): boolean {
    return this.#same && this.#length === this.#lengthBefore;
  }

  guess(): number {
    return this.#expected < 0 ? 0 : (this.#bytes[this.#expected] as number);
  }

  takeExpected(kind: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.#expected;
    this.#hash.take(kind, bytes, start, end);
    if (this.#low[at] !== this.#hash.low || this.#high[at] !== this.#hash.high) return false;
    this.#note(at);
    return true;
  }

  /** The next item of the current document; its bytes are JSON. */
  take(kind: number, bytes: Uint8Array, start: number, end: number): void {
    this.#hash.take(kind, bytes, start, end);
    const { low, high } = this.#hash;
    let at = this.#find(low, high);
    if (at === undefined) {
      at = this.#add(low, high, this.#parse(kind, bytes, start, end));
      this.#bytes[at] = end - start;
      this.#place[at] = -1;
    }
    this.#note(at);
  }

  #note(at: number): void {
    if (this.#seen[at] === 0) {
      this.#seen[at] = 1;
      this.#missing--;
    }
    if (this.#orderBefore[this.#length] !== at) this.#same = false;
    if (this.#length === this.#order.length) this.#order = twice(this.#order);
    this.#order[this.#length++] = at;
    // After one that is new, the old ones probably go on where they were.
    const place = this.#place[at] as number;
    this.#expect(place < 0 ? this.#nextPlace : place + 1);
  }

  #nextPlace = 0;

  #expect(place: number): void {
    this.#nextPlace = place;
    this.#expected = place < this.#lengthBefore ? (this.#orderBefore[place] as number) : -1;
  }

  /** What was read from item `n` of the current document. */
  value(n: number): unknown {
    return this.#values[this.#order[n] ?? -1];
  }

  /** The current document is done with: let go of what it did not have, when that is worth the work. */
  end(): void {
    this.#ended = true;
    if (this.#missing <= this.#values.length / 8 + 256) return;
    const values: unknown[] = [];
    const moved = new Int32Array(this.#values.length);
    for (const [at, value] of this.#values.entries()) {
      if (this.#seen[at] === 0) continue;
      const to = values.length;
      moved[at] = to;
      for (const list of [this.#low, this.#high, this.#bytes, this.#place]) list[to] = list[at] as number;
      values.push(value);
    }
    for (let n = 0; n < this.#length; n++) this.#order[n] = moved[this.#order[n] as number] as number;
    this.#values = values;
    this.#rebuild(this.#low.length);
  }

  #parse(kind: number, bytes: Uint8Array, start: number, end: number): unknown {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
    return this.#read(kind, JSON.parse(text));
  }

  #find(low: number, high: number): number | undefined {
    const mask = this.#slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = (this.#slots[slot] as number) - 1;
      if (at < 0) return undefined;
      if (this.#low[at] === low && this.#high[at] === high) return at;
    }
  }

  #add(low: number, high: number, value: unknown): number {
    const at = this.#values.length;
    if (at === this.#low.length) this.#rebuild(at * 2);
    this.#values.push(value);
    this.#low[at] = low;
    this.#high[at] = high;
    this.#missing++;
    this.#put(at);
    return at;
  }

  #put(at: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#low[at] as number) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = at + 1;
  }

  #rebuild(room: number): void {
    if (room > this.#low.length) {
      this.#low = twice(this.#low);
      this.#high = twice(this.#high);
      this.#bytes = twice(this.#bytes);
      this.#place = twice(this.#place);
      const seen = new Uint8Array(room);
      seen.set(this.#seen);
      this.#seen = seen;
      this.#slots = new Int32Array(room * 2);
    } else this.#slots.fill(0);
    for (let at = 0; at < this.#values.length; at++) this.#put(at);
  }
}

const MIN_SLOTS = 256;

function twice(list: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(list.length * 2);
  grown.set(list);
  return grown;
}
