import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../mesos/index.ts';
import {
  addResources,
  containsResources,
  isEmptyResources,
  parseResources,
  scalarOf,
  subtractResources,
} from '../../mesos/index.ts';
import { allocate, refuseMs, RefusalFilters, sum } from './index.ts';
import type { Allocation, AllocationInput, Client, FreeAgent } from './index.ts';

function resources(text: string): Resource[] {
  const parsed = parseResources(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return [...parsed.value];
}
const client = (frameworkId: string, role = '*', held = ''): Client => ({
  frameworkId,
  role,
  held: resources(held),
  past: 0,
  gpuAware: false,
  minimum: [],
});
const agent = (id: string, text: string): FreeAgent => ({
  id,
  total: resources(text),
  free: resources(text),
});

function run(agents: FreeAgent[], clients: Client[], more: Partial<AllocationInput> = {}): Allocation[] {
  const roles = [...new Set(clients.map((c) => c.role))].map((role) => ({
    role,
    weight: 1,
    held: sum(clients.filter((c) => c.role === role).map((c) => c.held)),
    past: 0,
  }));
  return allocate({
    agents,
    clients,
    roles,
    clusterTotal: sum(agents.map((a) => a.total)),
    filtered: () => false,
    ...more,
  });
}
const who = (out: readonly Allocation[]): string[] => out.map((a) => `${a.agentId}>${a.frameworkId}`);

describe('allocate', () => {
  it('gives each agent to the one with the smallest dominant share', () => {
    const agents = [agent('a', 'cpus:4;mem:4096'), agent('b', 'cpus:4;mem:4096')];
    expect(who(run(agents, [client('f1'), client('f2')]))).toEqual(['a>f1', 'b>f2']);
    expect(who(run(agents, [client('f1', '*', 'cpus:7'), client('f2')]))).toEqual(['a>f2', 'b>f2']);
  });

  it('weighs roles before the frameworks in them', () => {
    const agents = [agent('a', 'cpus:1'), agent('b', 'cpus:1'), agent('c', 'cpus:1')];
    const clients = [client('f1', 'web'), client('f2', 'web'), client('f3', 'batch')];
    expect(who(run(agents, clients))).toEqual(['a>f3', 'b>f1', 'c>f3']);
    const roles = [
      { role: 'web', weight: 4, held: [], past: 1 },
      { role: 'batch', weight: 1, held: resources('cpus:0.5'), past: 1 },
    ];
    expect(who(run(agents, clients, { roles }))).toEqual(['a>f1', 'b>f2', 'c>f3']);
  });

  it('keeps reservations for their role and the roles below it', () => {
    const out = run([agent('a', 'cpus:2;cpus(web):1')], [client('f1', 'batch'), client('f2', 'web/shop')]);
    expect(out).toHaveLength(2);
    expect(out.find((a) => a.role === 'batch')?.resources).toEqual(resources('cpus:2'));
    expect(out.find((a) => a.role === 'web/shop')?.resources).toEqual(resources('cpus(web):1'));
  });

  it('offers nothing that is too small, and no GPUs to those who do not know them', () => {
    const minimum = [new Map([['cpus', 0.01]]), new Map([['mem', 32]])];
    const small = { ...client('f1'), minimum };
    expect(run([agent('a', 'disk:1000')], [small])).toEqual([]);
    expect(run([agent('a', 'mem:32')], [small])).toHaveLength(1);
    expect(run([agent('a', 'cpus:1;gpus:1')], [client('f1')])).toEqual([]);
    expect(run([agent('a', 'cpus:1;gpus:1')], [{ ...client('f1'), gpuAware: true }])).toHaveLength(1);
  });

  it('passes an agent on to the next one when the first has refused it', () => {
    const filtered = (c: Client): boolean => c.frameworkId === 'f1';
    expect(who(run([agent('a', 'cpus:1')], [client('f1'), client('f2')], { filtered }))).toEqual(['a>f2']);
  });
});

const amount = fc.integer({ min: 0, max: 64_000 }).map((n) => n / 1000);
const arbitraryFree = fc
  .record({
    cpus: amount,
    mem: amount,
    web: amount,
    ports: fc.nat(50),
    used: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ cpus, mem, web, ports, used }) => {
    const total = resources(`cpus:${cpus};mem:${mem};cpus(web):${web};ports:[31000-${31000 + ports}]`);
    const taken = resources(
      `cpus:${Math.round(cpus * used * 1000) / 1000};ports:[31000-${31000 + Math.floor(ports * used)}]`,
    );
    return { total, free: subtractResources(total, taken) };
  });
