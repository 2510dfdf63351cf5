import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../types.ts';
import {
  addResources,
  allocateTo,
  containsRanges,
  containsResources,
  isEmptyResources,
  normalizeRanges,
  normalizeResources,
  parseAttributes,
  parseResources,
  rangesOf,
  resourcesProblem,
  scalarOf,
  sizeOfRanges,
  subtractRanges,
  subtractResources,
  summarizeResources,
  unallocated,
} from './index.ts';

const scalar = (name: string, value: number, role = '*'): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  role,
});
const ports = (...range: { begin: number; end: number }[]): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range },
  role: '*',
});

const range = fc.tuple(fc.nat(200), fc.nat(20)).map(([begin, size]) => ({ begin, end: begin + size }));
const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc
    .tuple(fc.constantFrom('cpus', 'mem', 'disk'), fc.nat(5_000_000), fc.constantFrom('*', 'web'))
    .map(([name, millis, role]) => scalar(name, millis / 1000, role)),
  fc.array(range, { maxLength: 5 }).map((r) => ports(...r)),
  fc
    .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
    .map((item): Resource => ({ name: 'zones', type: 'SET', set: { item: [...new Set(item)] }, role: '*' })),
);
const resources = fc.array(resource, { maxLength: 8 });
const text = (r: readonly Resource[]): string =>
  JSON.stringify(
    normalizeResources(r)
      .map((x) => JSON.stringify(x))
      .sort(),
  );
const merges = (r: readonly Resource[]): Resource[] => r.filter((x) => x.type === 'SCALAR');

describe('resource algebra', () => {
  it('works on thousandths, as Mesos does', () => {
    const sum = addResources([scalar('cpus', 0.1)], [scalar('cpus', 0.2)]);
    expect(scalarOf(sum, 'cpus')).toBe(0.3);
    expect(containsResources(sum, [scalar('cpus', 0.3)])).toBe(true);
    expect(isEmptyResources(subtractResources(sum, [scalar('cpus', 0.3)]))).toBe(true);
  });

  it('keeps roles and allocations apart', () => {
    expect(containsResources([scalar('cpus', 4, 'web')], [scalar('cpus', 1)])).toBe(false);
    const mine = allocateTo([scalar('cpus', 4)], 'web');
    expect(containsResources(mine, [scalar('cpus', 1)])).toBe(false);
    expect(containsResources(unallocated(mine), [scalar('cpus', 1)])).toBe(true);
  });

  it('adds in any order and takes away what was added', () => {
    fc.assert(
      fc.property(resources, resources, (a, b) => {
        expect(text(addResources(a, b))).toBe(text(addResources(b, a)));
        const scalars = merges(b);
        expect(text(subtractResources(addResources(merges(a), scalars), scalars))).toBe(text(merges(a)));
      }),
    );
  });

  it('a sum contains its parts; containing both ways is being equal', () => {
    fc.assert(
      fc.property(resources, resources, (a, b) => {
        const sum = addResources(a, b);
        expect(containsResources(sum, a)).toBe(true);
        expect(containsResources(sum, b)).toBe(true);
        expect(containsResources(a, b) && containsResources(b, a)).toBe(text(a) === text(b));
        expect(containsResources(a, subtractResources(a, b))).toBe(true);
      }),
    );
  });

  it('treats ranges as sets of numbers', () => {
    const numbers = (r: readonly { begin: number; end: number }[]): Set<number> =>
      new Set(r.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i)));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), fc.array(range, { maxLength: 6 }), (a, b) => {
        expect(numbers(normalizeRanges(a))).toEqual(numbers(a));
        expect(numbers(subtractRanges(a, b))).toEqual(numbers(a).difference(numbers(b)));
        expect(containsRanges(a, b)).toBe(numbers(b).isSubsetOf(numbers(a)));
        expect(sizeOfRanges(a)).toBe(numbers(a).size);
      }),
    );
  });

  it('flattens to the v0 form', () => {
    const all = [
      scalar('cpus', 1.5),
      scalar('cpus', 0.5, 'web'),
      ports({ begin: 31001, end: 31005 }, { begin: 31000, end: 31000 }),
    ];
    expect(summarizeResources(all)).toEqual({ cpus: 2, mem: 0, disk: 0, gpus: 0, ports: '[31000-31005]' });
    expect(rangesOf(all, 'ports')).toEqual([{ begin: 31000, end: 31005 }]);
  });
});

describe('resource and attribute texts', () => {
  it('reads what agents are started with', () => {
    expect(parseResources('cpus:4;mem(web):1024; ports:[31000-32000, 33000-33010];disks:{a, b}')).toEqual({
      ok: true,
      value: [
        scalar('cpus', 4),
        scalar('mem', 1024, 'web'),
        ports({ begin: 31000, end: 32000 }, { begin: 33000, end: 33010 }),
        { name: 'disks', role: '*', type: 'SET', set: { item: ['a', 'b'] } },
      ],
    });
    expect(parseAttributes('rack:r1;level:10')).toEqual({
      ok: true,
      value: [
        { name: 'rack', type: 'TEXT', text: { value: 'r1' } },
        { name: 'level', type: 'SCALAR', scalar: { value: 10 } },
      ],
    });
  });

  it.each(['cpus', 'cpus:', 'cpus:x', 'ports:[5-1]', 'ports:[a-b]', ':4'])(
    'names the bad part of %j',
    (bad) => {
      const parsed = parseResources(`mem:1;${bad}`);
      expect(parsed).toMatchObject({ ok: false });
      expect(!parsed.ok && parsed.problem).toContain(bad);
    },
  );

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (s) => [parseResources(s), parseAttributes(s)].length === 2));
  });
});

describe('resourcesProblem', () => {
  it.each<[Resource, string]>([
    [scalar('cpus', -1), 'negative'],
    [scalar('cpus', 0.0001), 'smaller than 0.001'],
    [scalar('gpus', 1.5), 'whole number'],
    [scalar('', 1), 'name'],
    [scalar('cpus', 1, 'a//b'), 'slashes'],
    [ports({ begin: 2, end: 1 }), 'ends before'],
    [ports({ begin: 1, end: 5 }, { begin: 5, end: 6 }), 'overlap'],
    [{ name: 's', type: 'SET', set: { item: ['a', 'a'] } }, 'duplicate'],
    [{ name: 'x', type: 'TEXT' } as unknown as Resource, 'type'],
    [{ name: 'cpus', type: 'SCALAR' }, 'scalar'],
  ])('%j is refused: %s', (bad, fragment) => {
    expect(resourcesProblem([scalar('mem', 1), bad])).toContain(fragment);
  });

  it('accepts what is right', () => {
    expect(resourcesProblem([scalar('cpus', 1), ports({ begin: 1, end: 2 })])).toBeUndefined();
  });
});
