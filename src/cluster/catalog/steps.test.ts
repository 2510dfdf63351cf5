import { expect, it } from 'vitest';
import { ClusterModel, diffStates, stateFromV0 } from '../model/index.ts';
import type { ClusterState } from '../model/index.ts';
import { createCatalogBuilder } from './builder.ts';
import type { CatalogVersion } from './types.ts';

const COUNT = 2_000;

/** `COUNT` tasks on two agents; those of `moved` have another port. */
function cluster(moved: (n: number) => boolean, agents: readonly string[] = ['A', 'B']): ClusterState {
  const tasks = Array.from({ length: COUNT }, (_, n) => ({
    id: `app${n}.1`,
    name: `app${n}`,
    slave_id: n % 2 === 0 ? 'A' : 'B',
    state: 'TASK_RUNNING',
    resources: { ports: moved(n) ? '[32000-32000]' : '[31000-31000]' },
  }));
  const slaves = agents.map((id, n) => ({ id, hostname: `h${id}`, pid: `slave(1)@10.0.0.${n + 1}:5051` }));
  return stateFromV0({ slaves, frameworks: [{ id: 'F', name: 'fw', tasks }] }, []);
}

/** What consumers see, as values that do not change under them. */
function seen(version: CatalogVersion): unknown {
  return {
    version: version.version,
    tasks: [...version.tasks.values()].map((t) => `${t.key} ${t.ports.join()}`),
    services: [...version.services.values()].map(
      (s) => `${s.key} ${s.instances.map((i) => i.addresses[0]?.port).join()}`,
    ),
    agents: [...version.agents.keys()],
  };
}

it('shows nothing of a large step before all of it, however often it rests', () => {
  const builder = createCatalogBuilder({ emptyServiceMs: 0 });
  const states = [cluster(() => false), cluster((n) => n % 2 === 0), cluster(() => false, ['B'])];
  const known = new ClusterModel();
  for (const [i, state] of states.entries()) {
    const before = seen(builder.current);
    const kept = new Map(builder.state.tasks);
    const work = builder.steps({ kind: 'snapshot', state }, 0);
    let rests = 0;
    let step = work.next();
    for (; !step.done; step = work.next()) {
      rests++;
      expect(builder.tick(99_999)).toBeUndefined();
      if (rests % 10 !== 1) continue;
      expect(seen(builder.current)).toEqual(before);
      expect(builder.state.tasks.size).toBe(kept.size);
    }
    expect(rests).toBeGreaterThan(20);
    expect(step.value?.version).toBe(builder.current);
    expect(builder.current.version).toBe(i + 1);
    for (const change of diffStates(known, state)) known.apply(change);
    const fresh = createCatalogBuilder({ emptyServiceMs: 0 });
    fresh.apply({ kind: 'snapshot', state: known }, 0);
    expect(new Map(builder.current.tasks)).toEqual(new Map(fresh.current.tasks));
    expect(new Map(builder.current.services)).toEqual(new Map(fresh.current.services));
    expect(new Map(builder.state.tasks)).toEqual(new Map(known.tasks));
  }
  expect(builder.current.tasks.size).toBe(COUNT / 2);
});

it('takes no other step in between', () => {
  const builder = createCatalogBuilder({ emptyServiceMs: 0 });
  const work = builder.steps({ kind: 'snapshot', state: cluster(() => false) }, 0);
  expect(work.next().done).toBe(false);
  expect(() => builder.apply({ kind: 'stale', since: 1, reason: 'x' }, 1)).toThrow('not yet complete');
  while (!work.next().done);
  expect(builder.current.tasks.size).toBe(COUNT);
  expect(builder.apply({ kind: 'stale', since: 1, reason: 'x' }, 1)?.version.version).toBe(2);
});

it('makes a small step at one go', () => {
  const builder = createCatalogBuilder({ emptyServiceMs: 0 });
  builder.apply({ kind: 'snapshot', state: cluster(() => false) }, 0);
  const changes = diffStates(
    cluster(() => false),
    cluster((n) => n < 300),
  );
  const step = builder.steps({ kind: 'delta', changes }, 0).next();
  expect(step.done && step.value?.diff.services.changed.length).toBe(300);
});
