import { ENTRY, SET } from './layout.ts';

/** Sets of more entries than this are looked through with the help of a map. */
export const SMALL_SET = 32;

interface Known {
  /** Where each entry is, in bytes from the beginning of the set, by its data as text. */
  readonly entries: Map<string, number>;
  /** Behind the last entry, in bytes from the beginning of the set. */
  end: number;
}

/** Entries that were taken back and still stand in their set. */
export interface Dead {
  readonly entries: number;
  readonly bytes: number;
}

const NO_DEAD: Dead = { entries: 0, bytes: 0 };

/** Finds entries in sets, for the writer. Small sets are walked; of large ones it keeps an index. */
export class SetIndex {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #large = new Map<number, Known>();
  readonly #dead = new Map<number, Dead>();

  constructor(words: Int32Array, bytes: Uint8Array) {
    this.#words = words;
    this.#bytes = bytes;
  }

  /** The byte index of the living entry with this data, or 0. */
  find(set: number, data: Uint8Array): number {
    const known = this.#known(set);
    if (known) {
      const from = known.entries.get(textOf(data, 0, data.length));
      return from === undefined ? 0 : set * 4 + from;
    }
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = this.#words[set + SET.COUNT] as number; left > 0; left--) {
      const length = this.#lengthAt(at);
      if (length === data.length && this.#lives(at) && this.#same(at + ENTRY.DATA, data)) return at;
      at += ENTRY.DATA + length;
    }
    return 0;
  }

  /** The byte index behind the last entry of a set. */
  end(set: number): number {
    const known = this.#known(set);
    if (known) return set * 4 + known.end;
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = this.#words[set + SET.COUNT] as number; left > 0; left--)
      at += ENTRY.DATA + this.#lengthAt(at);
    return at;
  }

  dead(set: number): Dead {
    return this.#dead.get(set) ?? NO_DEAD;
  }

  /** An entry was written behind the last one. Call it before the count rises. */
  appended(set: number, at: number, data: Uint8Array): void {
    const known = this.#large.get(set);
    if (!known) return;
    known.entries.set(textOf(data, 0, data.length), at - set * 4);
    known.end = at - set * 4 + ENTRY.DATA + data.length;
  }

  /** The entry with this data is dead from now on. */
  died(set: number, data: Uint8Array): void {
    const { entries, bytes } = this.dead(set);
    this.#dead.set(set, { entries: entries + 1, bytes: bytes + ENTRY.DATA + data.length });
    this.#large.get(set)?.entries.delete(textOf(data, 0, data.length));
  }

  /** The set is gone. */
  forget(set: number): void {
    this.#large.delete(set);
    this.#dead.delete(set);
  }

  /** All that stands in the set was copied as it is, and `to` takes its place. */
  moved(set: number, to: number): void {
    const known = this.#large.get(set);
    this.forget(set);
    if (known) this.#large.set(to, known);
  }

  /** Copy the living entries of a set to the byte index `to`; returns where they end. */
  copyLiving(set: number, to: number): number {
    const from = set * 4 + SET.ENTRY_BYTES;
    if (this.dead(set).entries === 0) {
      const end = this.end(set);
      this.#bytes.copyWithin(to, from, end);
      return to + end - from;
    }
    let at = from;
    let behind = to;
    for (let left = this.#words[set + SET.COUNT] as number; left > 0; left--) {
      const next = at + ENTRY.DATA + this.#lengthAt(at);
      if (this.#lives(at)) {
        this.#bytes.copyWithin(behind, at, next);
        behind += next - at;
      }
      at = next;
    }
    return behind;
  }

  #known(set: number): Known | undefined {
    const count = this.#words[set + SET.COUNT] as number;
    if (count <= SMALL_SET) return undefined;
    let known = this.#large.get(set);
    if (known) return known;
    known = { entries: new Map(), end: 0 };
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = count; left > 0; left--) {
      const length = this.#lengthAt(at);
      if (this.#lives(at)) known.entries.set(textOf(this.#bytes, at + ENTRY.DATA, length), at - set * 4);
      at += ENTRY.DATA + length;
    }
    known.end = at - set * 4;
    this.#large.set(set, known);
    return known;
  }

  #lives(at: number): boolean {
    return this.#bytes[at + ENTRY.DEAD] === 0;
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
