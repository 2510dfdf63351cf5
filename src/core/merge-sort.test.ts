import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sortedInSlices } from './merge-sort.ts';
import { runAtOnce } from './slices.ts';

it('sorts as toSorted does, and keeps the order of what is equal', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.infiniteStream(fc.nat()),
      (length, different, dice) => {
        const items = Array.from({ length }, (_, i) => ({ i, key: (dice.next().value ?? 0) % different }));
        const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
        expect(runAtOnce(sortedInSlices(items, compare))).toEqual(items.toSorted(compare));
      },
    ),
    { numRuns: 50 },
  );
});

it('rests on the way', () => {
  const work = sortedInSlices(
    Array.from({ length: 10_000 }, (_, i) => -i),
    (a, b) => a - b,
  );
  let rests = 0;
  while (!work.next().done) rests++;
  expect(rests).toBeGreaterThan(50);
});
