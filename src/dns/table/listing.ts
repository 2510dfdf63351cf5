import { CONTROL, ENTRY, SET, TOMBSTONE } from './layout.ts';
import { copyName, nameLength } from './node-name.ts';
import type { TableReader } from './reader.ts';

/** One record of the table; `name` and `data` are copies. */
export interface TableRecord {
  readonly name: Uint8Array;
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
}

/** The records of one set, as copies. */
export function* recordsOf(table: TableReader, set: number): Generator<Uint8Array> {
  const { bytes } = table;
  let at = set * 4 + SET.ENTRY_BYTES;
  for (let left = table.countOf(set); left > 0; left--) {
    const length = ((bytes[at + ENTRY.LENGTH] as number) << 8) | (bytes[at + ENTRY.LENGTH + 1] as number);
    if (bytes[at + ENTRY.DEAD] === 0) yield bytes.slice(at + ENTRY.DATA, at + ENTRY.DATA + length);
    at += ENTRY.DATA + length;
  }
}

/**
 * All records, in no order. For the thread that writes, which may do so between two steps: what changes meanwhile
 * may be listed or not, and everything else is listed once as long as the table does not grow.
 */
export function* listTable(table: TableReader): Generator<TableRecord> {
  const { words } = table;
  const slots = (words[CONTROL.SLOTS] as number) * 2;
  const count = 2 ** (words[slots] as number);
  for (let i = 0; i < count; i++) {
    const unit = words[slots + 2 + i * 2 + 1] as number;
    if (unit === 0 || unit === TOMBSTONE) continue;
    const node = unit * 2;
    const name = new Uint8Array(nameLength(words, node));
    copyName(words, node, name);
    for (let set = table.firstSet(node); set !== 0; set = table.nextSet(set)) {
      for (const data of recordsOf(table, set))
        yield { name, type: table.typeOf(set), ttl: table.ttlOf(set), data };
    }
  }
}
