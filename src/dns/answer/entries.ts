import { ENTRY, SET } from '../table/index.ts';
import type { TableReader } from '../table/index.ts';

/** Goes over the records of sets, in random order. Byte indexes into the table name records. */
export class Entries {
  readonly #table: TableReader;
  #places = new Int32Array(256);
  #state: number;

  constructor(table: TableReader, seed: number) {
    this.#table = table;
    this.#state = seed | 1;
  }

  /** The first record of a set. */
  first(set: number): number {
    const at = set * 4 + SET.ENTRY_BYTES;
    if (this.#table.bytes[at + ENTRY.DEAD] === 0) return at;
    this.#gatherLiving(set);
    return this.#places[0] as number;
  }

  lengthOf(at: number): number {
    return this.#table.view.getUint16(at + ENTRY.LENGTH);
  }

  dataOf(at: number): number {
    return at + ENTRY.DATA;
  }

  /** Note where the records of a set are; returns their number, which is never 0. */
  gather(set: number): number {
    const { bytes } = this.#table;
    const count = this.#table.countOf(set);
    if (count > this.#places.length) this.#places = new Int32Array(count * 2);
    const places = this.#places;
    let dead = 0;
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let i = 0; i < count; i++) {
      places[i] = at;
      dead |= bytes[at + ENTRY.DEAD] as number;
      at += ENTRY.DATA + this.lengthOf(at);
    }
    return dead === 0 ? count : this.#gatherLiving(set);
  }

  /**
   * The same where some entries were taken back. Who was added before another was taken back is seen where that is: what is
   * read is looked at again until nothing was added meanwhile.
   */
  #gatherLiving(set: number): number {
    const { bytes } = this.#table;
    for (;;) {
      const count = this.#table.countOf(set);
      if (count > this.#places.length) this.#places = new Int32Array(count * 2);
      let living = 0;
      let at = set * 4 + SET.ENTRY_BYTES;
      for (let i = 0; i < count; i++) {
        if (Atomics.load(bytes, at + ENTRY.DEAD) === 0) this.#places[living++] = at;
        at += ENTRY.DATA + this.lengthOf(at);
      }
      if (living > 0 && this.#table.countOf(set) === count) return living;
    }
  }

  /** The `i`-th of the gathered ones in random order; call it with 0, 1, 2 … */
  draw(i: number, count: number): number {
    const places = this.#places;
    if (count - i < 2) return places[i] as number;
    const j = i + this.#below(count - i);
    const place = places[j] as number;
    places[j] = places[i] as number;
    places[i] = place;
    return place;
  }

  /** Any one record of a set. */
  any(set: number): number {
    const count = this.#table.countOf(set);
    let at = set * 4 + SET.ENTRY_BYTES;
    if (count > 1) {
      for (let skip = this.#below(count); skip > 0; skip--) at += ENTRY.DATA + this.lengthOf(at);
    }
    if (this.#table.bytes[at + ENTRY.DEAD] === 0) return at;
    return this.draw(0, this.#gatherLiving(set));
  }

  /** A number from 0 to n-1 (xorshift; the bias is less than one in a million). */
  #below(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }
}
