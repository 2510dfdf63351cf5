import { copyOf } from '../../../core/bytes.ts';
import { CR, HTAB, LF, SP, VALUE } from '../../http1/chars.ts';
import { DEFAULT_TABLE_BYTES } from '../protocol.ts';
import { blockLimit } from './field-block.ts';
import type { FieldBlock } from './field-block.ts';
import { Kind, kindOf } from './field-kind.ts';
import { huffmanDecode } from './huffman.ts';
import { ENTRY_OVERHEAD, STATIC_TABLE } from './static-table.ts';

const COLON = 58;

/** A field as it stands in a table: its line in HTTP/1.1 form, and what was found out about it. */
interface Entry {
  readonly line: Uint8Array;
  readonly nameLength: number;
  /** By the name alone, for literals that take their name from here. */
  readonly nameKind: number;
  readonly kind: number;
}

const STATIC: readonly Entry[] = STATIC_TABLE.map(([name, value]) => {
  const line = Uint8Array.from(`${name}: ${value}\r\n`, (c) => c.charCodeAt(0));
  const kind = kindOf(line, 0, name.length);
  return { line, nameLength: name.length, nameKind: kind, kind };
});

const NO_ENTRY: Entry = { line: new Uint8Array(0), nameLength: 0, nameKind: Kind.BAD, kind: Kind.BAD };
const MAX_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD;

/** Bytes that an entry counts for: its line has 4 more than its name and value. */
const sizeOf = (entry: Entry): number => entry.line.length - 4 + ENTRY_OVERHEAD;

/**
 * The decoder of one connection (RFC 7541). A block is always decoded to its end, also one that is over the limits or
 * malformed, so that the table stays as the peer has it. Only what is no HPACK at all fails, and ends the connection.
 */
export class HpackDecoder {
  readonly #entries: Entry[] = Array.from({ length: MAX_ENTRIES }, () => NO_ENTRY);
  /** Where the newest entry is; older ones follow behind it, around the end. */
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #limit = DEFAULT_TABLE_BYTES;
  #at = 0;

  /** Bytes in the dynamic table, counted as in RFC 7541 §4.1. */
  get tableBytes(): number {
    return this.#bytes;
  }

  /** Decode a whole field block into `block`. False: COMPRESSION_ERROR. */
  decode(bytes: Uint8Array, start: number, end: number, block: FieldBlock): boolean {
    block.reset();
    if (end - start > blockLimit(block.limits)) return false;
    this.#at = start;
    let fieldSeen = false;
    while (this.#at < end) {
      const first = bytes[this.#at] as number;
      let fine: boolean;
      if (first >= 0x80) fine = this.#indexed(bytes, end, block);
      else if (first >= 0x40) fine = this.#literal(bytes, end, block, 0x3f);
      else if (first >= 0x20) fine = !fieldSeen && this.#sizeUpdate(bytes, end);
      else fine = this.#literal(bytes, end, block, 0x0f);
      if (!fine) return false;
      fieldSeen ||= first < 0x20 || first >= 0x40;
    }
    return true;
  }

  #indexed(bytes: Uint8Array, end: number, block: FieldBlock): boolean {
    const entry = this.#entry(this.#integer(bytes, end, 0x7f));
    if (entry === undefined) return false;
    const { line } = entry;
    const to = block.bytes;
    const at = block.length;
    if (line.length < 64) for (let i = 0; i < line.length; i++) to[at + i] = line[i] as number;
    else to.set(line, at);
    block.add(entry.nameLength, line.length, entry.kind);
    return true;
  }

