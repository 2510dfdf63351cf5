import { Arena, sizeClass, unitsOfClass } from './arena.ts';
import { CONTROL, ENTRY, NODE, SET, TOMBSTONE, UNIT_BYTES, hashName, readerWord } from './layout.ts';
import { SMALL_SET, SetIndex } from './set-index.ts';

const FIRST_SLOTS_LOG2 = 10;
const FULL = 'the table of DNS answers is full';
const DEAD = 0x80;

/** The table has no room for this: `dns.maxTableMiB` is too small for the cluster. */
export class TableFull extends Error {}

/**
 * Writes the table. Names are folded wire form, record data is as on the wire with names written out. The caller is the only
 * thread that does; call `commit` after each step of changes, so that memory can be used again.
 */
export class TableWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #arena: Arena;
  readonly #index: SetIndex;
  /** Folded names of the zones: a name below one of them makes its parents exist, up to the zone's own. */
  readonly #apexes: readonly Uint8Array[];
  #slots = 0;
  #log2 = FIRST_SLOTS_LOG2;
  /** Slots that are not free: nodes and tombstones. */
  #used = 0;
  #nodes = 0;

  constructor(memory: SharedArrayBuffer, seed: number, apexes: readonly Uint8Array[]) {
    this.#words = new Int32Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#arena = new Arena(memory);
    this.#index = new SetIndex(this.#words, this.#bytes);
    this.#words[CONTROL.SEED] = seed;
    this.#apexes = apexes;
    this.#publishSlots(this.#log2);
  }

  get touchedBytes(): number {
    return this.#arena.touchedBytes;
  }

  get idleBytes(): number {
    return this.#arena.idleBytes;
  }

  get nodes(): number {
    return this.#nodes;
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

  /** Count a record in. True when the name did not have it before. */
  add(name: Uint8Array, length: number, type: number, ttl: number, data: Uint8Array): boolean {
    const node = this.#ensure(name, 0, length);
    try {
      return this.#addTo(node, type, ttl, data);
    } catch (error) {
      this.#dropIfEmpty(node);
      throw error;
    }
  }

  #addTo(node: number, type: number, ttl: number, data: Uint8Array): boolean {
    const [set, before] = this.#setOf(node, type);
    const entryBytes = ENTRY.DATA + data.length;
    if (set === 0) {
      const fresh = this.#newSet(SET.ENTRY_BYTES + entryBytes, type, ttl);
      this.#putEntry(fresh * 8 + SET.ENTRY_BYTES, 1, data, targetIn(type));
      this.#words[fresh * 2 + SET.COUNT] = 1;
      this.#words[fresh * 2 + SET.NEXT] = this.#words[node + NODE.SETS] as number;
      Atomics.store(this.#words, node + NODE.SETS, fresh);
      return true;
    }
    // All records of a set have one (RFC 2181 §5.2): that which was said last.
    Atomics.store(this.#words, set + SET.TTL, ttl);
    const known = this.#index.find(set, data);
    if (known !== 0) {
      this.#bump(known, 1);
      return false;
    }
    const end = this.#index.end(set);
    const code = (this.#words[set + SET.TYPE] as number) >>> 16;
    if (end + entryBytes <= set * 4 + unitsOfClass(code) * UNIT_BYTES) {
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
    if (copy === undefined) throw new TableFull(FULL);
    this.#putEntry(copy.end, 1, data, targetIn(type));
    if (living === count) this.#index.moved(set, copy.block * 2);
    this.#index.appended(copy.block * 2, copy.end, data);
    this.#words[copy.block * 2 + SET.COUNT] = living + 1;
    this.#swap(set, before, copy.block);
    return true;
  }

  /** Take back what `add` counted in. True when the name no longer has the record. Needs no memory that there may not be. */
  remove(name: Uint8Array, length: number, type: number, data: Uint8Array): boolean {
    const node = this.find(name, 0, length);
    if (node === 0) return false;
    const [set, before] = this.#setOf(node, type);
    const entry = set === 0 ? 0 : this.#index.find(set, data);
    if (entry === 0) return false;
    if (this.#bump(entry, -1) > 0) return false;
    const count = this.#words[set + SET.COUNT] as number;
    if (count - this.#index.dead(set).entries === 1) {
      this.#swap(set, before, this.#words[set + SET.NEXT] as number, true);
      this.#dropIfEmpty(node);
      return true;
    }
    this.#index.died(set, data);
    Atomics.store(this.#bytes, entry + ENTRY.DEAD, DEAD);
    // Large sets keep their dead until these are many: else each of ten thousand that go would have all others copied.
    if (count > SMALL_SET && this.#index.dead(set).entries * 4 < count) return true;
    const copy = this.#copyOf(set, 0);
    if (copy !== undefined) this.#swap(set, before, copy.block);
    return true;
  }

  /** The only record of a name and type, whatever was there (SOA, whose serial changes). */
  replace(name: Uint8Array, length: number, type: number, ttl: number, data: Uint8Array): void {
    const node = this.find(name, 0, length);
    const [set, before] = node === 0 ? [0, 0] : this.#setOf(node, type);
    if (set === 0) return void this.add(name, length, type, ttl, data);
    const fresh = this.#newSet(SET.ENTRY_BYTES + ENTRY.DATA + data.length, type, ttl);
    this.#putEntry(fresh * 8 + SET.ENTRY_BYTES, 1, data, targetIn(type));
    this.#words[fresh * 2 + SET.COUNT] = 1;
    this.#swap(set, before, fresh);
  }

  /** Say that a name exists, whether or not it has records (`by` 1), or take that back (-1). True when it came or went. */
  declare(name: Uint8Array, length: number, by: 1 | -1): boolean {
    const node = by === 1 ? this.#ensure(name, 0, length) : this.find(name, 0, length);
    if (node === 0 || (by === -1 && this.#words[node + NODE.DECLARED] === 0)) return false;
    const count = (this.#words[node + NODE.DECLARED] as number) + by;
    this.#words[node + NODE.DECLARED] = count;
    this.#dropIfEmpty(node);
    return count === (by === 1 ? 1 : 0);
  }

  /** How many records of a set go into an answer, for a name that exists; 0 for all. */
  limitAnswers(name: Uint8Array, length: number, answers: number): void {
    const node = this.find(name, 0, length);
    if (node !== 0) this.#words[node + NODE.SHAPE] = length | (answers << 8);
  }

  /** The word index of a node, or 0. */
  find(name: Uint8Array, at: number, end: number): number {
    const slot = this.#slotOf(name, at, end, hashName(name, at, end, this.#seed));
    return slot < 0 ? 0 : (this.#words[slot + 1] as number) * 2;
  }

  get #seed(): number {
    return this.#words[CONTROL.SEED] as number;
  }

  /** The slot of a name; below 0 when it has none: then `~slot` is where it would go. */
  #slotOf(name: Uint8Array, at: number, end: number, hash: number): number {
    const words = this.#words;
    const first = this.#slots * 2 + 2;
    const mask = 2 ** this.#log2 - 1;
    let reusable = 0;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = first + i * 2;
      const node = words[slot + 1] as number;
      if (node === 0) return ~(reusable === 0 ? slot : reusable);
      if (node === TOMBSTONE) reusable ||= slot;
      else if (words[slot] === hash && this.#isNamed(node * 2, name, at, end)) return slot;
    }
  }

  #isNamed(node: number, name: Uint8Array, at: number, end: number): boolean {
    if (((this.#words[node + NODE.SHAPE] as number) & 0xff) !== end - at) return false;
    const from = node * 4 + NODE.NAME_BYTES - at;
    for (let i = at; i < end; i++) if (this.#bytes[from + i] !== name[i]) return false;
    return true;
  }

  /** The node of a name, made with all that stand between it and the root when it is not there. */
  #ensure(name: Uint8Array, at: number, end: number): number {
    const hash = hashName(name, at, end, this.#seed);
    const slot = this.#slotOf(name, at, end, hash);
    if (slot >= 0) return (this.#words[slot + 1] as number) * 2;
    const length = end - at;
    const parentAt = at + (name[at] as number) + 1;
    const parent = this.#isWithinZone(name, parentAt, end) ? this.#ensure(name, parentAt, end) : 0;
    try {
      this.#makeSlots();
      const block = this.#take(sizeClass(Math.ceil((NODE.NAME_BYTES + length) / UNIT_BYTES)));
      this.#writeNode(block * 2, hash, name.subarray(at, end));
      // The way to the parent may have moved the slots.
      const free = ~this.#slotOf(name, at, end, hash);
      if (this.#words[free + 1] === 0) this.#used++;
      this.#words[free] = hash;
      Atomics.store(this.#words, free + 1, block);
      this.#nodes++;
      if (parent !== 0) (this.#words[parent + NODE.BELOW] as number)++;
      return block * 2;
    } catch (error) {
      if (parent !== 0) this.#dropIfEmpty(parent);
      throw error;
    }
  }

  #writeNode(node: number, hash: number, name: Uint8Array): void {
    const words = this.#words;
    words[node + NODE.HASH] = hash;
    words[node + NODE.SETS] = 0;
    words[node + NODE.BELOW] = 0;
    words[node + NODE.DECLARED] = 0;
    words[node + NODE.SHAPE] = name.length;
    const from = node * 4 + NODE.NAME_BYTES;
    this.#bytes.set(name, from);
    for (let i = name.length; i % 4 !== 0; i++) this.#bytes[from + i] = 0;
  }

  /** There is a free slot for one more, and many more for those who look in vain. */
  #makeSlots(): void {
    const slots = 2 ** this.#log2;
    if (this.#used * 3 < slots * 2) return;
    const grown = this.#publishSlots(this.#nodes * 2 >= slots ? this.#log2 + 1 : this.#log2);
    // Without room for more slots these go on until they are nearly all used.
    if (!grown && this.#used * 10 > slots * 9) throw new TableFull(FULL);
  }

  #isWithinZone(name: Uint8Array, at: number, end: number): boolean {
    return this.#apexes.some((apex) => isSuffix(name, at, end, apex));
  }

  /** A name without records, declarations and names below it is gone, and so may be its parent then. */
  #dropIfEmpty(node: number): void {
    const words = this.#words;
    if (words[node + NODE.SETS] !== 0 || words[node + NODE.BELOW] !== 0 || words[node + NODE.DECLARED] !== 0)
      return;
    const length = (words[node + NODE.SHAPE] as number) & 0xff;
    const from = node * 4 + NODE.NAME_BYTES;
    const slot = this.#slotOf(this.#bytes, from, from + length, words[node + NODE.HASH] as number);
    Atomics.store(words, slot + 1, TOMBSTONE);
    this.#nodes--;
    const parentAt = from + (this.#bytes[from] as number) + 1;
    const hasParent = this.#isWithinZone(this.#bytes, parentAt, from + length);
    const parent = hasParent ? this.find(this.#bytes, parentAt, from + length) : 0;
    this.#arena.retire(node / 2, sizeClass(Math.ceil((NODE.NAME_BYTES + length) / UNIT_BYTES)));
    if (parent === 0) return;
    (words[parent + NODE.BELOW] as number)--;
    this.#dropIfEmpty(parent);
  }

  /** Lay all slots out anew, without tombstones, and let readers change over. False when there is no room for that. */
  #publishSlots(log2: number): boolean {
    const words = this.#words;
    const block = this.#arena.take(slotsClass(log2));
    if (block === undefined) return false;
    const first = block * 2 + 2;
    const mask = 2 ** log2 - 1;
    words.fill(0, block * 2, first + (mask + 1) * 2);
    words[block * 2] = log2;
    const old = this.#slots;
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
    this.#slots = block;
    this.#log2 = log2;
    this.#used = this.#nodes;
    Atomics.store(words, CONTROL.SLOTS, block);
    if (old !== 0) this.#arena.retire(old, slotsClass(oldLog2));
    return true;
  }

  /** The set of a type and the one before it in the node's list; 0 each when there is none. */
  #setOf(node: number, type: number): [set: number, before: number] {
    const words = this.#words;
    let link = node + NODE.SETS;
    for (let set = (words[link] as number) * 2; set !== 0; set = (words[link] as number) * 2) {
      if (((words[set + SET.TYPE] as number) & 0xffff) === type) return [set, link];
      link = set + SET.NEXT;
    }
    return [0, link];
  }

  /** A block for a set of so many bytes, header included; its entries and links are still to be written. */
  #newSet(bytes: number, type: number, ttl: number): number {
    const code = sizeClass(Math.ceil(bytes / UNIT_BYTES));
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

  /** Let the word that leads to `set` lead to `fresh` instead, and give the old one back. */
  #swap(set: number, link: number, fresh: number, removing = false): void {
    if (!removing) this.#words[fresh * 2 + SET.NEXT] = this.#words[set + SET.NEXT] as number;
    Atomics.store(this.#words, link, fresh);
    this.#index.forget(set);
    this.#arena.retire(set / 2, (this.#words[set + SET.TYPE] as number) >>> 16);
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
    for (let i = 0; i < 4; i++) bytes[entry + ENTRY.COUNT + i] = count >>> (8 * i);
    return count;
  }

  #take(code: number): number {
    const block = this.#arena.take(code);
    if (block === undefined) throw new TableFull(FULL);
    return block;
  }
}

/** Where the name stands that a record of this type points to (NS, CNAME, PTR; SRV); -1 for none. */
function targetIn(type: number): number {
  if (type === 33) return 6;
  return type === 2 || type === 5 || type === 12 ? 0 : -1;
}

function slotsClass(log2: number): number {
  return sizeClass(1 + 2 ** log2);
}

/** Whether the name `name[at, end)` is `zone` or below it. Both folded and on the wire. */
export function isSuffix(name: Uint8Array, at: number, end: number, zone: Uint8Array): boolean {
  const from = end - zone.length;
  if (from < at) return false;
  for (let i = 0; i < zone.length; i++) if (name[from + i] !== zone[i]) return false;
  // The same bytes may begin in the middle of a label.
  for (let label = at; label <= from; label += (name[label] as number) + 1) if (label === from) return true;
  return false;
}
