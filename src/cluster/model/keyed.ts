import { systemRandom } from '../../core/random.ts';
import { ReadMap } from './equal.ts';

/** What can be written to: a `Map`, or what is written like one. */
export interface Writable<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): unknown;
  delete(key: string): boolean;
}

const FIRST_LOG2 = 4;
/** So full the slots may be, of ten. */
const FULL = 8;
/** When so many of the places in ten are still in use, there are more slots next time. */
const CROWDED = 7;
const CHUNK_LOG2 = 10;
const CHUNK = 2 ** CHUNK_LOG2;

/**
 * Values that know their own keys, by them, in the order in which they came: as a `Map`, in a third of the memory, for where there may be
 * 100,000. Who goes through it may replace values and take them away meanwhile, and not add any.
 *
 * A slot is one word: in its lower bits one more than the place of a value, in the others what the hash of the key has there. A value that
 * is gone leaves its place empty until all is laid out anew.
 */
export class Keyed<V extends { readonly key: string }> extends ReadMap<string, V> implements Writable<V> {
  #slots = new Int32Array(2 ** FIRST_LOG2);
  #chunks: (V | undefined)[][] = [];
  /** Places that were given out since all was laid out. */
  #end = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const place = this.#find(key, hashText(key));
    return place < 0 ? undefined : this.#at(place);
  }

  has(key: string): boolean {
    return this.#find(key, hashText(key)) >= 0;
  }

  /** `key` is that of the value. */
  set(key: string, value: V): this {
    const hash = hashText(key);
    const place = this.#find(key, hash);
    if (place >= 0) (this.#chunks[place >> CHUNK_LOG2] as (V | undefined)[])[place % CHUNK] = value;
    else {
      if ((this.#end + 1) * 10 > this.#slots.length * FULL) this.#layOut(this.#wanted());
      this.#add(hash, value);
      this.#size++;
    }
    return this;
  }

  delete(key: string): boolean {
    const place = this.#find(key, hashText(key));
    if (place < 0) return false;
    (this.#chunks[place >> CHUNK_LOG2] as (V | undefined)[])[place % CHUNK] = undefined;
    if (--this.#size === 0) this.clear();
    return true;
  }

  /** So many are about to come, or fewer: room for them at once instead of step by step. */
  expect(values: number): void {
    const wanted = 2 ** Math.ceil(Math.log2((values * 10) / FULL + 1));
    if (wanted > this.#slots.length) this.#layOut(wanted);
  }

  clear(): void {
    this.#slots = new Int32Array(2 ** FIRST_LOG2);
    this.#chunks = [];
    this.#end = 0;
    this.#size = 0;
  }

  override *values(): Generator<V, undefined> {
    for (let place = 0; place < this.#end; place++) {
      const value = this.#at(place);
      if (value !== undefined) yield value;
    }
  }

  *entries(): Generator<[string, V], undefined> {
    for (const value of this.values()) yield [value.key, value];
  }

  #at(place: number): V | undefined {
    return this.#chunks[place >> CHUNK_LOG2]?.[place % CHUNK];
  }

  /** The place of a value, below 0 when there is none. */
  #find(key: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = slots[i] as number;
      if (slot === 0) return -1;
      if (((slot ^ hash) & ~mask) !== 0) continue;
      const place = (slot & mask) - 1;
      if (this.#at(place)?.key === key) return place;
    }
  }

  #add(hash: number, value: V): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let i = hash & mask;
    while (slots[i] !== 0) i = (i + 1) & mask;
    slots[i] = (hash & ~mask) | (this.#end + 1);
    const chunk = (this.#chunks[this.#end >> CHUNK_LOG2] ??= Array.from({ length: CHUNK }, () => undefined));
    chunk[this.#end % CHUNK] = value;
    this.#end++;
  }

  #wanted(): number {
    const { length } = this.#slots;
    return this.#size * 10 > length * CROWDED ? length * 2 : length;
  }

  /** With so many slots, and without empty places. */
  #layOut(slots: number): void {
    const before = this.#chunks;
    this.#slots = new Int32Array(slots);
    this.#chunks = [];
    this.#end = 0;
    for (const chunk of before)
      for (const value of chunk) if (value !== undefined) this.#add(computeHash(value.key), value);
  }
}

/** Another one in each process: whoever names tasks chooses the keys. */
const SEED = systemRandom.int(2 ** 32) | 0;

/** Whoever looks something up often writes it next. */
let lastText = '';
let lastHash = computeHash('');

function hashText(text: string): number {
  if (text === lastText) return lastHash;
  lastText = text;
  return (lastHash = computeHash(text));
}

/** FNV-1a over characters, then mixed: the lower bits say where, the upper ones whether. */
function computeHash(text: string): number {
  let h = SEED;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  h = Math.imul(h ^ (h >>> 16), 0x7feb_352d);
  h = Math.imul(h ^ (h >>> 15), 0x846c_a68b | 0);
  return h ^ (h >>> 16);
}
