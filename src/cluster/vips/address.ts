import { ipv4Bytes, ipv6Bytes, ipv6Text } from '../../core/ip.ts';
import { sha1 } from '../../core/sha1.ts';

/** The addresses that named VIPs get, from `first` to `last`. */
export interface VipRange {
  readonly first: string;
  readonly last: string;
}

/**
 * The IPv4 address that a name stands for when nobody else has it (dcos-net.md §6), as a number: every node finds the same one without
 * asking anybody. `key` is `<name>.<framework>`.
 */
export function ipv4Of(key: string, first: number, last: number): number {
  return first === last ? first : first + (lookup2(new TextEncoder().encode(key)) % (last - first));
}

/** The same for IPv6: the SHA-1 of the key, modulo the size of the range. */
export function ipv6Of(key: string, first: bigint, last: bigint): bigint {
  return first === last ? first : first + (bytesToBigInt(sha1(key)) % (last - first));
}

/** Bob Jenkins' hash `lookup2` (1996) with the golden ratio as start, as Erlang's phash2 uses it for binaries; 32 bits. */
export function lookup2(bytes: Uint8Array): number {
  state[0] = GOLDEN;
  state[1] = GOLDEN;
  state[2] = Math.imul(GOLDEN, 13);
  let at = 0;
  for (; at + 12 <= bytes.length; at += 12) addBlock(bytes, at, 12);
  const rest = bytes.length - at;
  // The lowest byte of c is for the length.
  state[2] += bytes.length;
  addBlock(bytes, at, rest);
  return state[2] >>> 0;
}

const GOLDEN = 0x9e3779b9;
const state = new Int32Array(3);
const SHIFTS = [-13, 8, -13, -12, 16, -5, -3, 10, -15];

function addBlock(bytes: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const place = length < 12 && i >= 8 ? i + 1 : i;
    const add = (bytes[at + i] as number) << (8 * (place & 3));
    state[place >> 2] = (state[place >> 2] as number) + add;
  }
  // Nine steps over a, b, c in turn: minus the other two, xor the one before, shifted right (negative) or left.
  for (let step = 0; step < 9; step++) {
    const x = step % 3;
    const next = state[(x + 1) % 3] as number;
    const before = state[(x + 2) % 3] as number;
    const shift = SHIFTS[step] as number;
    const shifted = shift < 0 ? before >>> -shift : before << shift;
    state[x] = ((state[x] as number) - next - before) ^ shifted;
  }
}

function bytesToBigInt(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

/** Hands out the addresses of one family. One that another name has is passed over for the next free one, round the range. */
export class VipAddresses {
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #family: 4 | 6;
  readonly #owners = new Map<bigint, string>();
  readonly #taken = new Map<string, bigint>();

  /** Throws when the range is none. */
  constructor(family: 4 | 6, range: VipRange) {
    this.#family = family;
    [this.#first, this.#last] = boundsOf(family, range);
  }

  /** The address of `owner`, who keeps it until `free`; undefined when the range is full. */
  take(owner: string, key: string): string | undefined {
    let address = this.#taken.get(owner);
    if (address === undefined) {
      address = this.#findFree(key);
      if (address === undefined) return undefined;
      this.#taken.set(owner, address);
      this.#owners.set(address, owner);
    }
    return toText(address, this.#family);
  }

  free(owner: string): void {
    const address = this.#taken.get(owner);
    if (address === undefined) return;
    this.#taken.delete(owner);
    this.#owners.delete(address);
  }

  #findFree(key: string): bigint | undefined {
    if (BigInt(this.#owners.size) > this.#last - this.#first) return undefined;
    let address =
      this.#family === 4
        ? BigInt(ipv4Of(key, Number(this.#first), Number(this.#last)))
        : ipv6Of(key, this.#first, this.#last);
    while (this.#owners.has(address)) address = address === this.#last ? this.#first : address + 1n;
    return address;
  }
}

/** A range in numbers. Throws when it is none of this family. */
export function boundsOf(family: 4 | 6, range: VipRange): [first: bigint, last: bigint] {
  const [first, last] = [toNumber(range.first, family), toNumber(range.last, family)];
  if (last < first) throw new Error(`the range ${range.first} to ${range.last} is empty`);
  return [first, last];
}

function toNumber(ip: string, family: 4 | 6): bigint {
  const bytes = family === 4 ? ipv4Bytes(ip) : ipv6Bytes(ip);
  if (!bytes) throw new Error(`'${ip}' is not an IPv${family} address`);
  return bytesToBigInt(bytes);
}

function toText(address: bigint, family: 4 | 6): string {
  const size = family === 4 ? 4 : 16;
  const bytes = Uint8Array.from({ length: size }, (_, i) =>
    Number((address >> BigInt(8 * (size - 1 - i))) & 0xffn),
  );
  return family === 4 ? bytes.join('.') : ipv6Text(bytes);
}
