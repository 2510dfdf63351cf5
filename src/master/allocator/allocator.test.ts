import { describe, expect, it } from 'vitest';
import { amounts, resources, TestCluster, WANTS_ALL, whoGot } from './testing/cluster.ts';
import { covers, parcelOf, refuseMs, RefusalFilters, Turns } from './index.ts';

const cluster = (...agents: readonly string[]): TestCluster => {
  const c = new TestCluster();
  for (const [i, text] of agents.entries()) c.agent('abcdefgh'[i] ?? '', text);
  return c;
};
const given = (c: TestCluster, framework: string): string[] =>
  c
    .ask()
    .allocations.filter((a) => a.client.frameworkId === framework)
    .flatMap((a) =>
      a.given.resources.map((r) => `${a.agent.id} ${r.name}(${r.role}) ${r.scalar?.value ?? ''}`),
    );

describe('allocate', () => {
  it('gives each agent to the one with the smallest dominant share', () => {
    const equal = cluster('cpus:4;mem:4096', 'cpus:4;mem:4096');
    equal.framework('f1');
    equal.framework('f2');
    expect(whoGot(equal.ask())).toEqual(['a>f1', 'b>f2']);
    equal.framework('f1', '*', 'cpus:7');
    expect(whoGot(equal.ask())).toEqual(['a>f2', 'b>f2']);
  });

  it('weighs roles before the frameworks in them', () => {
    const c = cluster('cpus:1', 'cpus:1', 'cpus:1');
    c.framework('f1', 'web');
    c.framework('f2', 'web');
    c.framework('f3', 'batch');
    expect(whoGot(c.ask())).toEqual(['a>f3', 'b>f1', 'c>f3']);
    c.weights.set('web', 4);
    c.framework('f3', 'batch', 'cpus:0.6');
    expect(whoGot(c.ask())).toEqual(['a>f1', 'b>f2', 'c>f1']);
  });

  it('sorts the tree of roles level by level, frameworks of an inner role beside the roles below it', () => {
    const c = cluster('cpus:1', 'cpus:1', 'cpus:1', 'cpus:1');
    c.framework('inner', 'a');
    c.framework('deep', 'a/b');
    c.framework('other', 'z');
    // Half for the branch of `a`, which its own framework and those of `a/b` share.
    expect(whoGot(c.ask()).toSorted()).toEqual(['a>inner', 'b>other', 'c>deep', 'd>other']);
    c.weights.set('a/b', 10);
    c.weights.set('a', 3);
    expect(whoGot(c.ask()).filter((x) => x.endsWith('>deep')).length).toBe(2);
  });

  it('counts what is held below a role to its branch, also of those that want nothing now', () => {
    const c = cluster('cpus:1');
    c.framework('asleep', 'a/b', 'cpus:5');
    c.framework('f1', 'a');
    c.framework('f2', 'z', 'cpus:1');
    const asleep = c.frameworks.get('asleep');
    if (asleep) asleep.competes = false;
    expect(whoGot(c.ask())).toEqual(['a>f2']);
  });

  it('keeps reservations for their role and the roles below it', () => {
    const c = cluster('cpus:2;cpus(web):1');
    c.framework('f1', 'batch');
    c.framework('f2', 'web/shop');
    expect(given(c, 'f1')).toEqual(['a cpus(*) 2']);
    expect(given(c, 'f2')).toEqual(['a cpus(web) 1']);
  });

  it('offers nothing that is too small, and passes on what one does not understand', () => {
    const minimum = [amounts('cpus:0.01'), amounts('mem:32')];
    const c = cluster('disk:1000');
    c.framework('f1', '*', '', { ...WANTS_ALL, minimum });
    expect(whoGot(c.ask())).toEqual([]);
    c.agent('a', 'mem:32');
    expect(whoGot(c.ask())).toEqual(['a>f1']);
    const [revocable] = resources('cpus:2');
    const two = new TestCluster();
    two.agent('a', 'cpus:1');
    const machine = two.agents.get('a');
    if (machine && revocable)
      machine.left = parcelOf([...resources('cpus:1'), { ...revocable, revocable: {} }]);
    two.framework('f1', '*', '', { ...WANTS_ALL, takes: (r) => r.revocable === undefined });
    two.framework('f2');
    expect(given(two, 'f1')).toEqual(['a cpus(*) 1']);
    expect(given(two, 'f2')).toEqual(['a cpus(*) 2']);
  });

  it('passes an agent on that somebody does not want, and says when to ask again', () => {
    const c = cluster('cpus:1', 'cpus:1');
    c.framework('f1', '*', '', { ...WANTS_ALL, takesAgent: ({ id }) => id === 'b' });
    c.framework('f2');
    expect(whoGot(c.ask())).toEqual(['a>f2', 'b>f1']);
    for (const a of c.ask().allocations) c.refuse(a, 5000);
    // `b` goes to the other one now; nobody wants `a` before the refusal is over.
    const { allocations, unwanted } = c.ask();
    expect(allocations.map((a) => `${a.agent.id}>${a.client.frameworkId}`)).toEqual(['b>f2']);
    expect(Array.from(unwanted, ([agent, until]) => [agent.id, until])).toEqual([['a', 5000]]);
    c.now = 5000;
    expect(whoGot(c.ask())).toContain('a>f2');
  });
});

