import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VipAddresses, lookup2 } from './address.ts';

const WIDE = { first: '11.0.0.0', last: '11.255.255.255' };
const NARROW = { first: '11.0.0.0', last: '11.0.0.254' };
const IPV6 = { first: 'fd01:c::', last: 'fd01:c::ffff:ffff:ffff:ffff' };

const alone = (family: 4 | 6, range: typeof WIDE, key: string): string | undefined =>
  new VipAddresses(family, range).take('me', key);

describe('the address of a named VIP', () => {
  it.each([
    [WIDE, 'foo.bar', '11.138.58.156'],
    [WIDE, 'acme.marathon', '11.9.179.74'],
    [WIDE, 'l4lbtest.marathon', '11.128.73.162'],
    [WIDE, 'app-0.marathon', '11.149.218.241'],
    [NARROW, 'foo.bar', '11.0.0.37'],
    [NARROW, 'baz.qux', '11.0.0.39'],
  ])('IPv4 in %j: %s', (range, key, address) => {
    expect(alone(4, range, key)).toBe(address);
  });

  it('IPv6', () => {
    expect(alone(6, IPV6, 'qux.ipv6')).toBe('fd01:c::6d6d:9c64:fd19:f251');
  });

  it('is the one after, when another name has it, and comes free again', () => {
    const addresses = new VipAddresses(4, NARROW);
    expect(addresses.take('a', 'foo.bar')).toBe('11.0.0.37');
    expect(addresses.take('b', 'foo.bar')).toBe('11.0.0.38');
    expect(addresses.take('c', 'baz.qux')).toBe('11.0.0.39');
    expect(addresses.take('d', 'foo.bar')).toBe('11.0.0.40');
    expect(addresses.take('b', 'foo.bar')).toBe('11.0.0.38');
    addresses.free('a');
    addresses.free('nobody');
    expect(addresses.take('b', 'foo.bar')).toBe('11.0.0.38');
    expect(addresses.take('e', 'foo.bar')).toBe('11.0.0.37');
  });

  it.each([
    [4, { first: '11.0.0.1', last: '11.0.0.4' }, 4],
    [4, { first: '11.0.0.1', last: '11.0.0.1' }, 1],
    [6, { first: 'fd01:c::fffe', last: 'fd01:c::1:0' }, 3],
  ] as const)('goes round the range of IPv%i %j until it is full', (family, range, size) => {
    const addresses = new VipAddresses(family, range);
    const taken = Array.from({ length: size }, (_, i) => addresses.take(`n${i}`, 'foo.bar'));
    expect(new Set(taken)).not.toContain(undefined);
    expect(new Set(taken).size).toBe(size);
    expect(taken).toContain(range.last);
    expect(addresses.take('more', 'foo.bar')).toBeUndefined();
    addresses.free('n0');
    expect(addresses.take('more', 'other')).toBe(taken[0]);
  });

  it('is never that of another, for any names that come and go', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(30));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const addresses = new VipAddresses(4, { first: '11.0.0.250', last: '11.0.1.9' });
        const held = new Map<string, string>();
        for (const [take, n] of steps) {
          const owner = `n${n}`;
          if (take) {
            const address = addresses.take(owner, `k${n % 5}.marathon`);
            if (address === undefined) expect(held.size).toBe(16);
            else held.set(owner, address);
          } else {
            addresses.free(owner);
            held.delete(owner);
          }
          expect(new Set(held.values()).size).toBe(held.size);
        }
        for (const [owner, address] of held) expect(addresses.take(owner, 'any')).toBe(address);
      }),
    );
  });

  it('refuses what is no range', () => {
    expect(() => new VipAddresses(4, { first: '11.0.0.2', last: '11.0.0.1' })).toThrow('empty');
    expect(() => new VipAddresses(6, WIDE)).toThrow('IPv6');
  });
});

describe('lookup2', () => {
  it('gives 32 bits that depend on every byte, for any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (bytes, seed) => {
        const at = seed % bytes.length;
        const hash = lookup2(bytes);
        expect(hash).toBe(hash >>> 0);
        expect(lookup2(bytes.with(at, (bytes[at] as number) ^ 1))).not.toBe(hash);
      }),
    );
  });
});
