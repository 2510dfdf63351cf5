/** How many 32-bit words a key has. */
export const SIPHASH_KEY_WORDS = 4;

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits for short messages. The key is the four little-endian words at
 * `key[keyAt]`, the message `bytes[at, at + length)`; the hash goes to `out` as its low and its high word.
 *
 * The 64-bit words are pairs of 32-bit lanes, because a BigInt would be allocated for each step.
 */
export function sipHash24(
  key: Int32Array,
  keyAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  out: Int32Array,
): void {
  const k0l = key[keyAt] as number;
  const k0h = key[keyAt + 1] as number;
  const k1l = key[keyAt + 2] as number;
  const k1h = key[keyAt + 3] as number;
  let al = k0l ^ 0x70736575;
  let ah = k0h ^ 0x736f6d65;
  let bl = k1l ^ 0x6e646f6d;
  let bh = k1h ^ 0x646f7261;
  let cl = k0l ^ 0x6e657261;
  let ch = k0h ^ 0x6c796765;
  let dl = k1l ^ 0x79746573;
  let dh = k1h ^ 0x74656462;
  const words = length >>> 3;
  const end = at + length;
  // All words, then the rest with the length on top, then the four rounds that finish: one text for every round.
  for (let step = 0; step <= words + 1; step++) {
    const from = at + step * 8;
    let ml = 0;
    let mh = 0;
    if (step < words) {
      ml = wordAt(bytes, from, from + 4);
      mh = wordAt(bytes, from + 4, from + 8);
    } else if (step === words) {
      ml = wordAt(bytes, from, end);
      mh = wordAt(bytes, from + 4, end) | (length << 24);
    } else cl ^= 0xff;
    dl ^= ml;
    dh ^= mh;
    for (let round = step <= words ? 2 : 4; round > 0; round--) {
      let x = al;
      al = (al + bl) | 0;
      ah = (ah + bh + carry(al, x)) | 0;
      x = (bl << 13) | (bh >>> 19);
      bh = ((bh << 13) | (bl >>> 19)) ^ ah;
      bl = x ^ al;
      x = al;
      al = ah;
      ah = x;
      x = cl;
      cl = (cl + dl) | 0;
      ch = (ch + dh + carry(cl, x)) | 0;
      x = (dl << 16) | (dh >>> 16);
      dh = ((dh << 16) | (dl >>> 16)) ^ ch;
      dl = x ^ cl;
      x = al;
      al = (al + dl) | 0;
      ah = (ah + dh + carry(al, x)) | 0;
      x = (dl << 21) | (dh >>> 11);
      dh = ((dh << 21) | (dl >>> 11)) ^ ah;
      dl = x ^ al;
      x = cl;
      cl = (cl + bl) | 0;
      ch = (ch + bh + carry(cl, x)) | 0;
      x = (bl << 17) | (bh >>> 15);
      bh = ((bh << 17) | (bl >>> 15)) ^ ch;
      bl = x ^ cl;
      x = cl;
      cl = ch;
      ch = x;
    }
    al ^= ml;
    ah ^= mh;
  }
  out[0] = al ^ bl ^ cl ^ dl;
  out[1] = ah ^ bh ^ ch ^ dh;
}

/** Whether adding to `before` overflowed 32 bits. */
function carry(sum: number, before: number): number {
  return sum >>> 0 < before >>> 0 ? 1 : 0;
}

/** The little-endian word at `at`; bytes from `end` on count as zero. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }
  let word = 0;
  for (let i = end - 1; i >= at; i--) word = (word << 8) | (bytes[i] as number);
  return word;
}
