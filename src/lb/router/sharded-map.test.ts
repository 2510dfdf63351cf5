import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShardedMap } from './sharded-map.ts';

describe('a map that never changes', () => {
  const key = fc.oneof(fc.constantFrom('a', 'b', 'a.test'), fc.string());
  const change = fc.tuple(key, fc.option(fc.integer(), { nil: undefined }));

  it('has what a plain map has after the same changes, and so have all that came before', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change)), (steps) => {
        const plain = new Map<string, number>();
        let map = ShardedMap.empty<number>();
        const past: [ShardedMap<number>, Map<string, number>][] = [];
        for (const changes of steps) {
          past.push([map, new Map(plain)]);
          map = map.with(changes);
          for (const [k, v] of changes) {
            if (v === undefined) plain.delete(k);
            else plain.set(k, v);
          }
        }
        for (const [one, expected] of [...past, [map, plain] as const]) {
          expect(new Map(one)).toEqual(expected);
          expect(one.size).toBe(expected.size);
          expect([...one.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
          const sorted = (all: Iterable<number>): number[] => [...all].toSorted((a, b) => a - b);
          expect(sorted(one.values())).toEqual(sorted(expected.values()));
          for (const [k, v] of expected) expect(one.get(k)).toBe(v);
          expect(one.get('never there')).toBeUndefined();
        }
      }),
    );
  });
});
