import { crc32 } from 'node:zlib';
import type { Batch, JournalEntry } from '../operations.ts';

/**
 * The store's one file, as text: each line is the CRC-32 of the rest (8 hex digits), a blank, and JSON.
 *
 *   header    {"format":"rimrock-store","version":1,"revision":R,"entries":N}
 *   snapshot  {"entries":[[key,value,revision],…]}     lines until N entries are read; synced before the file got its name
 *   batch     {"revision":R+1,"changes":[[key,value],[deletedKey],…]}   one line each, synced before it is acknowledged
 *
 * A batch is one line, and the next is written only after it is synced. So a line that does not check out is a torn
 * write if nothing good comes after it, and damage if something does.
 */
export const FORMAT_VERSION = 1;
const FORMAT = 'rimrock-store';
const ENTRIES_PER_LINE = 500;

export type Content =
  | {
      readonly kind: 'ok';
      readonly entries: ReadonlyMap<string, JournalEntry>;
      readonly revision: number;
      /** Length of what checked out; anything behind is a torn write. */
      readonly goodBytes: number;
      readonly batches: number;
    }
  | { readonly kind: 'too-new'; readonly version: number }
  | { readonly kind: 'corrupt'; readonly offset: number; readonly reason: string };

export function encodeBatch(batch: Batch): Buffer {
  const changes = batch.changes.map(({ key, value }) => (value === undefined ? [key] : [key, value]));
  return encodeLine({ revision: batch.firstRevision, changes });
}

/** Header and snapshot, in pieces of moderate size. */
export function* encodeSnapshot(entries: Iterable<JournalEntry>, revision: number): Generator<Buffer> {
  const all = [...entries];
  yield encodeLine({ format: FORMAT, version: FORMAT_VERSION, revision, entries: all.length });
  for (let i = 0; i < all.length; i += ENTRIES_PER_LINE) {
    const piece = all.slice(i, i + ENTRIES_PER_LINE);
    yield encodeLine({ entries: piece.map((e) => [e.key, e.value, e.revision]) });
  }
}

function encodeLine(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([
    Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} `),
    json,
    Buffer.from('\n'),
  ]);
}

interface Line {
  readonly offset: number;
  readonly end: number;
  /** Undefined when the line does not check out. */
  readonly value: Record<string, unknown> | undefined;
}

function* decodeLines(bytes: Buffer): Generator<Line> {
  for (let offset = 0; offset < bytes.length;) {
    const newline = bytes.indexOf(10, offset);
    const end = newline < 0 ? bytes.length : newline + 1;
    yield { offset, end, value: newline < 0 ? undefined : decodeLine(bytes.subarray(offset, newline)) };
    offset = end;
  }
}

function decodeLine(line: Buffer): Record<string, unknown> | undefined {
  const json = line.subarray(9);
  const sum = line.subarray(0, 9).toString('latin1');
  if (json.length === 0 || sum !== `${crc32(json).toString(16).padStart(8, '0')} `) return undefined;
  return JSON.parse(json.toString()) as Record<string, unknown>;
}

/** Read a whole store file. */
export function decodeFile(bytes: Buffer): Content {
  const lines = [...decodeLines(bytes)];
  const header = lines[0]?.value;
  if (header?.['format'] !== FORMAT) return { kind: 'corrupt', offset: 0, reason: 'it has no store header' };
  const version = Number(header['version']);
  if (version > FORMAT_VERSION) return { kind: 'too-new', version };
  const entries = new Map<string, JournalEntry>();
  let at = 1;
  for (; entries.size < Number(header['entries']); at++) {
    const line = lines[at];
    if (!line?.value)
      return {
        kind: 'corrupt',
        offset: line?.offset ?? bytes.length,
        reason: 'its snapshot is cut short or damaged',
      };
    for (const [key, value, revision] of line.value['entries'] as [string, string, number][])
      entries.set(key, { key, value, revision });
  }
  return replay(lines, at, { entries, revision: Number(header['revision']) });
}

/** Apply the batches from line `first` on. */
function replay(
  lines: readonly Line[],
  first: number,
  start: { readonly entries: Map<string, JournalEntry>; readonly revision: number },
): Content {
  const { entries } = start;
  let revision = start.revision;
  let at = first;
  for (let line = lines[at]; line?.value; line = lines[++at]) {
    if (line.value['revision'] !== revision + 1)
      return { kind: 'corrupt', offset: line.offset, reason: `revision ${revision + 1} is missing` };
    revision = applyChanges(entries, revision, line.value['changes'] as [string, string?][]);
  }
  const bad = lines[at];
  if (bad && lines.slice(at).some((l) => l.value))
    return { kind: 'corrupt', offset: bad.offset, reason: 'a record does not match its checksum' };
  return { kind: 'ok', entries, revision, goodBytes: lines[at - 1]?.end ?? 0, batches: at - first };
}

function applyChanges(
  entries: Map<string, JournalEntry>,
  before: number,
  changes: readonly [string, string?][],
): number {
  let revision = before;
  for (const [key, value] of changes) {
    revision++;
    if (value === undefined) entries.delete(key);
    else entries.set(key, { key, value, revision });
  }
  return revision;
}
