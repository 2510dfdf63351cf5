import { pbkdf2Sync } from 'node:crypto';

/** Steps between two yields, of about 5 µs each. */
const STRIDE = 16;

export interface ScryptCost {
  /** CPU and memory: a power of 2. */
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/**
 * scrypt (RFC 7914) in slices, for a thread that must not stand still: it yields about every 100 µs. About three times
 * as slow as OpenSSL's.
 */
export function* scrypt(
  password: Uint8Array,
  salt: Uint8Array,
  { n, r, p }: ScryptCost,
  length: number,
): Generator<void, Buffer> {
  const size = 128 * r;
  const blocks = pbkdf2Sync(password, salt, 1, p * size, 'sha256');
  const words = new Uint32Array(blocks.length / 4);
  for (let i = 0; i < words.length; i++) words[i] = blocks.readUInt32LE(i * 4);
  const memory = new Uint32Array(n * 32 * r);
  const scratch = new Uint32Array(32 * r);
  for (let i = 0; i < p; i++) yield* mix(words.subarray(i * 32 * r, (i + 1) * 32 * r), memory, scratch, n, r);
  for (let i = 0; i < words.length; i++) blocks.writeUInt32LE(words[i] ?? 0, i * 4);
  return pbkdf2Sync(password, blocks, 1, length, 'sha256');
}

/** scryptROMix (RFC 7914 §5). */
function* mix(
  block: Uint32Array,
  memory: Uint32Array,
  scratch: Uint32Array,
  n: number,
  r: number,
): Generator<void> {
  const width = 32 * r;
  for (let i = 0; i < n; i++) {
    memory.set(block, i * width);
    blockMix(block, scratch, r);
    if (i % STRIDE === 0) yield;
  }
  for (let i = 0; i < n; i++) {
    const from = ((block[width - 16] as number) & (n - 1)) * width;
    for (let k = 0; k < width; k++) block[k] = (block[k] as number) ^ (memory[from + k] as number);
    blockMix(block, scratch, r);
    if (i % STRIDE === 0) yield;
  }
}

const X = new Uint32Array(16);

/** scryptBlockMix (RFC 7914 §4). */
function blockMix(block: Uint32Array, scratch: Uint32Array, r: number): void {
  for (let k = 0; k < 16; k++) X[k] = block[(2 * r - 1) * 16 + k] as number;
  for (let i = 0; i < 2 * r; i++) {
    for (let k = 0; k < 16; k++) X[k] = (X[k] as number) ^ (block[i * 16 + k] as number);
    salsa8(X);
    // Even ones first, then the odd ones.
    const to = ((i >> 1) + (i & 1) * r) * 16;
    for (let k = 0; k < 16; k++) scratch[to + k] = X[k] as number;
  }
  block.set(scratch);
}

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** Salsa20/8 (RFC 7914 §3). */
function salsa8(b: Uint32Array): void {
  const x = Int32Array.from(b);
  const step = (to: number, from: number, other: number, by: number): void => {
    x[to] = (x[to] as number) ^ rotated(((x[from] as number) + (x[other] as number)) | 0, by);
  };
  const quarter = (a: number, c: number, d: number, e: number): void => {
    step(c, a, e, 7);
    step(d, c, a, 9);
    step(e, d, c, 13);
    step(a, e, d, 18);
  };
  for (let i = 0; i < 4; i++) {
    quarter(0, 4, 8, 12);
    quarter(5, 9, 13, 1);
    quarter(10, 14, 2, 6);
    quarter(15, 3, 7, 11);
    quarter(0, 1, 2, 3);
    quarter(5, 6, 7, 4);
    quarter(10, 11, 8, 9);
    quarter(15, 12, 13, 14);
  }
  for (let i = 0; i < 16; i++) b[i] = ((b[i] as number) + (x[i] as number)) >>> 0;
}