const arbitraryClients = fc.uniqueArray(
  fc.record({ framework: fc.nat(5), role: fc.constantFrom('*', 'web', 'web/shop', 'batch'), held: amount }),
  { minLength: 1, maxLength: 10, selector: (c) => `${c.framework}${c.role}` },
);

describe('allocate, whatever the cluster', () => {
  it('never offers more than is free, nothing twice, and nothing reserved for others', () => {
    fc.assert(
      fc.property(fc.array(arbitraryFree, { maxLength: 8 }), arbitraryClients, (frees, specs) => {
        const agents = frees.map((f, i) => ({ id: `a${i}`, ...f }));
        const clients = specs.map((s) => client(`f${s.framework}`, s.role, `cpus:${s.held}`));
        const out = run(agents, clients);
        for (const a of agents) {
          const given = sum(out.filter((x) => x.agentId === a.id).map((x) => x.resources));
          expect(containsResources(a.free, given)).toBe(true);
          expect(scalarOf(addResources(given, subtractResources(a.free, given)), 'cpus')).toBe(
            scalarOf(a.free, 'cpus'),
          );
        }
        for (const { role, resources: given } of out) {
          expect(isEmptyResources(given)).toBe(false);
          const strange = given.filter(
            (r) => r.role !== '*' && r.role !== role && !role.startsWith(`${r.role}/`),
          );
          expect(strange).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leaves nothing unreserved lying about while somebody wants it', () => {
    fc.assert(
      fc.property(fc.array(arbitraryFree, { maxLength: 8 }), arbitraryClients, (frees, specs) => {
        const agents = frees.map((f, i) => ({ id: `a${i}`, ...f }));
        const out = run(
          agents,
          specs.map((s) => client(`f${s.framework}`, s.role, `cpus:${s.held}`)),
        );
        for (const a of agents) {
          const given = sum(out.filter((x) => x.agentId === a.id).map((x) => x.resources));
          const left = subtractResources(a.free, given).filter((r) => r.role === '*');
          expect(left).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('starves nobody: over rounds of equal frameworks everyone is served as often', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 4 }), (frameworks, rounds) => {
        const past = new Map<string, number>();
        for (let i = 0; i < frameworks * rounds; i++) {
          const clients = Array.from({ length: frameworks }, (_, n) => ({
            ...client(`f${n}`),
            past: past.get(`f${n}`) ?? 0,
          }));
          for (const a of run([agent('a', 'cpus:1')], clients))
            past.set(a.frameworkId, (past.get(a.frameworkId) ?? 0) + 1);
        }
        expect([...past.values()]).toEqual(Array.from({ length: frameworks }, () => rounds));
      }),
    );
  });
});

describe('RefusalFilters', () => {
  it('block what is no more than was refused, for as long as was said', () => {
    const filters = new RefusalFilters();
    filters.refuse('f', 'r', 'a', resources('cpus:2;mem:100'), 5000);
    const blocks = (text: string, now: number): boolean =>
      filters.blocks('f', 'r', 'a', resources(text), now);
    expect(blocks('cpus:2;mem:100', 4999)).toBe(true);
    expect(blocks('cpus:1', 0)).toBe(true);
    expect(blocks('cpus:2.001', 0)).toBe(false);
    expect(blocks('cpus:1;ports:[1-2]', 0)).toBe(false);
    expect(blocks('cpus:2;mem:100', 5000)).toBe(false);
    expect(filters.blocks('f', 'other', 'a', resources('cpus:1'), 0)).toBe(false);
    filters.prune(5000);
    expect(filters.size).toBe(0);
  });

  it('are forgotten by role, framework and agent', () => {
    const filters = new RefusalFilters();
    for (const role of ['r1', 'r2']) filters.refuse('f', role, 'a', resources('cpus:1'), 10);
    filters.clear('f', 'r1');
    expect(filters.size).toBe(1);
    filters.clear('f');
    expect(filters.size).toBe(0);
    filters.refuse('f', 'r1', 'a', resources('cpus:1'), 10);
    filters.forgetAgent('a');
    expect(filters.size).toBe(0);
  });

  it('hold 5 s by default and a year at most', () => {
    expect([undefined, -1, Number.NaN, 0, 2.5, 1e12].map(refuseMs)).toEqual([
      5000, 5000, 5000, 0, 2500, 31_536_000_000,
    ]);
  });
});
