import type { Arena } from './arena.ts';
import { sizeClass } from './arena.ts';
import { CONTROL, TOMBSTONE } from './layout.ts';
import type { NameKey } from './name-key.ts';
import { isNodeOf } from './node-name.ts';

const FIRST_LOG2 = 10;

/** The slots of the table as its writer sees them: which node a name has. */
export class Slots {
  readonly #words: Int32Array;
  readonly #arena: Arena;
  #block = 0;
  #log2 = FIRST_LOG2;
  /** Slots that are not free: nodes and tombstones. */
  #used = 0;
  #nodes = 0;
  #changes = 0;
  /** Keeps the compiler from leaving out loads whose result nobody uses. */
  sink = 0;

  constructor(words: Int32Array, arena: Arena) {
    this.#words = words;
    this.#arena = arena;
    this.#publish(this.#log2);
  }

  /** How many names there are. */
  get nodes(): number {
    return this.#nodes;
  }

  /** Rises with every change of what `find` may say. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * Look at where names will stand. No cache has the slots of a large table; those of several names are fetched at the same time if
   * nothing else is between.
   */
  touch(keys: readonly NameKey[], count: number): void {
    const words = this.#words;
    const first = this.#block * 2 + 2;
    const mask = 2 ** this.#log2 - 1;
    let seen = 0;
    for (let i = 0; i < count; i++) seen ^= words[first + ((keys[i] as NameKey).hash & mask) * 2] as number;
    this.sink ^= seen;
  }

  /** The word index of the slot of a name; below 0 when it has none: then `~slot` is where it would go. */
  find(key: NameKey): number {
    const { hash } = key;
    const words = this.#words;
    const first = this.#block * 2 + 2;
    const mask = 2 ** this.#log2 - 1;
    let reusable = 0;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = first + i * 2;
      const node = words[slot + 1] as number;
      if (node === 0) return ~(reusable === 0 ? slot : reusable);
      if (node === TOMBSTONE) reusable ||= slot;
      else if (words[slot] === hash && isNodeOf(words, node * 2, key.words, key.length)) return slot;
    }
  }

  /** The word index of the node in a slot. */
  nodeAt(slot: number): number {
    return (this.#words[slot + 1] as number) * 2;
  }

  /** A name has a node from now on. `slot` is what `find` said, after `makeRoom`. */
  put(slot: number, hash: number, node: number): void {
    if (this.#words[slot + 1] === 0) this.#used++;
    this.#words[slot] = hash;
    Atomics.store(this.#words, slot + 1, node / 2);
    this.#nodes++;
    this.#changes++;
  }

  clear(slot: number): void {
    Atomics.store(this.#words, slot + 1, TOMBSTONE);
    this.#nodes--;
    this.#changes++;
  }

  /** There is to be a free slot for one more, and many more for those who look in vain. False when there is no room for that. */
  makeRoom(): boolean {
    const slots = 2 ** this.#log2;
    if (this.#used * 3 < slots * 2) return true;
    if (this.#publish(this.#nodes * 2 >= slots ? this.#log2 + 1 : this.#log2)) return true;
    // Without room for more slots these go on until they are nearly all used.
    if (this.#used * 10 <= slots * 9) return true;
    // By names that are gone, perhaps: as many slots anew are less than twice as many.
    return this.#used - this.#nodes > slots / 64 && this.#publish(this.#log2);
  }

  /** So many names are about to come: one step to the size that they need, instead of many. */
  expect(names: number): void {
    const wanted = Math.ceil(Math.log2(names * 1.5 + 1));
    if (wanted > this.#log2) this.#publish(wanted);
  }

  /** Lay all slots out anew, without tombstones, and let readers change over. False when there is no room for that. */
  #publish(log2: number): boolean {
    const words = this.#words;
    const block = this.#arena.take(slotsClass(log2));
    if (block === undefined) return false;
    const first = block * 2 + 2;
    const mask = 2 ** log2 - 1;
    words.fill(0, block * 2, first + (mask + 1) * 2);
    words[block * 2] = log2;
    const old = this.#block;
    const oldLog2 = this.#log2;
    if (old !== 0) {
      for (let slot = old * 2 + 2; slot < old * 2 + 2 + 2 ** (oldLog2 + 1); slot += 2) {
        const node = words[slot + 1] as number;
        if (node === 0 || node === TOMBSTONE) continue;
        let i = (words[slot] as number) & mask;
        while (words[first + i * 2 + 1] !== 0) i = (i + 1) & mask;
        words[first + i * 2] = words[slot] as number;
        words[first + i * 2 + 1] = node;
      }
    }
    this.#block = block;
    this.#changes++;
    this.#log2 = log2;
    this.#used = this.#nodes;
    Atomics.store(words, CONTROL.SLOTS, block);
    if (old !== 0 && log2 > oldLog2) this.#arena.retireOutgrown(old, slotsClass(oldLog2));
    else if (old !== 0) this.#arena.retire(old, slotsClass(oldLog2));
    return true;
  }
}

function slotsClass(log2: number): number {
  return sizeClass(1 + 2 ** log2);
}
