import { copyOf } from '../../../core/bytes.ts';
import { LOWER } from '../../http1/chars.ts';
import type { OutBuffer } from '../frames/out-buffer.ts';
import { DEFAULT_TABLE_BYTES } from '../protocol.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import { ENTRY_OVERHEAD, STATIC_TABLE } from './static-table.ts';

const MAX_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD;
const SLOTS = 256;
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

interface Entry {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const hashOf = (bytes: Uint8Array): number =>
  bytes.reduce((hash, c) => Math.imul(hash ^ c, HASH_FACTOR), HASH_START);

/** Names of the static table by their hash; the first index of each. */
const STATIC_NAMES: readonly Uint8Array[] = STATIC_TABLE.map(([name]) => latin1(name));
const staticByHash = new Map<number, number>();
for (let i = STATIC_NAMES.length - 1; i >= 0; i--)
  staticByHash.set(hashOf(STATIC_NAMES[i] as Uint8Array), i + 1);

/** By static index: values that open doors never go into a table, here or behind the peer (RFC 7541 §7.1.3). */
const isSecret = new Uint8Array(STATIC_TABLE.length + 1);
for (const [i, [name]] of STATIC_TABLE.entries())
  if (['authorization', 'proxy-authorization', 'cookie', 'set-cookie'].includes(name)) isSecret[i + 1] = 1;

/**
 * The encoder of one connection (RFC 7541). A field goes into the dynamic table when it is seen for the second time:
 * values that come once, such as the id of a request, do not push out those that come back.
 */
export class HpackEncoder {
  readonly #entries: (Entry | undefined)[] = Array.from({ length: MAX_ENTRIES });
  /** How many entries there ever were; the number of each is its name here. */
  #inserted = 0;
  #count = 0;
  #bytes = 0;
  #limit = DEFAULT_TABLE_BYTES;
  /** The smallest limit since the last block; -1: nothing has changed. */
  #announce = -1;
  /** By hash: number + 1 of the last entry with this line or name. Others with the same hash are not found, which costs bytes only. */
  readonly #byLine = new Int32Array(SLOTS);
  readonly #byName = new Int32Array(SLOTS);
  /** Hashes of lines seen once. */
  readonly #seen = new Int32Array(SLOTS);
  #name = new Uint8Array(128);
  #nameLength = 0;
  readonly #value = new Uint8Array(16);

