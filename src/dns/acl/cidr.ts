import { masked, parseCidr } from '../../core/cidr.ts';
import { ipBytes } from '../../core/ip.ts';
import { i32 } from '../wire/bytes.ts';

/** Words of a network and its mask: 1 + 1 for IPv4, 4 + 4 for IPv6. */
const V4_WORDS = 2;
const V6_WORDS = 8;

/**
 * A set of networks. Membership takes the bytes of an address as the wire has them and allocates nothing; lists of this kind are
 * short, so one pass over packed words beats a tree.
 */
export class CidrSet {
  readonly #v4: Uint32Array;
  readonly #v6: Uint32Array;

  /** Throws on a text that `parseCidr` refuses: check the config first. */
  constructor(texts: readonly string[]) {
    const v4: number[] = [];
    const v6: number[] = [];
    for (const text of texts) {
      const cidr = parseCidr(text);
      if (!cidr.ok) throw new Error(cidr.reason);
      const mask = masked(new Uint8Array(cidr.bytes.length).fill(0xff), cidr.bits);
      (cidr.bytes.length === 4 ? v4 : v6).push(...words(cidr.bytes), ...words(mask));
    }
    this.#v4 = Uint32Array.from(v4);
    this.#v6 = Uint32Array.from(v6);
  }

  /** Whether the address of `length` bytes (4 or 16, in network order) at `at` is in one of the networks. */
  has(bytes: Uint8Array, at = 0, length = bytes.length - at): boolean {
    if (length === 4) return this.#has4(word(bytes, at));
    if (length !== 16) return false;
    const a = word(bytes, at);
    const b = word(bytes, at + 4);
    const c = word(bytes, at + 8);
    const d = word(bytes, at + 12);
    return a === 0 && b === 0 && c === 0xffff ? this.#has4(d) : this.#has6(a, b, c, d);
  }

  /** The same for an address in text form; a zone index (`fe80::1%eth0`) is left aside. False for what is none. */
  hasIp(text: string): boolean {
    const zone = text.indexOf('%');
    const bytes = ipBytes(zone < 0 ? text : text.slice(0, zone));
    return bytes !== undefined && this.has(bytes);
  }

  #has4(address: number): boolean {
    const list = this.#v4;
    for (let i = 0; i < list.length; i += V4_WORDS) {
      if ((address & (list[i + 1] as number)) >>> 0 === list[i]) return true;
    }
    return false;
  }

  #has6(a: number, b: number, c: number, d: number): boolean {
    const list = this.#v6;
    for (let i = 0; i < list.length; i += V6_WORDS) {
      if (
        (a & (list[i + 4] as number)) >>> 0 === list[i] &&
        (b & (list[i + 5] as number)) >>> 0 === list[i + 1] &&
        (c & (list[i + 6] as number)) >>> 0 === list[i + 2] &&
        (d & (list[i + 7] as number)) >>> 0 === list[i + 3]
      )
        return true;
    }
    return false;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return i32(bytes, at) >>> 0;
}

function words(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, i) => word(bytes, 4 * i));
}
