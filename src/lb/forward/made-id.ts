import type { Random } from '../../core/random.ts';
import { latin1Bytes } from '../http1/index.ts';

/** The two digits of each byte. */
const HEX = Uint16Array.from({ length: 256 }, (_, i) => {
  const [high = 0, low = 0] = latin1Bytes(i.toString(16).padStart(2, '0'));
  return (high << 8) | low;
});

/** Eight digits. */
function putHex(into: DataView, at: number, word: number): void {
  into.setUint16(at, HEX[word >>> 24] as number);
  into.setUint16(at + 2, HEX[(word >>> 16) & 255] as number);
  into.setUint16(at + 4, HEX[(word >>> 8) & 255] as number);
  into.setUint16(at + 6, HEX[word & 255] as number);
}

const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

/** An identifier that was made here: 32 hexadecimal digits, as text only for who asks. */
export class MadeId {
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #d: number;

  constructor(a: number, b: number, c: number, d: number) {
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }

  put(into: DataView, at: number): void {
    putHex(into, at, this.#a);
    putHex(into, at + 8, this.#b);
    putHex(into, at + 16, this.#c);
    putHex(into, at + 24, this.#d);
  }

  toString(): string {
    return digits(this.#a) + digits(this.#b) + digits(this.#c) + digits(this.#d);
  }
}

/** Identifiers by the thousand: unique and evenly spread (xoshiro128**, seeded by chance), no secrets. */
export class TraceIds {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(random: Random) {
    const seed = new DataView(Uint8Array.from(random.bytes(16)).buffer);
    this.#a = seed.getUint32(0);
    this.#b = seed.getUint32(4);
    this.#c = seed.getUint32(8);
    this.#d = seed.getUint32(12) | 1;
  }

  /** Not all zero. */
  trace(): MadeId {
    const [a, b, c, d] = [this.#word(), this.#word(), this.#word(), this.#word()];
    return (a | b | c | d) === 0 ? this.trace() : new MadeId(a, b, c, d);
  }

  /** 16 digits, not all zero. */
  putParent(into: DataView, at: number): void {
    const [a, b] = [this.#word(), this.#word()];
    if ((a | b) === 0) return this.putParent(into, at);
    putHex(into, at, a);
    putHex(into, at + 8, b);
  }

  #word(): number {
    const x = Math.imul(this.#b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9);
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result | 0;
  }
}