  get tableBytes(): number {
    return this.#bytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. More than the default is not used. */
  setPeerLimit(bytes: number): void {
    const limit = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (limit === this.#limit && this.#announce < 0) return;
    this.#announce = this.#announce < 0 ? limit : Math.min(this.#announce, limit);
    this.#limit = limit;
    this.#evict(limit);
  }

  /** To be called before the first field of each block. */
  begin(out: OutBuffer): void {
    if (this.#announce < 0) return;
    // Both the smallest and the final size are told (RFC 7541 §4.2).
    if (this.#announce < this.#limit) integer(out, this.#announce, 0x20, 0x1f);
    integer(out, this.#limit, 0x20, 0x1f);
    this.#announce = -1;
  }

  /** A field of the static table, name and value. */
  indexed(out: OutBuffer, index: number): void {
    integer(out, index, 0x80, 0x7f);
  }

  /** `:status` with a code of three digits. */
  status(out: OutBuffer, status: number): void {
    const known = STATUS_INDEX.get(status);
    if (known !== undefined) return this.indexed(out, known);
    const value = this.#value;
    value[0] = 48 + Math.floor(status / 100);
    value[1] = 48 + (Math.floor(status / 10) % 10);
    value[2] = 48 + (status % 10);
    this.named(out, STATUS_NAME, value, 0, 3);
  }

  /** A field whose name is that of a static entry. */
  named(out: OutBuffer, index: number, value: Uint8Array, start: number, end: number): void {
    const name = STATIC_NAMES[index - 1] as Uint8Array;
    this.#emit(out, name, name.length, hashOf(name), index, value, start, end);
  }

  /** A field in any letter case. */
  field(
    out: OutBuffer,
    bytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const n = nameEnd - nameStart;
    if (n > this.#name.length) this.#name = new Uint8Array(n * 2);
    const name = this.#name;
    let hash = HASH_START;
    for (let i = 0; i < n; i++) {
      const c = LOWER[bytes[nameStart + i] as number] as number;
      name[i] = c;
      hash = Math.imul(hash ^ c, HASH_FACTOR);
    }
    let index = staticByHash.get(hash) ?? 0;
    if (index !== 0 && !equal(STATIC_NAMES[index - 1] as Uint8Array, name, 0, n)) index = 0;
    this.#emit(out, name, n, hash, index, bytes, valueStart, valueEnd);
  }

  #emit(
    out: OutBuffer,
    name: Uint8Array,
    nameLength: number,
    nameHash: number,
    staticIndex: number,
    value: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#nameLength = nameLength;
    if (isSecret[staticIndex] === 1)
      return this.#literal(out, 0x10, 0x0f, staticIndex, name, value, start, end);
    let hash = Math.imul(nameHash ^ 58, HASH_FACTOR);
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (value[i] as number), HASH_FACTOR);
    const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
    const known = this.#alive(this.#byLine[slot] as number);
    if (
      known !== undefined &&
      equal(known.name, name, 0, nameLength) &&
      equal(known.value, value, start, end)
    ) {
      return integer(
        out,
        STATIC_TABLE.length + 1 + this.#inserted - (this.#byLine[slot] as number),
        0x80,
        0x7f,
      );
    }
    const nameSlot = (nameHash ^ (nameHash >>> 16)) & (SLOTS - 1);
    const index = staticIndex !== 0 ? staticIndex : this.#nameIndex(nameSlot, name);
    if (this.#seen[slot] !== hash) {
      this.#seen[slot] = hash;
      return this.#literal(out, 0, 0x0f, index, name, value, start, end);
    }
    const size = nameLength + end - start + ENTRY_OVERHEAD;
    // What would push most of the table out is not worth it.
    if (size * 2 > this.#limit) return this.#literal(out, 0, 0x0f, index, name, value, start, end);
    this.#literal(out, 0x40, 0x3f, index, name, value, start, end);
    this.#evict(this.#limit - size);
    this.#entries[this.#inserted % MAX_ENTRIES] = {
      name: copyOf(name, 0, nameLength),
      value: copyOf(value, start, end),
    };
    this.#inserted += 1;
    this.#count += 1;
    this.#bytes += size;
    this.#byLine[slot] = this.#inserted;
    this.#byName[nameSlot] = this.#inserted;
  }

  /** The entry with this number (counted from 1), if it is still there. */
  #alive(number: number): Entry | undefined {
    return number > this.#inserted - this.#count ? this.#entries[(number - 1) % MAX_ENTRIES] : undefined;
  }

  #nameIndex(slot: number, name: Uint8Array): number {
    const number = this.#byName[slot] as number;
    const entry = this.#alive(number);
    if (entry === undefined || !equal(entry.name, name, 0, this.#nameLength)) return 0;
    return STATIC_TABLE.length + 1 + this.#inserted - number;
  }

  #evict(limit: number): void {
    while (this.#count > 0 && this.#bytes > limit) {
      const at = (this.#inserted - this.#count) % MAX_ENTRIES;
      const oldest = this.#entries[at] as Entry;
      this.#bytes -= oldest.name.length + oldest.value.length + ENTRY_OVERHEAD;
      this.#entries[at] = undefined;
      this.#count -= 1;
    }
  }

  #literal(
    out: OutBuffer,
    pattern: number,
    mask: number,
    index: number,
    name: Uint8Array,
    value: Uint8Array,
    start: number,
    end: number,
  ): void {
    integer(out, index, pattern, mask);
    if (index === 0) string(out, name, 0, this.#nameLength);
    string(out, value, start, end);
  }
}

const STATUS_NAME = 8;
const STATUS_INDEX: ReadonlyMap<number, number> = new Map(
  STATIC_TABLE.flatMap(([name, value], i) => (name === ':status' ? [[Number(value), i + 1] as const] : [])),
);

function equal(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

/** An integer behind a pattern of high bits (RFC 7541 §5.1). */
function integer(out: OutBuffer, value: number, pattern: number, mask: number): void {
  out.room(6);
  const to = out.bytes;
  let at = out.length;
  if (value < mask) to[at++] = pattern | value;
  else {
    to[at++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 128; rest >>>= 7) to[at++] = (rest & 0x7f) | 0x80;
    to[at++] = rest;
  }
  out.length = at;
}

/** A string, in Huffman form where that is shorter. */
function string(out: OutBuffer, bytes: Uint8Array, start: number, end: number): void {
  const short = huffmanLength(bytes, start, end);
  if (short < end - start) {
    integer(out, short, 0x80, 0x7f);
    out.room(short);
    out.length = huffmanEncode(bytes, start, end, out.bytes, out.length);
  } else {
    integer(out, end - start, 0, 0x7f);
    out.copy(bytes, start, end);
  }
}
