import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containsResources, normalizeResources, subtractResources } from '../../mesos/index.ts';
import { addAmounts, amountsOf, isBelow } from './index.ts';
import type { Allocation } from './index.ts';
import { TestCluster } from './testing/cluster.ts';

// What is promised of the allocator, on generated clusters. Slack is where agents are given whole: one of them at most.

const ROLES = ['*', 'web', 'web/shop', 'web/shop/cart', 'batch', 'batch/night'] as const;
const machine = fc
  .record({ cpus: fc.integer({ min: 1, max: 16 }), mem: fc.integer({ min: 1, max: 64 }) })
  .map(({ cpus, mem }) => `cpus:${cpus};mem:${mem}`);
const machines = fc.array(machine, { minLength: 1, maxLength: 30 });

function clusterOf(specs: readonly string[]): TestCluster {
  const cluster = new TestCluster();
  for (const [i, text] of specs.entries()) cluster.agent(`a${i}`, text);
  return cluster;
}

/** The largest part of the cluster that one agent is, of any resource. */
function largestAgent(cluster: TestCluster): number {
  const total = new Map<string, number>();
  const each = Array.from(cluster.agents.values(), (a) => amountsOf(a.total));
  for (const one of each) addAmounts(total, one);
  return Math.max(
    ...each.flatMap((one) => Array.from(one, ([name, value]) => value / (total.get(name) ?? 1))),
  );
}