describe('quota', () => {
  it('serves guarantees before everybody, with what goes with them', () => {
    const c = cluster('cpus:4;mem:400;ports:[1-9]', 'cpus:4;mem:400');
    c.framework('rich', 'web', 'cpus:6');
    c.framework('poor', 'batch');
    expect(whoGot(c.ask())).toEqual(['a>poor', 'b>poor']);
    c.quota('web', 'cpus:7');
    // One more is owed to it; mem and ports come along. The rest of the agent goes on.
    expect(given(c, 'rich')).toEqual(['a cpus(*) 1', 'a mem(*) 400', 'a ports(*) ']);
    expect(given(c, 'poor')).toEqual(['a cpus(*) 3', 'b cpus(*) 4', 'b mem(*) 400']);
  });

  it('holds back what is owed to one who does not take it', () => {
    const c = cluster('cpus:4', 'cpus:4');
    c.framework('f', 'batch');
    c.quota('web', 'cpus:6');
    expect(given(c, 'f')).toEqual(['a cpus(*) 2']);
  });

  it('limits a role and all below it, reservations counted', () => {
    const c = cluster('cpus:4;cpus(web):1;mem:100', 'cpus:4;mem:100');
    c.framework('f1', 'web');
    c.framework('f2', 'web/shop');
    c.quota('web', '', 'cpus:2');
    const all = [...given(c, 'f1'), ...given(c, 'f2')].toSorted();
    expect(all).toEqual(['a cpus(*) 1', 'a cpus(web) 1', 'a mem(*) 100', 'b mem(*) 100']);
  });

  it('gives whole GPUs and whole disks only', () => {
    const c = cluster('cpus:4;gpus:3');
    c.framework('f', 'web');
    c.quota('web', '', 'gpus:2.5;cpus:1');
    expect(given(c, 'f')).toEqual(['a cpus(*) 1', 'a gpus(*) 2']);
    const disk = { source: { type: 'MOUNT' } };
    const machine = c.agents.get('a');
    if (machine) machine.left = parcelOf(resources('disk:100').map((r) => ({ ...r, disk })));
    c.quota('web', '', 'disk:50');
    expect(given(c, 'f')).toEqual([]);
  });
});

