import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByHash } from './by-hash.ts';

it('has what a Map would have, whatever comes and goes', () => {
  // Near the powers of two, so that many want the same place.
  const hashes = fc.tuple(fc.nat(40), fc.nat(7)).map(([i, high]) => i + high * 2 ** 22);
  const what = fc.oneof({ weight: 20, arbitrary: fc.boolean() }, { weight: 1, arbitrary: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(fc.tuple(what, hashes), { maxLength: 600 }), (steps) => {
      const table = new ByHash<{ n: number }>();
      const map = new Map<number, { n: number }>();
      for (const [n, [come, hash]] of steps.entries()) {
        const value = { n };
        if (typeof come === 'number') table.expect(come);
        else if (come) {
          table.set(hash, value);
          map.set(hash, value);
        } else {
          table.delete(hash);
          map.delete(hash);
        }
      }
      expect(table.size).toBe(map.size);
      for (const [, hash] of steps) expect(table.get(hash)).toBe(map.get(hash));
    }),
  );
});

it('holds 100,000, and as many others after those are gone', () => {
  const table = new ByHash<{ n: number }>();
  const hashOf = (n: number): number => Math.imul(n, 0x9e3779b1) >>> 7;
  for (let n = 0; n < 100_000; n++) table.set(hashOf(n), { n });
  for (let n = 0; n < 100_000; n++) table.delete(hashOf(n));
  for (let n = 100_000; n < 200_000; n++) table.set(hashOf(n), { n });
  const last = new Map<number, number>();
  for (let n = 100_000; n < 200_000; n++) last.set(hashOf(n), n);
  for (const [hash, n] of last) expect(table.get(hash)?.n).toBe(n);
});
