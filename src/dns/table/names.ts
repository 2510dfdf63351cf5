import type { Arena } from './arena.ts';
import { sizeClass } from './arena.ts';
import { NODE, UNIT_BYTES } from './layout.ts';
import { NameKey } from './name-key.ts';
import { copyName, isNodeOfBytes, ownBytes } from './node-name.ts';
import type { Slots } from './slots.ts';
import { TableFull } from './table-full.ts';

/** Of the word that counts what keeps a name: names below it, and in the upper bits how often it was declared. */
const MAX_BELOW = 0xff_ffff;
const DECLARED = 1 << 24;
/** From here on declarations are counted elsewhere. */
const MANY_DECLARED = 0xff;
const PARENTS = 32;
/** What it takes to say which name is above. */
const ABOVE_BYTES = 4;
const WORTHWHILE_UNITS = 2;

export interface NamesParts {
  readonly words: Int32Array;
  readonly seed: number;
  readonly arena: Arena;
  readonly slots: Slots;
  /** Folded names of the zones: a name below one of them makes its parents exist, up to the zone's own. */
  readonly apexes: readonly Uint8Array[];
}

/** The names of the table and what keeps them: records, declarations, and names below. Nodes are word indexes. */
export class Names {
  readonly #words: Int32Array;
  readonly #name = new Uint8Array(256);
  readonly #parts: NamesParts;
  readonly #slots: Slots;
  /** Of what is looked up by the way: one for each step up from a name that is made. */
  readonly #keys: NameKey[] = [];
  /** Nodes within zones that names were made below lately: those of the next names are mostly the same. */
  readonly #parents = new Int32Array(PARENTS);
  /** How often the names were declared that were so very often, by node. */
  readonly #manyDeclared = new Map<number, number>();

  constructor(parts: NamesParts) {
    this.#parts = parts;
    this.#words = parts.words;
    this.#slots = parts.slots;
  }

  /** The node of a name, or 0. */
  find(key: NameKey): number {
    const slot = this.#slots.find(key);
    return slot < 0 ? 0 : this.#slots.nodeAt(slot);
  }

  /** The node of a name, made with all that stand between it and its zone when it is not there. Throws `TableFull`. */
  ensure(key: NameKey, depth = 0): number {
    const slots = this.#slots;
    const slot = slots.find(key);
    if (slot >= 0) return slots.nodeAt(slot);
    const before = slots.changes;
    const parent = this.#parentOf(key, depth);
    try {
      if (!slots.makeRoom()) throw new TableFull();
      // The way to the parent, or more room, may have taken the slot.
      return this.#make(key, slots.changes === before ? ~slot : ~slots.find(key), parent, depth);
    } catch (error) {
      if (parent !== 0) this.dropIfEmpty(parent);
      throw error;
    }
  }

  /** The node of the name above, made when it is not there; 0 where a name has none. */
  #parentOf(key: NameKey, depth: number): number {
    const { bytes, view, length } = key;
    const at = (bytes[0] as number) + 1;
    const place = (length - at + (bytes[at + 2] as number) * 3) & (PARENTS - 1);
    const likely = this.#parents[place] as number;
    if (likely !== 0 && isNodeOfBytes(this.#words, likely, view, at, length)) return likely;
    if (!this.#isWithinZone(bytes, at, length)) return 0;
    const above = (this.#keys[depth] ??= new NameKey()).set(bytes, at, length, this.#parts.seed);
    const parent = this.find(above) || this.ensure(above, depth + 1);
    this.#parents[place] = parent;
    return parent;
  }

  #make(key: NameKey, slot: number, parent: number, depth: number): number {
    const words = this.#words;
    if (parent !== 0 && ((words[parent + NODE.REFS] as number) & MAX_BELOW) === MAX_BELOW)
      throw new TableFull();
    const label = (key.bytes[0] as number) + 1;
    const apart = depth === 0 && parent !== 0 && isWorthwhile(key.length, label);
    const block = this.#parts.arena.take(nodeClass(apart ? ABOVE_BYTES + label : key.length));
    if (block === undefined) throw new TableFull();
    const node = block * 2;
    words[node + NODE.REFS] = 0;
    words[node + NODE.SETS] = 0;
    words[node + NODE.SHAPE] = apart ? key.length | (label << 24) : key.length;
    let to = node + NODE.NAME_BYTES / 4;
    if (apart) words[to++] = parent / 2;
    const bytes = apart ? label : key.length;
    for (let i = 0; i * 4 < bytes; i++) words[to + i] = key.words[i] as number;
    this.#slots.put(slot, key.hash, node);
    if (parent !== 0) (words[parent + NODE.REFS] as number)++;
    return node;
  }

  #isWithinZone(name: Uint8Array, at: number, end: number): boolean {
    for (const apex of this.#parts.apexes) if (isSuffix(name, at, end, apex)) return true;
    return false;
  }

  /** A name without records, declarations and names below it is gone, and so may be its parent then. */
  dropIfEmpty(node: number): void {
    const words = this.#words;
    const { seed, arena } = this.#parts;
    if (words[node + NODE.SETS] !== 0 || words[node + NODE.REFS] !== 0) return;
    const name = this.#name;
    const length = copyName(words, node, name);
    const key = (this.#keys[0] ??= new NameKey()).set(name, 0, length, seed);
    this.#slots.clear(this.#slots.find(key));
    for (let i = 0; i < PARENTS; i++) if (this.#parents[i] === node) this.#parents[i] = 0;
    const parentAt = (key.bytes[0] as number) + 1;
    const own = ownBytes(words, node);
    arena.retire(node / 2, nodeClass(own === length ? length : ABOVE_BYTES + own));
    if (!this.#isWithinZone(name, parentAt, length)) return;
    const parent = this.find(key.set(name, parentAt, length, seed));
    if (parent === 0) return;
    (words[parent + NODE.REFS] as number)--;
    this.dropIfEmpty(parent);
  }

  /** Count that a name was declared (`by` 1), or that this was taken back (-1). Returns how often it is; -1 when it was not. */
  declare(node: number, by: 1 | -1): number {
    const words = this.#words;
    const before = this.#declarationsOf(node);
    const count = before + by;
    if (count < 0) return -1;
    const below = (words[node + NODE.REFS] as number) & MAX_BELOW;
    words[node + NODE.REFS] = below | (Math.min(count, MANY_DECLARED) * DECLARED);
    if (count >= MANY_DECLARED) this.#manyDeclared.set(node, count);
    else if (before >= MANY_DECLARED) this.#manyDeclared.delete(node);
    return count;
  }

  #declarationsOf(node: number): number {
    const count = (this.#words[node + NODE.REFS] as number) >>> 24;
    return count < MANY_DECLARED ? count : (this.#manyDeclared.get(node) ?? count);
  }
}

/**
 * Whether a name is kept as its first label and the node above. That takes a few nanoseconds with each question, so it is to save a
 * good part of the node: what is asked for most, `<task>.<framework>.<domain>`, stays whole. So do names that are made because
 * of others below them: these are few, and looked at with each of those.
 */
function isWorthwhile(length: number, label: number): boolean {
  return nodeClass(length) - nodeClass(ABOVE_BYTES + label) >= WORTHWHILE_UNITS;
}

function nodeClass(length: number): number {
  return sizeClass(Math.ceil((NODE.NAME_BYTES + length) / UNIT_BYTES));
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