describe('sharing incentive', () => {
  it('who takes all it can get has its part of the cluster by weight, up to one agent for each other', () => {
    fc.assert(
      fc.property(
        machines,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
        (specs, weights) => {
          const cluster = clusterOf(specs);
          for (const [i, weight] of weights.entries()) {
            cluster.framework(`f${i}`, `r${i}`);
            cluster.weights.set(`r${i}`, weight);
          }
          cluster.run();
          const sum = weights.reduce((a, b) => a + b, 0);
          const slack = (weights.length - 1) * largestAgent(cluster);
          for (const [i, weight] of weights.entries())
            expect(cluster.share(`f${i}`)).toBeGreaterThanOrEqual((weight / sum) * (1 - slack) - 1e-9);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a branch of roles counts once, however many roles and frameworks are in it', () => {
    fc.assert(
      fc.property(machines, fc.integer({ min: 1, max: 6 }), (specs, many) => {
        const cluster = clusterOf(specs);
        for (let i = 0; i < many; i++) cluster.framework(`many${i}`, `web/r${i}`);
        cluster.framework('one', 'batch');
        cluster.run();
        expect(cluster.share('one')).toBeGreaterThanOrEqual(0.5 * (1 - largestAgent(cluster)) - 1e-9);
      }),
      { numRuns: 200 },
    );
  });
});

/** A framework that runs tasks of one kind, and claims so many times of each resource what they need. */
interface Worker {
  readonly cpus: number;
  readonly mem: number;
  readonly claimCpus: number;
  readonly claimMem: number;
}

/**
 * Everybody launches as many tasks as it can, one with each offer so that shares decide again after each, until nothing fits
 * any more; returns how many each got to run.
 */
function work(agents: number, workers: readonly Worker[], weigh: (w: Worker) => number = () => 1): number[] {
  const cluster = new TestCluster();
  for (let i = 0; i < agents; i++) cluster.agent(`a${i}`, 'cpus:12;mem:12');
  const tasks = workers.map(() => 0);
  for (const [i, worker] of workers.entries()) {
    cluster.framework(`f${i}`, `r${i}`);
    cluster.weights.set(`r${i}`, weigh(worker));
  }
  for (let idle = 0; idle < workers.length + 1;) {
    let launched = 0;
    for (const allocation of cluster.run().allocations) {
      const i = Number(allocation.client.frameworkId.slice(1));
      const { cpus, mem, claimCpus, claimMem } = workers[i] ?? HONEST;
      const have = (name: string): number => (allocation.given.amounts.get(name) ?? 0) / 1000;
      if (have('cpus') >= cpus * claimCpus && have('mem') >= mem * claimMem) {
        cluster.keepOnly(allocation, `cpus:${cpus * claimCpus};mem:${mem * claimMem}`);
        tasks[i] = (tasks[i] ?? 0) + 1;
        launched++;
      } else {
        cluster.giveBack(allocation);
        cluster.refuse(allocation, 10_000_000);
      }
    }
    idle = launched === 0 ? idle + 1 : 0;
  }
  return tasks;
}

const HONEST: Worker = { cpus: 1, mem: 1, claimCpus: 1, claimMem: 1 };

describe('strategy-proofness', () => {
  const need = fc.constantFrom(1, 2, 3);
  const worker = fc.record({ cpus: need, mem: need, claimCpus: fc.constant(1), claimMem: fc.constant(1) });

  it('who claims more for each task than it needs does not run more of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.tuple(worker, fc.array(worker, { minLength: 1, maxLength: 3 })),
        fc.record({ claimCpus: need, claimMem: need }),
        (agents, [first, others], lie) => {
          const honest = work(agents, [first, ...others]);
          const lying = work(agents, [{ ...first, ...lie }, ...others]);
          // Tasks are whole and so are agents: where the others leave gaps, one task more may fit by chance.
          expect(lying[0]).toBeLessThanOrEqual((honest[0] ?? 0) + 1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('which this judge denies of an allocator that gives more to those who claim more', () => {
    const byClaim = ({ claimCpus }: Worker): number => claimCpus ** 4;
    const other = { ...HONEST, cpus: 2, mem: 2 };
    const [honest = 0] = work(5, [HONEST, other, other], byClaim);
    const [lying = 0] = work(5, [{ ...HONEST, claimCpus: 2 }, other, other], byClaim);
    expect(lying).toBeGreaterThan(honest + 1);
  });

  it('who refuses what it would need later loses it to the others, not they to it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 5 }), (agents, frameworks) => {
        const shareOfFirst = (picky: boolean): number => {
          const cluster = clusterOf(Array.from({ length: agents }, () => 'cpus:4;mem:4'));
          for (let i = 0; i < frameworks; i++) cluster.framework(`f${i}`);
          for (const a of cluster.run().allocations)
            if (picky && a.client.frameworkId === 'f0') {
              cluster.giveBack(a);
              cluster.refuse(a, 1000);
            }
          cluster.run();
          return cluster.share('f0');
        };
        expect(shareOfFirst(true)).toBeLessThanOrEqual(shareOfFirst(false));
      }),
      { numRuns: 100 },
    );
  });
});

/** With how many others a framework takes turns at each level above it, multiplied: the others may be served first everywhere. */
function turnsUntil(role: string, roles: readonly string[]): number {
  const parts = role.split('/');
  let turns = roles.filter((r) => r === role).length;
  for (let depth = 0; depth < parts.length; depth++) {
    const parent = parts.slice(0, depth).join('/');
    const beside = roles.filter((r) => depth === 0 || r === parent || isBelow(r, parent));
    turns *= new Set(beside.map((r) => r.split('/')[depth] ?? '.')).size;
  }
  // Its own role may have roles below it.
  return (
    turns * (1 + new Set(roles.filter((r) => isBelow(r, role)).map((r) => r.split('/')[parts.length])).size)
  );
}

describe('no starvation', () => {
  it('everybody gets an offer within its turn at each level, also where all refuse, come and go', () => {
    const step = fc.record({
      toggle: fc.option(fc.nat(4), { freq: 3 }),
      forMs: fc.constantFrom(0, 1000, 3000),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.constantFrom(...ROLES), { minLength: 1, maxLength: 5 }),
        fc.array(step, { minLength: 120, maxLength: 120 }),
        (agents, roles, steps) => {
          const cluster = clusterOf(Array.from({ length: agents }, () => 'cpus:4;mem:4'));
          for (const [i, role] of roles.entries()) cluster.framework(`f${i}`, role);
          const waits = new Map<string, number>();
          for (const { toggle, forMs } of steps) {
            const some = toggle === null ? undefined : cluster.frameworks.get(`f${toggle}`);
            if (some) some.competes = !some.competes;
            cluster.now += 1000;
            const served = new Set<string>();
            for (const a of cluster.run().allocations) {
              served.add(a.client.frameworkId);
              cluster.giveBack(a);
              if (forMs > 0) cluster.refuse(a, forMs);
            }
            for (const { id, role, competes } of cluster.frameworks.values()) {
              const waited = competes && !served.has(id) ? (waits.get(id) ?? 0) + 1 : 0;
              waits.set(id, waited);
              // A refusal lasts three cycles at most.
              expect(waited).toBeLessThanOrEqual(4 * turnsUntil(role, roles));
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('who leaves and comes back all the time does not get ahead of who stays', () => {
    const cluster = clusterOf(['cpus:1']);
    cluster.framework('a');
    cluster.framework('stays');
    const served: string[] = [];
    for (let i = 0; i < 4; i++) {
      for (const allocation of cluster.run().allocations) {
        served.push(allocation.client.frameworkId);
        cluster.giveBack(allocation);
      }
      const restless = cluster.frameworks.get('a');
      // Away for a cycle in which nothing is there to be given.
      if (restless) restless.competes = false;
      cluster.run([]);
      if (restless) restless.competes = true;
    }
    expect(served.filter((id) => id === 'stays').length).toBeGreaterThanOrEqual(2);
  });

  it('who comes late does not keep the others waiting until it has caught up', () => {
    const cluster = clusterOf(['cpus:1']);
    cluster.framework('old1');
    cluster.framework('old2');
    const cycle = (): string => {
      const [only] = cluster.run().allocations;
      if (!only) throw new Error('nothing was given');
      cluster.giveBack(only);
      return only.client.frameworkId;
    };
    for (let i = 0; i < 50; i++) cycle();
    cluster.framework('new');
    expect(new Set([cycle(), cycle(), cycle()])).toEqual(new Set(['old1', 'old2', 'new']));
  });

  it('equal frameworks are served equally often', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 4 }), (frameworks, rounds) => {
        const cluster = clusterOf(['cpus:1']);
        for (let i = 0; i < frameworks; i++) cluster.framework(`f${i}`);
        const served = new Map<string, number>();
        for (let i = 0; i < frameworks * rounds; i++)
          for (const a of cluster.run().allocations) {
            served.set(a.client.frameworkId, (served.get(a.client.frameworkId) ?? 0) + 1);
            cluster.giveBack(a);
          }
        expect([...served.values()]).toEqual(Array.from({ length: frameworks }, () => rounds));
      }),
    );
  });
});

const mixed = fc
  .record({
    cpus: fc.nat(16_000),
    mem: fc.nat(64_000),
    web: fc.nat(4000),
    shop: fc.nat(4000),
    ports: fc.nat(50),
    gpus: fc.nat(2),
  })
  .map(
    ({ cpus, mem, web, shop, ports, gpus }) =>
      `cpus:${cpus / 1000};mem:${mem / 1000};cpus(web):${web / 1000};mem(web/shop):${shop / 1000};ports:[31000-${31000 + ports}];gpus:${gpus}`,
  );
const frameworks = fc.array(fc.record({ role: fc.constantFrom(...ROLES), keeps: fc.boolean() }), {
  minLength: 1,
  maxLength: 8,
});
const quotas = fc.uniqueArray(
  fc.record({
    role: fc.constantFrom('*', 'web', 'batch'),
    guarantee: fc.nat(8),
    limit: fc.option(fc.nat(20)),
    mem: fc.option(fc.nat(40)),
  }),
  { maxLength: 3, selector: (q) => q.role },
);

function withQuotas(
  cluster: TestCluster,
  wanted: readonly { role: string; guarantee: number; limit: number | null; mem: number | null }[],
): void {
  for (const { role, guarantee, limit, mem } of wanted) {
    const limits = [
      ...(limit === null ? [] : [`cpus:${Math.max(limit, guarantee)}`]),
      ...(mem === null ? [] : [`mem:${mem}`]),
    ];
    cluster.quota(role, guarantee === 0 ? '' : `cpus:${guarantee}`, limits.join(';'));
  }
}

describe('whatever the cluster, the weights and the quotas', () => {
  it('never gives more than is free, nothing twice, nothing reserved for others, and no role more than its limit', () => {
    fc.assert(
      fc.property(
        fc.array(mixed, { maxLength: 8 }),
        frameworks,
        quotas,
        fc.dictionary(fc.constantFrom(...ROLES), fc.integer({ min: 1, max: 9 })),
        (specs, wanted, limits, weights) => {
          const cluster = clusterOf(specs);
          for (const [i, f] of wanted.entries()) cluster.framework(`f${i}`, f.role);
          for (const [role, weight] of Object.entries(weights)) cluster.weights.set(role, weight);
          withQuotas(cluster, limits);
          const before = new Map(limits.map(({ role }) => [role, cluster.consumed(role)]));
          for (let round = 0; round < 3; round++) {
            const free = new Map(Array.from(cluster.agents, ([id, a]) => [id, a.left.resources]));
            const { allocations, left } = cluster.run();
            for (const a of allocations) {
              const rest = free.get(a.agent.id) ?? [];
              expect(containsResources(rest, a.given.resources)).toBe(true);
              free.set(a.agent.id, subtractResources(rest, a.given.resources));
              expect(a.given.resources.filter((r) => !mayHave(a.client.role, r.role))).toEqual([]);
            }
            for (const [agent, parcel] of left)
              expect(amountsOf(parcel.resources)).toEqual(
                amountsOf(normalizeResources(free.get(agent.id) ?? [])),
              );
            checkLimits(cluster, before);
            for (const a of allocations) if (wanted[indexOf(a)]?.keeps !== true) cluster.giveBack(a);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a guarantee is met when it is asked for and there is enough, whoever else wants it', () => {
    fc.assert(
      fc.property(machines, fc.integer({ min: 0, max: 100 }), frameworks, (specs, percent, others) => {
        const cluster = clusterOf(specs);
        const all = [...cluster.agents.values()].reduce(
          (n, a) => n + (amountsOf(a.total).get('cpus') ?? 0),
          0,
        );
        const guarantee = Math.floor((all / 1000) * (percent / 100));
        for (const [i, f] of others.entries()) cluster.framework(`f${i}`, f.role === 'batch' ? '*' : f.role);
        cluster.framework('entitled', 'guaranteed/deep', 'cpus:0');
        cluster.quota('guaranteed', guarantee === 0 ? '' : `cpus:${guarantee}`);
        cluster.run();
        expect(cluster.consumed('guaranteed').get('cpus') ?? 0).toBeGreaterThanOrEqual(guarantee * 1000);
      }),
      { numRuns: 200 },
    );
  });

  it('what is owed to one who does not ask stays free', () => {
    fc.assert(
      fc.property(machines, fc.integer({ min: 0, max: 100 }), frameworks, (specs, guarantee, others) => {
        const cluster = clusterOf(specs);
        for (const [i, f] of others.entries()) cluster.framework(`f${i}`, f.role);
        cluster.quota('absent', guarantee === 0 ? '' : `cpus:${guarantee}`);
        const free = (): number =>
          [...cluster.agents.values()].reduce((n, a) => n + (a.left.amounts.get('cpus') ?? 0), 0);
        const before = free();
        cluster.run();
        expect(free()).toBeGreaterThanOrEqual(Math.min(before, guarantee * 1000));
      }),
      { numRuns: 200 },
    );
  });

  it('leaves nothing unreserved lying about while somebody wants it and no quota stands against it', () => {
    fc.assert(
      fc.property(fc.array(mixed, { maxLength: 8 }), frameworks, (specs, wanted) => {
        const cluster = clusterOf(specs);
        for (const [i, f] of wanted.entries()) cluster.framework(`f${i}`, f.role);
        cluster.run();
        for (const a of cluster.agents.values())
          expect(a.left.resources.filter((r) => (r.role ?? '*') === '*')).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

const indexOf = (a: Allocation): number => Number(a.client.frameworkId.slice(1));
const mayHave = (role: string, reserved = '*'): boolean =>
  reserved === '*' || reserved === role || isBelow(role, reserved);

function checkLimits(cluster: TestCluster, before: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
  for (const [role, { limits }] of cluster.quotas)
    for (const [name, limit] of limits)
      expect(cluster.consumed(role).get(name) ?? 0).toBeLessThanOrEqual(
        Math.max(limit, before.get(role)?.get(name) ?? 0),
      );
}
