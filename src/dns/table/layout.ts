/**
 * How the table of answers lies in memory. Everything is 32-bit words of the machine's order; blocks begin at multiples of 8 bytes and
 * are named by their index in such units (0 is nothing). One thread writes, any number read; whatever readers follow is
 * one aligned word, stored last.
 *
 *   control   ready, stale, where the slots are, the epoch, and the epoch that each reader is in
 *   slots     log2 of their number, then pairs of words: hash, node (0 free, -1 was used)
 *   node      hash, first set, names directly below, declarations, length and limit of answers, then the folded name
 *   set       next set of the node, type and size class, number of entries, TTL, then the entries
 *   entry     how many give it (4 bytes), length (2), record data; only the length and the data are for readers
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

export const NODE = { HASH: 0, SETS: 1, BELOW: 2, DECLARED: 3, SHAPE: 4, NAME_BYTES: 20 } as const;

export const SET = { NEXT: 0, TYPE: 1, COUNT: 2, TTL: 3, ENTRY_BYTES: 16 } as const;

/** Offsets within an entry. */
export const ENTRY = { COUNT: 0, LENGTH: 4, DATA: 6 } as const;

export const TOMBSTONE = -1;

/** The hash of a folded name on the wire. Seeded, because whoever names tasks chooses the names. */
export function hashName(bytes: Uint8Array, at: number, end: number, seed: number): number {
  let h = seed;
  for (let i = at; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return finishHash(h);
}

/** The last step of `hashName`, for who goes over the bytes anyway. Never 0. */
export function finishHash(state: number): number {
  let h = state;
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  h ^= h >>> 16;
  return h === 0 ? 1 : h;
}