describe('turns', () => {
  it('come to whoever has waited longest; who comes, or comes back, waits from then on', () => {
    const turns = new Turns();
    const order = (...names: string[]): string[] =>
      names.toSorted((a, b) => turns.of('g', a) - turns.of('g', b));
    turns.settle('g', ['b', 'a']);
    expect(order('b', 'a')).toEqual(['a', 'b']);
    turns.served('g', 'a');
    turns.settle('g', ['a', 'b', 'c']);
    expect(order('a', 'b', 'c')).toEqual(['b', 'a', 'c']);
    turns.settle('g', ['a', 'c']);
    turns.settle('g', ['a', 'b', 'c']);
    expect(order('a', 'b', 'c')).toEqual(['a', 'c', 'b']);
    turns.keep(new Set());
    expect(turns.of('g', 'a')).toBe(0);
  });
});

describe('RefusalFilters', () => {
  it('block what is no more than was refused, for as long as was said', () => {
    const filters = new RefusalFilters();
    filters.refuse('f', 'r', 'a', parcelOf(resources('cpus:2;mem:100')), 5000);
    const blocked = (text: string, now: number): number | undefined =>
      filters.of('f', 'r')?.blockedUntil('a', parcelOf(resources(text)), now);
    expect(blocked('cpus:2;mem:100', 4999)).toBe(5000);
    expect(blocked('cpus:1', 0)).toBe(5000);
    expect(blocked('cpus:2.001', 0)).toBe(0);
    expect(blocked('cpus:1;ports:[1-2]', 0)).toBe(0);
    expect(blocked('cpus:2;mem:100', 5000)).toBe(0);
    expect(filters.of('f', 'other')).toBeUndefined();
    filters.prune(4999);
    expect(filters.size).toBe(1);
    filters.prune(5000);
    expect(filters.size).toBe(0);
  });

  it('remember one refusal where it says all that another one does', () => {
    const filters = new RefusalFilters();
    filters.refuse('f', 'r', 'a', parcelOf(resources('cpus:1')), 10);
    filters.refuse('f', 'r', 'a', parcelOf(resources('cpus:2')), 20);
    expect(filters.size).toBe(1);
    filters.refuse('f', 'r', 'a', parcelOf(resources('cpus:3')), 5);
    expect(filters.size).toBe(2);
  });

  it('are forgotten by role, framework and agent, which is noted', () => {
    const filters = new RefusalFilters();
    for (const role of ['r1', 'r2']) filters.refuse('f', role, 'a', parcelOf(resources('cpus:1')), 10);
    filters.clear('f', 'r1');
    expect(filters.size).toBe(1);
    filters.clear('f');
    expect(filters.size).toBe(0);
    filters.refuse('f', 'r1', 'a', parcelOf(resources('cpus:1')), 10);
    filters.forgetAgent('a');
    expect([filters.size, filters.clears]).toEqual([0, 3]);
  });

  it('hold 5 s by default and a year at most', () => {
    expect([undefined, -1, Number.NaN, 0, 2.5, 1e12].map(refuseMs)).toEqual([
      5000, 5000, 5000, 0, 2500, 31_536_000_000,
    ]);
  });
});

describe('parcels', () => {
  it.each([
    ['cpus:2', 'cpus:1.999', true],
    ['cpus:2', 'cpus:2.001', false],
    ['cpus(web):2', 'cpus:1', false],
    ['ports:[1-5,8-9]', 'ports:[2-3,8-8]', true],
    ['ports:[1-5,8-9]', 'ports:[5-8]', false],
    ['d:{a,b}', 'd:{b}', true],
    ['d:{a,b}', 'd:{c}', false],
  ])('%s covers %s: %s', (whole, part, expected) => {
    expect(covers(parcelOf(resources(whole)), parcelOf(resources(part)))).toBe(expected);
  });
});

it('the cluster of these tests counts as it should', () => {
  const c = cluster('cpus:4;cpus(web):2');
  c.framework('f', 'web/shop');
  c.run();
  expect(c.consumed('web')).toEqual(amounts('cpus:6'));
  expect(c.share('f')).toBe(1);
});
