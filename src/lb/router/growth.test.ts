import { describe, expect, it } from 'vitest';
import { RouteTable } from './table.ts';
import type { PathKind, Route } from './types.ts';

let reads = 0;

/** A route that counts how often its path is looked at. */
function counted(i: number, host: string, path: string, pathKind: PathKind): Route {
  const owner = { backendKey: `f/${i}#0`, serviceKey: `f/${i}`, portIndex: 0 };
  return {
    kind: 'match',
    id: String(i),
    protocol: 'http',
    listeners: ['http'],
    host,
    get path() {
      reads += 1;
      return path;
    },
    pathKind,
    priority: 0,
    weight: path === '' ? 0 : 1,
    ...owner,
    balance: 'p2c',
    targets: [{ ...owner, weight: 1 }],
    middlewares: [],
    source: [],
  };
}

/** How often a path is looked at to find rule 7 among so many. */
function looks(count: number, make: (i: number) => Route, host: string, path: string): number {
  const table = RouteTable.empty.with(
    [],
    Array.from({ length: count }, (_, i) => make(i)),
  );
  expect(table.match({ host, path })).toMatchObject({ id: '7' });
  reads = 0;
  table.match({ host, path });
  return reads;
}

describe('the cost of finding a route', () => {
  it.each<[string, (i: number) => Route, string, string]>([
    ['by host', (i) => counted(i, `h${i}.test`, '', 'prefix'), 'h7.test', '/x'],
    ['by wildcard', (i) => counted(i, `*.h${i}.test`, '', 'prefix'), 'a.b.h7.test', '/x'],
    ['by exact path', (i) => counted(i, 'h.test', `/p${i}`, 'exact'), 'h.test', '/p7'],
    ['by prefix', (i) => counted(i, 'h.test', `/p${i}/`, 'prefix'), 'h.test', '/p7/x'],
    ['by segments', (i) => counted(i, 'h.test', `/p/${i}`, 'segments'), 'h.test', '/p/7/x'],
  ])('%s: as many rules are looked at among 10,000 as among 10', (_name, make, host, path) => {
    const few = looks(10, make, host, path);
    expect([looks(1_000, make, host, path), looks(10_000, make, host, path)]).toEqual([few, few]);
    expect(few).toBeLessThan(10);
  });

  it('regular expressions are tried one after the other, so that this counts at all', () => {
    const make = (i: number): Route => counted(i, 'h.test', i === 7 ? '/z.' : `/[a-y]${i}`, 'regex');
    expect(looks(100, make, 'h.test', '/zz')).toBeGreaterThan(looks(10, make, 'h.test', '/zz') + 50);
  });

  it('a change leaves the rules of other hosts alone', () => {
    const table = RouteTable.empty.with(
      [],
      Array.from({ length: 1_000 }, (_, i) => counted(i, `h${i}.test`, '', 'prefix')),
    );
    reads = 0;
    const next = table.with(['7'], [counted(1_000, 'h7.test', '/x', 'prefix')]);
    expect(reads).toBeLessThan(10);
    expect(next.match({ host: 'h7.test', path: '/x' })).toMatchObject({ id: '1000' });
    expect(table.match({ host: 'h7.test', path: '/x' })).toMatchObject({ id: '7' });
    expect(next.match({ host: 'h8.test', path: '/x' })).toBe(table.match({ host: 'h8.test', path: '/x' }));
  });
});
