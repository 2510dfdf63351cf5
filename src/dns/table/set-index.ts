import { ENTRY, SET } from './layout.ts';

/** Sets of more entries than this are looked through with the help of a map. */
const SMALL = 32;

interface Known {
  /** Where each entry is, by its data as text. */
  readonly entries: Map<string, number>;
  /** Byte index behind the last entry. */
  end: number;
}

/** Finds entries in sets, for the writer. Small sets are walked; of large ones it keeps an index. */
export class SetIndex {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #large = new Map<number, Known>();

  constructor(words: Int32Array, bytes: Uint8Array) {
    this.#words = words;
    this.#bytes = bytes;
  }

  /** The byte index of the entry with this data, or 0. */
  find(set: number, data: Uint8Array): number {
    const known = this.#known(set);
    if (known) return known.entries.get(textOf(data, 0, data.length)) ?? 0;
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = this.#words[set + SET.COUNT] as number; left > 0; left--) {
      const length = this.#lengthAt(at);
      if (length === data.length && this.#same(at + ENTRY.DATA, data)) return at;
      at += ENTRY.DATA + length;
    }
    return 0;
  }

  /** The byte index behind the last entry of a set. */
  end(set: number): number {
    const known = this.#known(set);
    if (known) return known.end;
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = this.#words[set + SET.COUNT] as number; left > 0; left--)
      at += ENTRY.DATA + this.#lengthAt(at);
    return at;
  }

  /** An entry was written behind the last one. Call it before the count rises. */
  appended(set: number, at: number, data: Uint8Array): void {
    const known = this.#large.get(set);
    if (!known) return;
    known.entries.set(textOf(data, 0, data.length), at);
    known.end = at + ENTRY.DATA + data.length;
  }

  /** The set is gone. */
  forget(set: number): void {
    this.#large.delete(set);
  }

  #known(set: number): Known | undefined {
    const count = this.#words[set + SET.COUNT] as number;
    if (count <= SMALL) return undefined;
    let known = this.#large.get(set);
    if (known) return known;
    known = { entries: new Map(), end: 0 };
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = count; left > 0; left--) {
      const length = this.#lengthAt(at);
      known.entries.set(textOf(this.#bytes, at + ENTRY.DATA, length), at);
      at += ENTRY.DATA + length;
    }
    known.end = at;
    this.#large.set(set, known);
    return known;
  }

  #lengthAt(at: number): number {
    return ((this.#bytes[at + ENTRY.LENGTH] as number) << 8) | (this.#bytes[at + ENTRY.LENGTH + 1] as number);
  }

  #same(at: number, data: Uint8Array): boolean {
    for (let i = 0; i < data.length; i++) if (this.#bytes[at + i] !== data[i]) return false;
    return true;
  }
}

function textOf(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}
