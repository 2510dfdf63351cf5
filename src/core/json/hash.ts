/** A 64-bit hash of bytes, in two halves: for telling whether bytes changed, not against somebody who chooses them. */
export class ByteHash {
  low = 0;
  high = 0;
  readonly #seed: number;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #of: Uint8Array | undefined;

  /** Another `seed` gives another hash, so that nobody outside can know which bytes collide. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Sets `low` and `high` for `bytes` from `start` to `end`; different `kind`s of the same bytes differ. */
  take(kind: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#of !== bytes) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#of = bytes;
    }
    const view = this.#view;
    let a = this.#seed ^ kind;
    let b = Math.imul(this.#seed, 0x27d4eb2f) + kind;
    let i = start;
    for (const whole = end - 3; i < whole; i += 4) {
      const word = view.getInt32(i, true);
      a = Math.imul(a ^ word, 0x9e3779b1 | 0);
      a = (a << 15) | (a >>> 17);
      b = Math.imul(((b << 13) | (b >>> 19)) + word, 0x85ebca6b | 0);
    }
    let rest = end - start;
    for (; i < end; i++) rest = Math.imul(rest, 0x1000193) ^ (bytes[i] as number);
    a = mix(a ^ rest);
    b = mix(b + rest);
    this.low = mix(a + b);
    this.high = mix(b ^ Math.imul(a, 0x165667b1));
  }
}

function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b | 0);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35 | 0);
  return h ^ (h >>> 16);
}