  /** A literal; `mask` tells the bits of the name's index, six of them when it goes into the table. */
  #literal(bytes: Uint8Array, end: number, block: FieldBlock, mask: number): boolean {
    const index = this.#integer(bytes, end, mask);
    const to = block.bytes;
    const start = block.length;
    let nameKind: number;
    let at: number;
    if (index === 0) {
      at = this.#string(bytes, end, to, start);
      if (at < 0) return false;
      nameKind = kindOf(to, start, at);
    } else {
      const named = this.#entry(index);
      if (named === undefined) return false;
      for (let i = 0; i < named.nameLength; i++) to[start + i] = named.line[i] as number;
      at = start + named.nameLength;
      nameKind = named.nameKind;
    }
    const nameLength = at - start;
    to[at] = COLON;
    to[at + 1] = SP;
    const valueEnd = this.#string(bytes, end, to, at + 2);
    if (valueEnd < 0) return false;
    to[valueEnd] = CR;
    to[valueEnd + 1] = LF;
    const kind = isValue(to, at + 2, valueEnd) ? nameKind : Kind.BAD;
    const lineLength = valueEnd + 2 - start;
    if (mask === 0x3f) this.#insert(to, start, lineLength, nameLength, nameKind, kind);
    block.add(nameLength, lineLength, kind);
    return true;
  }

  #sizeUpdate(bytes: Uint8Array, end: number): boolean {
    const limit = this.#integer(bytes, end, 0x1f);
    if (limit < 0 || limit > DEFAULT_TABLE_BYTES) return false;
    this.#limit = limit;
    this.#evict(limit);
    return true;
  }

  #entry(index: number): Entry | undefined {
    if (index <= 0) return undefined;
    if (index <= STATIC.length) return STATIC[index - 1];
    const age = index - STATIC.length - 1;
    return age < this.#count ? this.#entries[(this.#newest + age) % MAX_ENTRIES] : undefined;
  }

  #insert(
    from: Uint8Array,
    start: number,
    length: number,
    nameLength: number,
    nameKind: number,
    kind: number,
  ): void {
    const size = length - 4 + ENTRY_OVERHEAD;
    this.#evict(this.#limit - size);
    // An entry larger than the table empties it, and that is no error (RFC 7541 §4.4).
    if (size > this.#limit) return;
    this.#newest = (this.#newest + MAX_ENTRIES - 1) % MAX_ENTRIES;
    this.#entries[this.#newest] = { line: copyOf(from, start, start + length), nameLength, nameKind, kind };
    this.#count += 1;
    this.#bytes += size;
  }

  #evict(limit: number): void {
    while (this.#count > 0 && this.#bytes > limit) {
      this.#count -= 1;
      const oldest = (this.#newest + this.#count) % MAX_ENTRIES;
      this.#bytes -= sizeOf(this.#entries[oldest] as Entry);
      this.#entries[oldest] = NO_ENTRY;
    }
  }

  /** An integer whose prefix is masked by `mask` (RFC 7541 §5.1); -1: cut short, or larger than anything here can be. */
  #integer(bytes: Uint8Array, end: number, mask: number): number {
    const prefix = (bytes[this.#at++] as number) & mask;
    if (prefix < mask) return prefix;
    let value = mask;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= end) return -1;
      const c = bytes[this.#at++] as number;
      value += (c & 0x7f) << shift;
      if (c < 0x80) return value;
    }
    return -1;
  }

  /** A string (RFC 7541 §5.2), decoded into `to` at `at`; returns the offset after it, -1 when it is malformed. */
  #string(bytes: Uint8Array, end: number, to: Uint8Array, at: number): number {
    if (this.#at >= end) return -1;
    const huffman = (bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(bytes, end, 0x7f);
    const start = this.#at;
    const stop = start + length;
    if (length < 0 || stop > end) return -1;
    this.#at = stop;
    if (huffman) return huffmanDecode(bytes, start, stop, to, at);
    if (length < 64) for (let i = 0; i < length; i++) to[at + i] = bytes[start + i] as number;
    else to.set(bytes.subarray(start, stop), at);
    return at + length;
  }
}

/** Whether a value is sound (RFC 9113 §8.2.1): no control characters, no blanks at either end. */
function isValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  const first = bytes[start];
  const last = bytes[end - 1];
  if (first === SP || first === HTAB || last === SP || last === HTAB) return false;
  for (let i = start; i < end; i++) if (VALUE[bytes[i] as number] === 0) return false;
  return true;
}
