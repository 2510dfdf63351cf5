import { Arena, sizeClass, unitsOfClass } from './arena.ts';
import { CONTROL, ENTRY, NODE, SET, SHARED, UNIT_BYTES, hashName, readerWord } from './layout.ts';
import { NameKey } from './name-key.ts';
import { Names } from './names.ts';
import { SMALL_SET, SetIndex } from './set-index.ts';
import { Singles, isShared } from './singles.ts';
import { Slots } from './slots.ts';
import { TableFull } from './table-full.ts';

const DEAD = 0x80;

/**
 * Writes the table. Names are folded wire form, record data is as on the wire with names written out. The caller is the only
 * thread that does; call `commit` after each step of changes, so that memory can be used again.
 */
export class TableWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #seed: number;
  readonly #arena: Arena;
  readonly #index: SetIndex;
  readonly #slots: Slots;
  readonly #singles: Singles;
  readonly #names: Names;
  readonly #key = new NameKey();
  /** The word that leads to the set that `#setOf` found, or would. */
  #link = 0;

  /** `apexes`: folded names of the zones. A name below one of them makes its parents exist, up to the zone's own. */
  constructor(memory: SharedArrayBuffer, seed: number, apexes: readonly Uint8Array[]) {
    this.#words = new Int32Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#seed = seed;
    this.#words[CONTROL.SEED] = seed;
    this.#arena = new Arena(memory);
    this.#index = new SetIndex(this.#words, this.#bytes);
    this.#singles = new Singles(this.#words, this.#bytes);
    this.#slots = new Slots(this.#words, this.#arena);
    this.#names = new Names({
      words: this.#words,
      seed,
      arena: this.#arena,
      slots: this.#slots,
      apexes,
    });
  }

  get touchedBytes(): number {
    return this.#arena.touchedBytes;
  }

  get idleBytes(): number {
    return this.#arena.idleBytes;
  }

  get nodes(): number {
    return this.#slots.nodes;
  }

  setReady(ready: boolean): void {
    Atomics.store(this.#words, CONTROL.READY, ready ? 1 : 0);
  }

  setStale(stale: boolean): void {
    Atomics.store(this.#words, CONTROL.STALE, stale ? 1 : 0);
  }

  /** A reader that died in the middle of a batch would keep everything from being used again. */
  forgetReader(reader: number): void {
    Atomics.store(this.#words, readerWord(reader), 0);
  }

  commit(): void {
    this.#arena.nextEpoch();
  }

  /** So many names are about to come, or more. Saves work, and memory only if it is not too many. */
  expect(names: number): void {
    this.#slots.expect(names);
  }

  /** Of the hash of names. */
  get seed(): number {
    return this.#seed;
  }

  /** The first `count` of these names are about to come: what they need is fetched for all of them at once. */
  prepare(keys: readonly NameKey[], count: number): void {
    this.#slots.touch(keys, count);
  }

  /** Count a record in. True when the name did not have it before. Throws `TableFull`. */
  add(name: Uint8Array, length: number, type: number, ttl: number, data: Uint8Array): boolean {
    return this.addKey(this.#keyOf(name, length), type, ttl, data);
  }

  /** The same, by the key of the name. */
  addKey(key: NameKey, type: number, ttl: number, data: Uint8Array): boolean {
    const node = this.#names.ensure(key);
    try {
      return this.#addTo(node, type, ttl, data);
    } catch (error) {
      this.#names.dropIfEmpty(node);
      throw error;
    }
  }

  #keyOf(name: Uint8Array, length: number): NameKey {
    return this.#key.set(name, 0, length, this.#seed);
  }

  #addTo(node: number, type: number, ttl: number, data: Uint8Array): boolean {
    let set = this.#setOf(node, type);
    if (set === 0) {
      this.#firstOfType(node, type, ttl, data);
      return true;
    }
    if (isShared(this.#words, set)) set = this.#ownCopy(set);
    const link = this.#link;
    // All records of a set have one (RFC 2181 §5.2): that which was said last.
    Atomics.store(this.#words, set + SET.TTL, ttl);
    const known = this.#index.find(set, data);
    if (known !== 0) {
      this.#bump(known, 1);
      return false;
    }
    const end = this.#index.end(set);
    const entryBytes = ENTRY.DATA + data.length;
    if (end + entryBytes <= set * 4 + unitsOfClass(this.#codeOf(set)) * UNIT_BYTES) {
      // Behind the last entry nobody reads yet: it is there when the count says so.
      this.#putEntry(end, 1, data, targetIn(type));
      this.#index.appended(set, end, data);
      Atomics.add(this.#words, set + SET.COUNT, 1);
      return true;
    }
    const count = this.#words[set + SET.COUNT] as number;
    const living = count - this.#index.dead(set).entries;
    const bytes = end - set * 4 - this.#index.dead(set).bytes;
    // Half as much again, but for the first few: most names never have a second record.
    const copy = this.#copyOf(set, Math.max(entryBytes, living < 4 ? 0 : bytes >> 1));
    if (copy === undefined) throw new TableFull();
    this.#putEntry(copy.end, 1, data, targetIn(type));
    if (living === count) this.#index.moved(set, copy.block * 2);
    this.#index.appended(copy.block * 2, copy.end, data);
    this.#words[copy.block * 2 + SET.COUNT] = living + 1;
    this.#swap(set, link, copy.block);
    return true;
  }

  /** The name had none of this type. Where it has no others, its one record may be one that other names have too. */
  #firstOfType(node: number, type: number, ttl: number, data: Uint8Array): void {
    const words = this.#words;
    const others = words[node + NODE.SETS] as number;
    const sharing = others === 0 && isOftenShared(type);
    const same = sharing ? this.#singles.find(type, ttl, data) : 0;
    if (same !== 0) {
      this.#bump(same * 4 + SET.ENTRY_BYTES, 1);
      Atomics.store(words, node + NODE.SETS, same / 2);
      return;
    }
    const fresh = this.#newSet(data.length, type, ttl);
    this.#putEntry(fresh * 8 + SET.ENTRY_BYTES, 1, data, targetIn(type));
    words[fresh * 2 + SET.COUNT] = 1;
    words[fresh * 2 + SET.NEXT] = others;
    if (sharing) this.#share(fresh * 2);
    Atomics.store(words, node + NODE.SETS, fresh);
  }

  /** A set of a single entry that no other one follows may be that of other nodes as well. */
  #share(set: number): void {
    this.#words[set + SET.TYPE] = (this.#words[set + SET.TYPE] as number) | SHARED;
    this.#singles.note(set);
  }

  /** The set at `#link`, which nodes may share, as one that is this node's alone. */
  #ownCopy(set: number): number {
    const words = this.#words;
    const link = this.#link;
    const entry = set * 4 + SET.ENTRY_BYTES;
    if (this.#bump(entry, -1) === 0) {
      this.#bump(entry, 1);
      this.#singles.forget(set);
      words[set + SET.TYPE] = (words[set + SET.TYPE] as number) & ~SHARED;
      return set;
    }
    this.#bump(entry, 1);
    const copy = this.#copyOf(set, 0);
    if (copy === undefined) throw new TableFull();
    const count = this.#bump(copy.block * 8 + SET.ENTRY_BYTES, 0);
    this.#bump(copy.block * 8 + SET.ENTRY_BYTES, 1 - count);
    this.#swap(set, link, copy.block);
    return copy.block * 2;
  }

  /** Take back what `add` counted in. True when the name no longer has the record. Needs no memory that there may not be. */
  remove(name: Uint8Array, length: number, type: number, data: Uint8Array): boolean {
    return this.removeKey(this.#keyOf(name, length), type, data);
  }

  /** The same, by the key of the name. */
  removeKey(key: NameKey, type: number, data: Uint8Array): boolean {
    const node = this.#names.find(key);
    if (node === 0) return false;
    const set = this.#setOf(node, type);
    const link = this.#link;
    const entry = set === 0 ? 0 : this.#index.find(set, data);
    if (entry === 0) return false;
    const shared = isShared(this.#words, set);
    if (!shared && this.#bump(entry, -1) > 0) return false;
    const count = this.#words[set + SET.COUNT] as number;
    if (shared || count - this.#index.dead(set).entries === 1) {
      this.#swap(set, link, this.#words[set + SET.NEXT] as number, true);
      this.#names.dropIfEmpty(node);
      return true;
    }
    this.#index.died(set, data);
    Atomics.store(this.#bytes, entry + ENTRY.DEAD, DEAD);
    const left = count - this.#index.dead(set).entries;
    // Large sets keep their dead until these are many: else each of ten thousand that go would have all others copied.
    if (count > SMALL_SET && this.#index.dead(set).entries * 4 < count) return true;
    const copy = this.#copyOf(set, 0);
    if (copy === undefined) return true;
    if (left === 1 && this.#words[set + SET.NEXT] === 0 && this.#shareCopy(copy.block, set, link))
      return true;
    this.#swap(set, link, copy.block);
    return true;
  }

  /** A copy of a set that has become a single one: let it be shared. True when there was one to share, and it took its place. */
  #shareCopy(copy: number, set: number, link: number): boolean {
    const words = this.#words;
    const type = (words[copy * 2 + SET.TYPE] as number) & 0xffff;
    const entry = copy * 8 + SET.ENTRY_BYTES;
    // What one name has twice is not as what another has once.
    if (!isOftenShared(type) || this.#bump(entry, 0) !== 1) return false;
    const data = this.#bytes.subarray(entry + ENTRY.DATA, this.#index.end(copy * 2));
    const same = this.#singles.find(type, words[copy * 2 + SET.TTL] as number, data);
    if (same === 0) {
      words[copy * 2 + SET.NEXT] = 0;
      this.#share(copy * 2);
      return false;
    }
    this.#bump(same * 4 + SET.ENTRY_BYTES, 1);
    this.#swap(set, link, same / 2);
    this.#arena.retire(copy, this.#codeOf(copy * 2));
    return true;
  }

  /** The only record of a name and type, whatever was there (SOA, whose serial changes). */
  replace(name: Uint8Array, length: number, type: number, ttl: number, data: Uint8Array): void {
    const node = this.#names.find(this.#keyOf(name, length));
    const set = node === 0 ? 0 : this.#setOf(node, type);
    if (set === 0) return void this.add(name, length, type, ttl, data);
    const link = this.#link;
    const fresh = this.#newSet(data.length, type, ttl);
    this.#putEntry(fresh * 8 + SET.ENTRY_BYTES, 1, data, targetIn(type));
    this.#words[fresh * 2 + SET.COUNT] = 1;
    this.#swap(set, link, fresh);
  }

  /** Say that a name exists, whether or not it has records (`by` 1), or take that back (-1). True when it came or went. */
  declare(name: Uint8Array, length: number, by: 1 | -1): boolean {
    const key = this.#keyOf(name, length);
    const node = by === 1 ? this.#names.ensure(key) : this.#names.find(key);
    if (node === 0) return false;
    const count = this.#names.declare(node, by);
    this.#names.dropIfEmpty(node);
    return count === (by === 1 ? 1 : 0);
  }

  /** How many records of a set go into an answer, for a name that exists; 0 for all. */
  limitAnswers(name: Uint8Array, length: number, answers: number): void {
    const node = this.#names.find(this.#keyOf(name, length));
    if (node === 0) return;
    const shape = (this.#words[node + NODE.SHAPE] as number) & ~(0xffff << 8);
    this.#words[node + NODE.SHAPE] = shape | (answers << 8);
  }

  /** The set of a type, or 0; `#link` is the word that leads to it, or would. */
  #setOf(node: number, type: number): number {
    const words = this.#words;
    let link = node + NODE.SETS;
    let set = (words[link] as number) * 2;
    while (set !== 0 && ((words[set + SET.TYPE] as number) & 0xffff) !== type) {
      link = set + SET.NEXT;
      set = (words[link] as number) * 2;
    }
    this.#link = link;
    return set;
  }

  #codeOf(set: number): number {
    return ((this.#words[set + SET.TYPE] as number) & ~SHARED) >>> 16;
  }

  /** A block for a set of one entry of so many bytes; the entry and links are still to be written. */
  #newSet(bytes: number, type: number, ttl: number): number {
    const code = sizeClass(Math.ceil((SET.ENTRY_BYTES + ENTRY.DATA + bytes) / UNIT_BYTES));
    const block = this.#take(code);
    this.#words[block * 2 + SET.NEXT] = 0;
    this.#words[block * 2 + SET.TYPE] = type | (code << 16);
    this.#words[block * 2 + SET.COUNT] = 0;
    this.#words[block * 2 + SET.TTL] = ttl;
    return block;
  }

  /** What lives of a set, in a block with `room` more bytes that no word leads to yet; undefined when the memory is full. */
  #copyOf(set: number, room: number): { readonly block: number; readonly end: number } | undefined {
    const words = this.#words;
    const dead = this.#index.dead(set);
    const bytes = this.#index.end(set) - set * 4 - dead.bytes + room;
    const code = sizeClass(Math.ceil(bytes / UNIT_BYTES));
    const block = this.#arena.take(code);
    if (block === undefined) return undefined;
    words[block * 2 + SET.TYPE] = ((words[set + SET.TYPE] as number) & 0xffff) | (code << 16);
    words[block * 2 + SET.COUNT] = (words[set + SET.COUNT] as number) - dead.entries;
    words[block * 2 + SET.TTL] = words[set + SET.TTL] as number;
    return { block, end: this.#index.copyLiving(set, block * 8 + SET.ENTRY_BYTES) };
  }

  /** Let the word that leads to `set` lead to `fresh` instead, and give the old one back if nobody else has it. */
  #swap(set: number, link: number, fresh: number, removing = false): void {
    if (!removing) this.#words[fresh * 2 + SET.NEXT] = this.#words[set + SET.NEXT] as number;
    Atomics.store(this.#words, link, fresh);
    if (isShared(this.#words, set)) {
      if (this.#bump(set * 4 + SET.ENTRY_BYTES, -1) > 0) return;
      this.#singles.forget(set);
    }
    this.#index.forget(set);
    this.#arena.retire(set / 2, this.#codeOf(set));
  }

  #putEntry(at: number, count: number, data: Uint8Array, target: number): void {
    const bytes = this.#bytes;
    const hash = target < 0 ? 0 : hashName(data, target, data.length, this.#seed);
    for (let i = 0; i < 4; i++) bytes[at + ENTRY.COUNT + i] = count >>> (8 * i);
    for (let i = 0; i < 4; i++) bytes[at + ENTRY.TARGET + i] = hash >>> (8 * i);
    bytes[at + ENTRY.LENGTH] = data.length >> 8;
    bytes[at + ENTRY.LENGTH + 1] = data.length;
    for (let i = 0; i < data.length; i++) bytes[at + ENTRY.DATA + i] = data[i] as number;
  }

  /** Change how many give an entry; returns the new number. */
  #bump(entry: number, by: number): number {
    const bytes = this.#bytes;
    let count = by;
    for (let i = 0; i < 4; i++) count += (bytes[entry + ENTRY.COUNT + i] as number) * 2 ** (8 * i);
    if (by !== 0) for (let i = 0; i < 4; i++) bytes[entry + ENTRY.COUNT + i] = count >>> (8 * i);
    return count;
  }

  #take(code: number): number {
    const block = this.#arena.take(code);
    if (block === undefined) throw new TableFull();
    return block;
  }
}

/** Where the name stands that a record of this type points to (NS, CNAME, PTR; SRV); -1 for none. */
function targetIn(type: number): number {
  if (type === 33) return 6;
  return type === 2 || type === 5 || type === 12 ? 0 : -1;
}

/** Whether several names are likely to have the same single record of a type. */
function isOftenShared(type: number): boolean {
  return type === 1 || type === 28 || type === 33;
}
