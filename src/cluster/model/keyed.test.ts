import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameValue } from './equal.ts';
import { Keyed } from './keyed.ts';

interface Thing {
  readonly key: string;
  readonly n: number;
}

type Step = readonly ['set' | 'delete' | 'clear', number];

const steps = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 60, arbitrary: fc.constant('set' as const) },
      { weight: 39, arbitrary: fc.constant('delete' as const) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    ),
    fc.nat(80),
  ),
  { maxLength: 400 },
);

function take(keyed: Keyed<Thing>, map: Map<string, Thing>, [what, i]: Step, n: number): void {
  const thing = { key: `task ${i}`, n };
  if (what === 'clear') {
    keyed.clear();
    map.clear();
  } else if (what === 'delete') expect(keyed.delete(thing.key)).toBe(map.delete(thing.key));
  else {
    keyed.set(thing.key, thing);
    map.set(thing.key, thing);
  }
}

describe('values by their own keys', () => {
  it('are what a Map would have, in its order, whatever comes and goes', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const keyed = new Keyed<Thing>();
        const map = new Map<string, Thing>();
        for (const [n, step] of all.entries()) {
          take(keyed, map, step, n);
          expect(keyed.size).toBe(map.size);
        }
        expect([...keyed]).toEqual([...map]);
        expect([...keyed.keys()]).toEqual([...map.keys()]);
        for (let i = 0; i <= 80; i++) {
          expect(keyed.get(`task ${i}`)).toBe(map.get(`task ${i}`));
          expect(keyed.has(`task ${i}`)).toBe(map.has(`task ${i}`));
        }
        expect(sameValue(keyed, map)).toBe(true);
      }),
    );
  });

  it('are found among many, also after most of them went', () => {
    const keyed = new Keyed<Thing>();
    keyed.expect(20_000);
    for (let n = 0; n < 50_000; n++) keyed.set(`app-${n}`, { key: `app-${n}`, n });
    for (let n = 0; n < 50_000; n++) if (n % 10 !== 3) keyed.delete(`app-${n}`);
    for (let n = 50_000; n < 90_000; n++) keyed.set(`app-${n}`, { key: `app-${n}`, n });
    expect(keyed.size).toBe(45_000);
    for (const [key, { n }] of keyed) expect(keyed.get(key)?.n).toBe(n);
    expect([keyed.get('app-13')?.n, keyed.get('app-14'), keyed.get('app-89999')?.n]).toEqual([
      13,
      undefined,
      89_999,
    ]);
  });

  it('may be replaced and taken away while somebody goes through them', () => {
    const keyed = new Keyed<Thing>();
    for (let n = 0; n < 10; n++) keyed.set(`${n}`, { key: `${n}`, n });
    const seen: number[] = [];
    for (const [key, { n }] of keyed) {
      seen.push(n);
      if (n === 2) keyed.delete('3');
      keyed.set(key, { key, n: n + 100 });
    }
    expect(seen).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
    expect([...keyed.values()].map(({ n }) => n)).toEqual(seen.map((n) => n + 100));
  });
});
