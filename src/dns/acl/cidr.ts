import { ipText } from '../../core/ip.ts';
import { i32 } from '../wire/bytes.ts';
import { ipBytes } from '../zone/ip.ts';

/** A network as an operator writes it, or what is wrong with it, for a person. */
export type ParsedCidr =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly bits: number }
  | { readonly ok: false; readonly reason: string };

/**
 * Read `10.0.0.0/8`, `2001:db8::/32` or a plain address, which is a network of one. IPv4 in IPv6 clothes (`::ffff:10.0.0.0/104`) is
 * IPv4. Bits behind the prefix must be zero: somebody who writes `10.1.2.3/8` may have meant another network.
 */
export function parseCidr(text: string): ParsedCidr {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const bytes = ipBytes(address);
  if (!bytes) return wrong(`'${text}' is not a network; write 10.0.0.0/8, 2001:db8::/32 or an IP address`);
  const mapped = bytes.length === 4 && address.includes(':');
  const width = mapped ? 128 : bytes.length * 8;
  const prefix = slash < 0 ? String(width) : text.slice(slash + 1);
  const written = /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : -1;
  if (written < 0 || written > width)
    return wrong(`'${text}': behind the slash stands a number of bits from 0 to ${width}`);
  const bits = mapped ? written - 96 : written;
  if (bits < 0) return wrong(`'${text}' mixes IPv4 and IPv6; write the IPv4 network itself`);
  const network = masked(bytes, bits);
  if (network.some((b, i) => b !== bytes[i]))
    return wrong(`'${text}' has bits behind its prefix; write ${ipText(network)}/${bits}`);
  return { ok: true, bytes, bits };
}

function wrong(reason: string): ParsedCidr {
  return { ok: false, reason };
}

function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((b, i) => b & maskByte(bits - 8 * i));
}

function maskByte(bits: number): number {
  return bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}

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
