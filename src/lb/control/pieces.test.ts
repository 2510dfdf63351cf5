import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../balancer/index.ts';
import type { BackendChange, BackendSpec } from '../plane/messages.ts';
import { Pieces } from './pieces.ts';
import type { News } from './pieces.ts';
import { changeOf } from './specs.ts';

const endpoint = (n: number, port = 1): Endpoint => ({
  key: `e${n}`,
  taskId: `e${n}`,
  ip: '10.0.0.1',
  port,
  phase: 'up',
  healthy: true,
});
const spec = (endpoints: readonly Endpoint[], more: Partial<BackendSpec> = {}): BackendSpec => ({
  key: 'b#0',
  serviceKey: 'b',
  hasInstances: endpoints.length > 0,
  endpoints,
  policy: { balance: 'p2c' },
  ...more,
});
const upTo = (n: number): Endpoint[] => Array.from({ length: n }, (_, i) => endpoint(i));
const nothing = { gone: [], come: [] };

/** What a plane knows after these messages. */
function taken(
  news: readonly News[],
  before: ReadonlyMap<string, Endpoint> = new Map(),
): Map<string, Endpoint> {
  const known = new Map(before);
  for (const { backends } of news) {
    for (const { endpoints } of backends.set) {
      known.clear();
      for (const one of endpoints) known.set(one.key, one);
    }
    for (const { gone, come } of backends.changed ?? []) {
      for (const key of gone) known.delete(key);
      for (const one of come) known.set(one.key, one);
    }
  }
  return known;
}

const sizes = (news: readonly News[]): number[] =>
  news.map(({ backends: { set, changed = [] } }) =>
    [...set.map((s) => s.endpoints.length), ...changed.map((c) => c.gone.length + c.come.length)].reduce(
      (sum, n) => sum + n,
      0,
    ),
  );

function told(change: BackendChange): News[] {
  const pieces = new Pieces();
  pieces.change(change);
  return pieces.all(nothing, []);
}

describe('messages about backends', () => {
  it('a difference makes what was into what is, whatever changed and in whatever order', () => {
    const list = fc.uniqueArray(fc.record({ n: fc.nat(12), port: fc.nat(2) }), {
      selector: ({ n }) => n,
      maxLength: 10,
    });
    fc.assert(
      fc.property(list, list, fc.boolean(), (a, b, other) => {
        const before = spec(a.map(({ n, port }) => endpoint(n, port)));
        const after = spec(
          b.map(({ n, port }) => endpoint(n, port)),
          other ? { policy: { balance: 'random' } } : {},
        );
        const change = changeOf(before, after);
        const known = new Map(before.endpoints.map((one) => [one.key, one]));
        const now = taken(change === undefined ? [] : told(change), known);
        expect(now).toEqual(new Map(after.endpoints.map((one) => [one.key, one])));
        expect(change?.policy).toEqual(other ? after.policy : undefined);
        expect(changeOf(after, after)).toBeUndefined();
        // Nothing is told that was known.
        for (const one of change?.come ?? []) expect(known.get(one.key)).not.toEqual(one);
      }),
    );
  });

  it('a change of one of very many endpoints tells of that one', () => {
    const many = upTo(10_000);
    const after = spec(many.with(5_000, endpoint(5_000, 2)));
    expect(changeOf(spec(many), after)).toMatchObject({ gone: [], come: [{ key: 'e5000', port: 2 }] });
    expect(changeOf(spec(many), spec(many.toSpliced(77, 1)))).toMatchObject({ gone: ['e77'], come: [] });
    expect(changeOf(spec(many), spec([...many, endpoint(10_000)]))).toMatchObject({
      gone: [],
      come: [{ key: 'e10000' }],
    });
  });

  it('a large backend comes in pieces; only with the last of them it is whole, and routes lead to it', () => {
    const pieces = new Pieces();
    const small = spec(upTo(3), { key: 'small#0' });
    pieces.set(small);
    pieces.set(spec(upTo(1_000)));
    const news = pieces.all({ gone: ['r'], come: [] }, ['old#0']);
    expect(news[0]?.backends.set).toEqual([small, spec([], { hasInstances: true })]);
    expect(taken(news.map((n) => ({ ...n, backends: { ...n.backends, set: [] } }))).size).toBe(1_000);
    expect(Math.max(...sizes(news))).toBeLessThanOrEqual(260);
    const more = news.flatMap(({ backends }) => backends.changed ?? []).map((change) => change.more);
    expect(more).toEqual([true, true, true, false]);
    expect(news.map(({ routes, backends }) => routes.gone.length + backends.gone.length)).toEqual([
      ...news.slice(1).map(() => 0),
      2,
    ]);
  });

  it('where many go and others come, there are never few between', () => {
    const [before, after] = [upTo(2_000), Array.from({ length: 2_000 }, (_, i) => endpoint(5_000 + i))];
    const change = changeOf(spec(before), spec(after, { policy: { balance: 'random' } }));
    if (change === undefined) throw new Error('nothing changed');
    const news = told(change);
    expect(Math.max(...sizes(news))).toBeLessThanOrEqual(256);
    let known = new Map(before.map((one) => [one.key, one]));
    for (const one of news) {
      known = taken([one], known);
      expect(known.size).toBeGreaterThan(1_990);
    }
    expect(known).toEqual(new Map(after.map((one) => [one.key, one])));
    const policies = news.flatMap(({ backends }) => backends.changed ?? []).filter((c) => c.policy);
    expect(policies).toHaveLength(1);
  });
});
