import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipBytes } from '../zone/index.ts';
import { parseCidr } from '../../core/cidr.ts';
import { CidrSet } from './cidr.ts';

const v6Text = (bytes: Uint8Array): string =>
  Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  ).join(':');
const text = (bytes: Uint8Array): string => (bytes.length === 4 ? bytes.join('.') : v6Text(bytes));
const bit = (bytes: Uint8Array, i: number): number => ((bytes[i >> 3] as number) >> (7 - (i & 7))) & 1;
const isMapped = (bytes: Uint8Array): boolean => ipBytes(text(bytes))?.length !== bytes.length;
const address = fc
  .constantFrom(4, 16)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
  .filter((bytes) => !isMapped(bytes));
const network = address.chain((bytes) =>
  fc.nat(bytes.length * 8).map((bits) => ({
    bits,
    bytes: bytes.map(
      (b, i) => b & (bits - 8 * i >= 8 ? 255 : bits <= 8 * i ? 0 : (255 << (8 - bits + 8 * i)) & 255),
    ),
  })),
);

describe('networks', () => {
  it('hold an address exactly when its first bits are theirs', () => {
    const near = fc.tuple(network, address, fc.nat(127)).map(([net, random, flip]) => {
      // Half of the time a neighbour: an address of the network with one bit turned.
      if (random.length !== net.bytes.length) return { net, ip: random };
      const ip = random.map((b, i) => (8 * i + 8 <= net.bits ? (net.bytes[i] as number) : b));
      const at = flip % (ip.length * 8);
      ip[at >> 3] = (ip[at >> 3] as number) ^ (128 >> (at & 7));
      return { net, ip };
    });
    fc.assert(
      fc.property(near, ({ net, ip }) => {
        fc.pre(!isMapped(ip) && !isMapped(net.bytes));
        const set = new CidrSet(['203.0.113.0/32', `${text(net.bytes)}/${net.bits}`]);
        const inside =
          ip.length === net.bytes.length &&
          Array.from({ length: net.bits }, (_, i) => i).every((i) => bit(ip, i) === bit(net.bytes, i));
        expect(set.has(ip)).toBe(inside);
        expect(set.hasIp(text(ip))).toBe(inside);
        const padded = Uint8Array.from([9, 9, ...ip, 9]);
        expect(set.has(padded, 2, ip.length)).toBe(inside);
      }),
      { numRuns: 1_000 },
    );
  });

  it('know IPv4 in IPv6 clothes', () => {
    const set = new CidrSet(['10.0.0.0/8', '::ffff:192.0.2.0/120']);
    expect(
      ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '::ffff:c000:207'].map((ip) => set.hasIp(ip)),
    ).toEqual([true, true, true, true]);
    expect(set.has(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3))).toBe(true);
    expect(['11.1.2.3', '::10.1.2.3', '192.0.3.7'].some((ip) => set.hasIp(ip))).toBe(false);
  });

  it('take an address with a zone index, and nothing that is no address', () => {
    const set = new CidrSet(['fe80::/10', '0.0.0.0/0']);
    expect(['fe80::1%eth0', 'x', '', '1.2.3', '10.0.0.1 '].map((ip) => set.hasIp(ip))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(set.has(new Uint8Array(5))).toBe(false);
    expect(new CidrSet([]).hasIp('127.0.0.1')).toBe(false);
  });

  it.each([
    ['nonsense', 'is not a network'],
    ['10.0.0/8', 'is not a network'],
    ['10.0.0.0/33', 'from 0 to 32'],
    ['10.0.0.0/', 'from 0 to 32'],
    ['10.0.0.0/08', 'from 0 to 32'],
    ['10.0.0.0/-1', 'from 0 to 32'],
    ['::1/129', 'from 0 to 128'],
    ['10.1.2.3/8', 'write 10.0.0.0/8'],
    ['2001:db8::1/32', 'write 2001:db8::/32'],
    ['::ffff:10.0.0.0/90', 'mixes IPv4 and IPv6'],
  ])('%s is refused, and why', (cidr, reason) => {
    const parsed = parseCidr(cidr);
    expect(parsed.ok ? 'taken' : parsed.reason).toContain(reason);
    expect(() => new CidrSet([cidr])).toThrow(reason);
  });
});
