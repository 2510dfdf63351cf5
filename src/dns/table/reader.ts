import { CONTROL, ENTRY, NODE, SET, TOMBSTONE, hashName, readerWord } from './layout.ts';
import { isNodeOf, isNodeOfBytes } from './node-name.ts';

/**
 * Looks names up in the table. Of each thread that answers there is one, with a number of its own; between `begin` and
 * `end` nothing that was found is used for something else.
 *
 * Words that lead on are read plainly, which costs a load where `Atomics.load` is a call: an aligned word is never seen in halves,
 * and what it leads to is read at an address that was made of it, so that no processor reads that before. Where the order is not in
 * the addresses (`begin`, and how many entries there are) it is asked for.
 */
export class TableReader {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** The same bytes, to read several at once. */
  readonly view: DataView;
  readonly #epochWord: number;

  constructor(memory: SharedArrayBuffer, reader: number) {
    this.words = new Int32Array(memory);
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.#epochWord = readerWord(reader);
  }

  begin(): void {
    Atomics.store(this.words, this.#epochWord, Atomics.load(this.words, CONTROL.EPOCH));
    // Plain loads may overtake a store, but not this load, and this load not the store.
    Atomics.load(this.words, CONTROL.SLOTS);
  }

  end(): void {
    Atomics.store(this.words, this.#epochWord, 0);
  }

  get ready(): boolean {
    return this.words[CONTROL.READY] !== 0;
  }

  get stale(): boolean {
    return this.words[CONTROL.STALE] !== 0;
  }

  get seed(): number {
    return this.words[CONTROL.SEED] as number;
  }

  /** The node of a name, for who asks seldom. */
  findName(name: Uint8Array): number {
    return this.find(name, 0, name.length, hashName(name, 0, name.length, this.seed));
  }

  /** The word index of the node with the folded name `key[at, end)`, or 0. `hash` is its `hashName`. For who asks seldom. */
  find(key: Uint8Array, at: number, end: number, hash: number): number {
    return this.#find(new DataView(key.buffer, key.byteOffset, key.length), at, end, hash);
  }

  #find(key: DataView, at: number, end: number, hash: number): number {
    const { words } = this;
    const slots = (words[CONTROL.SLOTS] as number) * 2;
    const mask = (1 << (words[slots] as number)) - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const node = words[slots + 2 + i * 2 + 1] as number;
      if (node === 0) return 0;
      if (node === TOMBSTONE || words[slots + 2 + i * 2] !== hash) continue;
      if (isNodeOfBytes(words, node * 2, key, at, end)) return node * 2;
    }
  }

  /** As `find`, for a name that begins a buffer of words and is filled up with zeros. */
  findWords(key: Int32Array, length: number, hash: number): number {
    const { words } = this;
    const slots = (words[CONTROL.SLOTS] as number) * 2;
    const mask = (1 << (words[slots] as number)) - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const node = words[slots + 2 + i * 2 + 1] as number;
      if (node === 0) return 0;
      if (node === TOMBSTONE || words[slots + 2 + i * 2] !== hash) continue;
      if (isNodeOf(words, node * 2, key, length)) return node * 2;
    }
  }

  /** The node that the name at `data[at, end)` of an entry has, or 0; the entry knows its hash. */
  target(entry: number, at: number, end: number): number {
    return this.#find(this.view, at, end, this.targetHash(entry));
  }

  targetHash(entry: number): number {
    return this.view.getInt32(entry + ENTRY.TARGET, true);
  }

  /**
   * What may be the node of a name, looked at no further than its slot: for fetching what `find` will need. The first of the
   * chain, 0 for none.
   */
  slotOf(hash: number): number {
    const slots = (this.words[CONTROL.SLOTS] as number) * 2;
    return slots + 2 + (hash & ((1 << (this.words[slots] as number)) - 1)) * 2;
  }

  /** The word index of a node's set of one type, or 0. */
  set(node: number, type: number): number {
    for (let set = this.firstSet(node); set !== 0; set = this.nextSet(set)) {
      if (this.typeOf(set) === type) return set;
    }
    return 0;
  }

  firstSet(node: number): number {
    return (this.words[node + NODE.SETS] as number) * 2;
  }

  nextSet(set: number): number {
    return (this.words[set + SET.NEXT] as number) * 2;
  }

  typeOf(set: number): number {
    return (this.words[set + SET.TYPE] as number) & 0xffff;
  }

  /** How many entries a set has; later ones are not complete yet. */
  countOf(set: number): number {
    // The first is there since a word leads here; those that were added later are, when this is read before them.
    return this.words[set + SET.COUNT] === 1 ? 1 : Atomics.load(this.words, set + SET.COUNT);
  }

  /** Seconds. */
  ttlOf(set: number): number {
    return this.words[set + SET.TTL] as number;
  }

  /** At most how many records of a set go into an answer; 0 for all. */
  answersOf(node: number): number {
    return ((this.words[node + NODE.SHAPE] as number) >>> 8) & 0xffff;
  }
}
