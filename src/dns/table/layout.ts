/**
 * How the table of answers lies in memory. Everything is 32-bit words, little-endian; blocks begin at multiples of 8 bytes and
 * are named by their index in such units (0 is nothing). One thread writes, any number read; whatever readers follow is
 * one aligned word, stored last.
 *
 *   control   ready, stale, where the slots are, the epoch, and the epoch that each reader is in
 *   slots     log2 of their number, then pairs of words: hash, node (0 free, -1 was used)
 *   node      names directly below (24 bits) and declarations (8), first set, length of the name (8), limit of answers (16) and
 *             length of its first part (8), then the folded name. Where the first part has a length it is the first label,
 *             behind the node that has the rest; else it is all of the name. It is filled up with zeros to whole words
 *   set       next set of the node, type and size class, number of entries, TTL, then the entries. Several nodes may have one set
 *             of a single entry together: then it is the last one of each
 *   entry     how many give it (4 bytes), hash of the name it points to (4), length (2), record data; the count is not for
 *             readers, but for its last byte: not 0 when the entry was taken back and only still stands there. In a set that
 *             nodes share it says how many these are
 */
export const UNIT_BYTES = 8;

export const CONTROL = { READY: 0, STALE: 1, SLOTS: 2, EPOCH: 3, SEED: 4 } as const;

/** One line of the cache per reader, so that they do not disturb each other. */
const READER_WORDS = 16;
const READERS_AT = 16;
export const MAX_READERS = 64;

export function readerWord(reader: number): number {
  return READERS_AT + reader * READER_WORDS;
}

export const FIRST_UNIT = (readerWord(MAX_READERS) * 4) / UNIT_BYTES;

export const NODE = { REFS: 0, SETS: 1, SHAPE: 2, NAME_BYTES: 12 } as const;

/** In the word of a set's type: nodes may share the set. */
export const SHARED = 1 << 31;

export const SET = { NEXT: 0, TYPE: 1, COUNT: 2, TTL: 3, ENTRY_BYTES: 16 } as const;

/** Offsets within an entry. */
export const ENTRY = { COUNT: 0, DEAD: 3, TARGET: 4, LENGTH: 8, DATA: 10 } as const;

export const TOMBSTONE = -1;

const STEP = 0x9e3779b1 | 0;

/** The hash of a folded name on the wire, four bytes at a time. Seeded, because whoever names tasks chooses the names. */
export function hashName(bytes: Uint8Array, at: number, end: number, seed: number): number {
  let h = seed;
  let i = at;
  for (; i + 4 <= end; i += 4) h = hashStep(h, wordAt(bytes, i));
  let last = 0;
  for (let shift = 0; i < end; i++, shift += 8) last |= (bytes[i] as number) << shift;
  return finishHash((end - at) % 4 === 0 ? h : hashStep(h, last));
}

/** The same of a name that begins a buffer and is filled up with zeros to whole words. */
export function hashWords(words: Int32Array, length: number, seed: number): number {
  let h = seed;
  for (let i = 0; i * 4 < length; i++) h = hashStep(h, words[i] as number);
  return finishHash(h);
}

function hashStep(state: number, word: number): number {
  const h = Math.imul(state ^ word, STEP);
  return h ^ (h >>> 15);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Never 0. */
function finishHash(state: number): number {
  let h = Math.imul(state ^ (state >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b | 0);
  h ^= h >>> 16;
  return h === 0 ? 1 : h;
}
