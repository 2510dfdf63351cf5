import { CONTROL, ENTRY, NODE, SET, TOMBSTONE, hashName, readerWord } from './layout.ts';

/**
 * Looks names up in the table. Of each thread that answers there is one, with a number of its own; between `begin` and
 * `end` nothing that was found is used for something else.
 */
export class TableReader {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly #epochWord: number;

  constructor(memory: SharedArrayBuffer, reader: number) {
    this.words = new Int32Array(memory);
    this.bytes = new Uint8Array(memory);
    this.#epochWord = readerWord(reader);
  }

  begin(): void {
    Atomics.store(this.words, this.#epochWord, Atomics.load(this.words, CONTROL.EPOCH));
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

  /** The word index of the node with the folded name `key[at, end)`, or 0. `hash` is its `hashName`. */
  find(key: Uint8Array, at: number, end: number, hash: number): number {
    const { words } = this;
    const slots = Atomics.load(words, CONTROL.SLOTS) * 2;
    const mask = 2 ** (words[slots] as number) - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const node = Atomics.load(words, slots + 2 + i * 2 + 1);
      if (node === 0) return 0;
      if (node === TOMBSTONE || words[slots + 2 + i * 2] !== hash) continue;
      if (this.#hasName(node * 2, key, at, end)) return node * 2;
    }
  }

  /** As `find`, for a name that begins a buffer of words and is filled up with zeros. */
  findWords(key: Int32Array, length: number, hash: number): number {
    const { words } = this;
    const slots = Atomics.load(words, CONTROL.SLOTS) * 2;
    const mask = 2 ** (words[slots] as number) - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const node = Atomics.load(words, slots + 2 + i * 2 + 1);
      if (node === 0) return 0;
      if (node === TOMBSTONE || words[slots + 2 + i * 2] !== hash) continue;
      if (this.#hasWords(node * 2, key, length)) return node * 2;
    }
  }

  #hasWords(node: number, key: Int32Array, length: number): boolean {
    const { words } = this;
    if (((words[node + NODE.SHAPE] as number) & 0xff) !== length) return false;
    const from = node + NODE.NAME_BYTES / 4;
    for (let i = 0; i * 4 < length; i++) if (words[from + i] !== key[i]) return false;
    return true;
  }

  /** The node that the name at `data[at, end)` of an entry has, or 0; the entry knows its hash. */
  target(entry: number, at: number, end: number): number {
    return this.find(this.bytes, at, end, this.targetHash(entry));
  }

  targetHash(entry: number): number {
    const { bytes } = this;
    const at = entry + ENTRY.TARGET;
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  /**
   * What may be the node of a name, looked at no further than its slot: for fetching what `find` will need. The first of the
   * chain, 0 for none.
   */
  slotOf(hash: number): number {
    const slots = (this.words[CONTROL.SLOTS] as number) * 2;
    return slots + 2 + (hash & (2 ** (this.words[slots] as number) - 1)) * 2;
  }

  #hasName(node: number, key: Uint8Array, at: number, end: number): boolean {
    const { bytes } = this;
    const length = end - at;
    if (((this.words[node + NODE.SHAPE] as number) & 0xff) !== length) return false;
    const from = node * 4 + NODE.NAME_BYTES;
    for (let i = 0; i < length; i++) if (bytes[from + i] !== key[at + i]) return false;
    return true;
  }

  /** The word index of a node's set of one type, or 0. */
  set(node: number, type: number): number {
    for (let set = this.firstSet(node); set !== 0; set = this.nextSet(set)) {
      if (this.typeOf(set) === type) return set;
    }
    return 0;
  }

  firstSet(node: number): number {
    return Atomics.load(this.words, node + NODE.SETS) * 2;
  }

  nextSet(set: number): number {
    return Atomics.load(this.words, set + SET.NEXT) * 2;
  }

  typeOf(set: number): number {
    return (this.words[set + SET.TYPE] as number) & 0xffff;
  }

  /** How many entries a set has; later ones are not complete yet. */
  countOf(set: number): number {
    return Atomics.load(this.words, set + SET.COUNT);
  }

  /** Seconds. */
  ttlOf(set: number): number {
    return this.words[set + SET.TTL] as number;
  }

  /** At most how many records of a set go into an answer; 0 for all. */
  answersOf(node: number): number {
    return (this.words[node + NODE.SHAPE] as number) >>> 8;
  }
}
