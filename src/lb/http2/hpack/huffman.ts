/**
 * The Huffman code of HPACK (RFC 7541 §5.2, Appendix B). It is canonical, so the lengths of the codes say it all: one
 * digit in base 36 per symbol, 0 to 255 and the end-of-string symbol.
 */
const LENGTHS = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq',
  'u',
].join('');

const EOS = 256;
const MAX_BITS = 30;
const codeOf = new Uint32Array(257);
const bitsOf = new Uint8Array(257);

/** Codes of up to this many bits are found in one look. */
const FAST_BITS = 10;
/** By the next ten bits: symbol, and above it the length of its code; 0 where the code is longer. */
const fast = new Uint16Array(1 << FAST_BITS);
/** Per length: the first code of that length, how many there are, and where their symbols begin in `ordered`. */
const firstCode = new Uint32Array(MAX_BITS + 1);
const countOf = new Uint16Array(MAX_BITS + 1);
const firstAt = new Uint16Array(MAX_BITS + 1);
const ordered = new Uint16Array(257);

for (let symbol = 0; symbol <= EOS; symbol++) bitsOf[symbol] = Number.parseInt(LENGTHS[symbol] as string, 36);
for (let bits = 1, code = 0, at = 0; bits <= MAX_BITS; bits++) {
  code *= 2;
  firstCode[bits] = code;
  firstAt[bits] = at;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    if (bitsOf[symbol] !== bits) continue;
    codeOf[symbol] = code;
    ordered[at++] = symbol;
    if (bits <= FAST_BITS) {
      const shift = FAST_BITS - bits;
      fast.fill(symbol | (bits << 9), code << shift, (code + 1) << shift);
    }
    code += 1;
    countOf[bits] = (countOf[bits] as number) + 1;
  }
}

/**
 * Decode `from[start, end)` into `to` at `at`; the caller has made room for 8/5 of the length. Returns the offset after
 * what was written, -1 for what is no Huffman code: the end-of-string symbol, or padding that is not all ones or longer
 * than seven bits.
 */
export function huffmanDecode(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): number {
  let held = 0; // the last `n` bits of it are not decoded yet
  let n = 0;
  let p = start;
  let out = at;
  for (;;) {
    while (n <= 24 && p < end) {
      held = (held << 8) | (from[p++] as number);
      n += 8;
    }
    if (n < FAST_BITS) return shortRest(held, n, to, out);
    const found = fast[(held >>> (n - FAST_BITS)) & ((1 << FAST_BITS) - 1)] as number;
    if (found !== 0) {
      to[out++] = found & 511;
      n -= found >>> 9;
      continue;
    }
    const value = n === 32 ? held >>> 0 : held & ((1 << n) - 1);
    let bits = longCode(value, n);
    if (bits === 0 && p < end) {
      // 25 bits at least are held, and the longest code has 30: the next byte has the rest.
      const next = from[p++] as number;
      bits = longCode(value * 256 + next, n + 8);
      held = (held << 8) | next;
      n += 8;
    }
    if (bits === 0) return -1;
    to[out++] = longSymbol;
    n -= bits;
  }
}

let longSymbol = 0;

/** Length of the code beyond FAST_BITS that `value`, a number of `n` bits, begins with; 0: none. Sets `longSymbol`. */
function longCode(value: number, n: number): number {
  for (let bits = FAST_BITS + 1; bits <= Math.min(n, MAX_BITS); bits++) {
    const offset = Math.floor(value / 2 ** (n - bits)) - (firstCode[bits] as number);
    if (offset >= 0 && offset < (countOf[bits] as number)) {
      longSymbol = ordered[(firstAt[bits] as number) + offset] as number;
      return longSymbol === EOS ? 0 : bits;
    }
  }
  return 0;
}

/** The last few bits: codes as long as they fit, then padding. */
function shortRest(held: number, left: number, to: Uint8Array, at: number): number {
  let n = left;
  let out = at;
  for (;;) {
    const rest = held & ((1 << n) - 1);
    if (n < 8 && rest === (1 << n) - 1) return out;
    const padded = ((rest << (FAST_BITS - n)) | ((1 << (FAST_BITS - n)) - 1)) & ((1 << FAST_BITS) - 1);
    const found = fast[padded] as number;
    const bits = found >>> 9;
    if (found === 0 || bits > n) return -1;
    to[out++] = found & 511;
    n -= bits;
  }
}

/** Bytes that the Huffman form of `bytes[start, end)` takes. */
export function huffmanLength(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let i = start; i < end; i++) bits += bitsOf[bytes[i] as number] as number;
  return (bits + 7) >>> 3;
}

/** Write the Huffman form of `bytes[start, end)` into `to` at `at`; returns the offset after it. */
export function huffmanEncode(
  bytes: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): number {
  let held = 0;
  let n = 0;
  let out = at;
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number;
    let bits = bitsOf[c] as number;
    const code = codeOf[c] as number;
    // At most 7 bits wait; codes of more than 24 go in two steps, so that 32 bits always hold.
    if (bits > 24) {
      bits -= 8;
      held = (held << 8) | (code >>> bits);
      n += 8;
      for (; n >= 8; n -= 8) to[out++] = held >>> (n - 8);
    }
    held = (held << bits) | (code & ((1 << bits) - 1));
    n += bits;
    for (; n >= 8; n -= 8) to[out++] = held >>> (n - 8);
  }
  if (n > 0) to[out++] = (held << (8 - n)) | (0xff >>> n);
  return out;
}
