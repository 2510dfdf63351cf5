import { NODE } from './layout.ts';

/**
 * Names as nodes have them: whole, or the first label and the node of the name above, where that takes less memory. A node
 * stays as long as there are names below it, and no longer used memory as long as somebody may look at it: so what is
 * above a node that was found is there too.
 */
const NAME_WORD = NODE.NAME_BYTES / 4;

/** How many bytes of its name a node has itself; the rest is the name of `aboveOf`. */
export function ownBytes(words: Int32Array, node: number): number {
  const shape = words[node + NODE.SHAPE] as number;
  return shape >>> 24 || shape & 0xff;
}

/** Bytes of the whole name. */
export function nameLength(words: Int32Array, node: number): number {
  return (words[node + NODE.SHAPE] as number) & 0xff;
}

/** Whether a name that begins a buffer of words, and is filled up with zeros, is that of a node. */
export function isNodeOf(words: Int32Array, node: number, key: Int32Array, length: number): boolean {
  const shape = words[node + NODE.SHAPE] as number;
  if ((shape & 0xff) !== length) return false;
  const own = shape >>> 24;
  if (own === 0) {
    for (let i = 0; i * 4 < length; i++) if (words[node + NAME_WORD + i] !== key[i]) return false;
    return true;
  }
  const from = node + NAME_WORD + 1;
  const whole = own >> 2;
  for (let i = 0; i < whole; i++) if (words[from + i] !== key[i]) return false;
  if ((((words[from + whole] as number) ^ (key[whole] as number)) & lowBytes(own & 3)) !== 0) return false;
  return endsWith(words, (words[node + NAME_WORD] as number) * 2, key, own, length);
}

/** Whether the bytes of `key` from `start` to `end` are the name of a node that has so many bytes. */
function endsWith(words: Int32Array, node: number, key: Int32Array, start: number, end: number): boolean {
  let above = node;
  for (let at = start; ;) {
    const own = (words[above + NODE.SHAPE] as number) >>> 24;
    const bytes = own === 0 ? end - at : own;
    const from = above + NAME_WORD + (own === 0 ? 0 : 1);
    const shift = (at & 3) * 8;
    const first = at >> 2;
    const whole = bytes >> 2;
    let low = key[first] as number;
    // Differences are gathered and looked at in the end: there are hardly ever any.
    let different = 0;
    for (let i = 0; i < whole; i++) {
      const high = key[first + i + 1] as number;
      // In two steps: a shift by 32 would be none.
      different |= ((low >>> shift) | ((high << 1) << (31 - shift))) ^ (words[from + i] as number);
      low = high;
    }
    const last = (low >>> shift) | (((key[first + whole + 1] as number) << 1) << (31 - shift));
    different |= (last ^ (words[from + whole] as number)) & lowBytes(bytes & 3);
    if (different !== 0) return false;
    at += bytes;
    if (at === end) return true;
    above = (words[above + NAME_WORD] as number) * 2;
  }
}

/** A mask of the first 0 to 3 bytes of a word. */
function lowBytes(n: number): number {
  return (1 << (n * 8)) - 1;
}

/** The same for the bytes of `key` from `at` to `end`. */
export function isNodeOfBytes(
  words: Int32Array,
  node: number,
  key: DataView,
  at: number,
  end: number,
): boolean {
  if (nameLength(words, node) !== end - at) return false;
  let above = node;
  for (let start = at; ;) {
    const own = (words[above + NODE.SHAPE] as number) >>> 24;
    const bytes = own === 0 ? end - start : own;
    const from = above + NAME_WORD + (own === 0 ? 0 : 1);
    let i = 0;
    for (; i + 4 <= bytes; i += 4) if (words[from + (i >> 2)] !== key.getInt32(start + i, true)) return false;
    for (; i < bytes; i++)
      if ((((words[from + (i >> 2)] as number) >>> ((i & 3) * 8)) & 0xff) !== key.getUint8(start + i))
        return false;
    start += bytes;
    if (start === end) return true;
    above = (words[above + NAME_WORD] as number) * 2;
  }
}

/** Write the whole name of a node to the beginning of `out`; returns its length. */
export function copyName(words: Int32Array, node: number, out: Uint8Array): number {
  const length = nameLength(words, node);
  let above = node;
  for (let at = 0; ;) {
    const own = (words[above + NODE.SHAPE] as number) >>> 24;
    const bytes = own === 0 ? length - at : own;
    const from = above + NAME_WORD + (own === 0 ? 0 : 1);
    for (let i = 0; i < bytes; i++) out[at + i] = (words[from + (i >> 2)] as number) >>> ((i & 3) * 8);
    at += bytes;
    if (at === length) return length;
    above = (words[above + NAME_WORD] as number) * 2;
  }
}
