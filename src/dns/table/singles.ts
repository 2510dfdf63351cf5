import { ENTRY, SET, SHARED, hashName } from './layout.ts';

/** More than a cluster has agents, and than there are records of a few tasks. */
const PLACES = 2 ** 14;
const MASK = PLACES - 1;
/** The count of an entry has 24 bits; long before that another set may begin. */
const MAX_SHARERS = 2 ** 23;

/**
 * Finds sets of a single entry that nodes can share: all names of a task have the same address, and its services the
 * same target. What does not stand here is not shared, which costs memory and nothing else; so this may forget.
 */
export class Singles {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  /** Sets as word indexes, by the hash of what they say. */
  readonly #places = new Int32Array(PLACES);
  /** Of what the sets say: most that are not the same are told apart without a look at them. */
  readonly #hashes = new Int32Array(PLACES);

  /** Several names of a task in a row say the same, with the very same bytes: these, of this type, have this hash. */
  #lastData: Uint8Array | undefined;
  #lastType = 0;
  #lastHash = 0;

  constructor(words: Int32Array, bytes: Uint8Array) {
    this.#words = words;
    this.#bytes = bytes;
  }

  /** The word index of a set that says exactly this and can be shared by one more, or 0. The bytes of `data` never change. */
  find(type: number, ttl: number, data: Uint8Array): number {
    const words = this.#words;
    if (data !== this.#lastData || type !== this.#lastType) {
      this.#lastHash = hashName(data, 0, data.length, type);
      this.#lastData = data;
      this.#lastType = type;
    }
    const hash = this.#lastHash;
    const set = this.#hashes[hash & MASK] === hash ? (this.#places[hash & MASK] as number) : 0;
    if (set === 0 || typeOf(words, set) !== type || words[set + SET.TTL] !== ttl) return 0;
    return this.#says(set, data) && sharersOf(this.#bytes, set) < MAX_SHARERS ? set : 0;
  }

  #says(set: number, data: Uint8Array): boolean {
    const bytes = this.#bytes;
    if (lengthOf(bytes, set) !== data.length) return false;
    const from = set * 4 + SET.ENTRY_BYTES + ENTRY.DATA;
    for (let i = 0; i < data.length; i++) if (bytes[from + i] !== data[i]) return false;
    return true;
  }

  /** The set may be shared. */
  note(set: number): void {
    const hash = this.#hashOf(set);
    this.#places[hash & MASK] = set;
    this.#hashes[hash & MASK] = hash;
  }

  /** Nobody else is to share the set. */
  forget(set: number): void {
    const place = this.#hashOf(set) & MASK;
    if (this.#places[place] === set) this.#places[place] = 0;
  }

  #hashOf(set: number): number {
    const from = set * 4 + SET.ENTRY_BYTES + ENTRY.DATA;
    return hashName(this.#bytes, from, from + lengthOf(this.#bytes, set), typeOf(this.#words, set));
  }
}

/** Whether nodes may share the set, and so nothing of it may be changed. */
export function isShared(words: Int32Array, set: number): boolean {
  return ((words[set + SET.TYPE] as number) & SHARED) !== 0;
}

/** How many nodes have a set that is shared. */
export function sharersOf(bytes: Uint8Array, set: number): number {
  const at = set * 4 + SET.ENTRY_BYTES + ENTRY.COUNT;
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
}

function typeOf(words: Int32Array, set: number): number {
  return (words[set + SET.TYPE] as number) & 0xffff;
}

function lengthOf(bytes: Uint8Array, set: number): number {
  const at = set * 4 + SET.ENTRY_BYTES + ENTRY.LENGTH;
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
