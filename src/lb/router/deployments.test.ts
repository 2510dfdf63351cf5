import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Service } from '../../cluster/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { Deployments } from './deployments.ts';

const KEY = 'deployment:marathon:web';

function colour(
  name: string,
  startedAt: string,
  count: number,
  labels: Record<string, string> = {},
): Service {
  return service({
    name: `web-${name}`,
    labels: new Map(
      Object.entries({
        HAPROXY_DEPLOYMENT_GROUP: 'web',
        HAPROXY_DEPLOYMENT_STARTED_AT: startedAt,
        ...labels,
      }),
    ),
    instances: Array.from({ length: count }, (_, i) =>
      instance(i, { taskKey: `${name} ${i}`, taskId: `${name}-${i}` }),
    ),
  });
}

const diff = (given: {
  readonly added?: readonly Service[];
  readonly changed?: readonly Service[];
  readonly removed?: readonly Service[];
}) => ({
  added: given.added ?? [],
  changed: (given.changed ?? []).map((after) => ({ before: after, after })),
  removed: given.removed ?? [],
});

const phases = (s: Service | undefined): string[] =>
  (s?.instances ?? []).map((i) => `${i.taskId} ${i.phase}`);

describe('blue and green', () => {
  it('other services pass through untouched', () => {
    const plain = service({ name: 'plain' });
    const given = diff({ added: [plain], changed: [plain], removed: [plain] });
    expect(new Deployments().apply(given)).toEqual(given);
  });

  it('both colours are one service with the labels of the younger one', () => {
    const deployments = new Deployments();
    const blue = colour('blue', '2020-01-01', 2, { HAPROXY_0_VHOST: 'old.test' });
    const green = colour('green', '2020-01-02', 1, { HAPROXY_0_VHOST: 'new.test' });
    expect(deployments.apply(diff({ added: [blue] })).added.map((s) => s.key)).toEqual([KEY]);
    const out = deployments.apply(diff({ added: [green] }));
    expect(out.changed.map(({ after }) => after.labels.get('HAPROXY_0_VHOST'))).toEqual(['new.test']);
    expect(out.removed.map((s) => s.key)).toEqual(['marathon/web-green']);
    expect(deployments.get(KEY)?.instances).toHaveLength(3);
  });

  it.each<[string, number, number, string | undefined, number, number]>([
    ['nothing while the sum is below the target', 1, 2, '4', 0, 0],
    ['as many as there are too many', 2, 3, '4', 0, 1],
    ['no more than there are healthy new ones', 1, 5, '4', 0, 1],
    ['none for those that are not healthy', 1, 5, '4', 2, 1],
    ['all at the end', 4, 2, '4', 0, 2],
    ['one for one without a target', 2, 3, undefined, 0, 2],
  ])('drains %s', (_name, young, old, target, unhealthy, expected) => {
    const deployments = new Deployments();
    const blue = colour('blue', '1', old);
    const plain = colour(
      'green',
      '2',
      young,
      target === undefined ? {} : { HAPROXY_DEPLOYMENT_TARGET_INSTANCES: target },
    );
    const sick = Array.from({ length: unhealthy }, (_, i) => instance(100 + i, { healthy: false }));
    deployments.apply(diff({ added: [blue, { ...plain, instances: [...plain.instances, ...sick] }] }));
    const draining = phases(deployments.get(KEY)).filter((p) => p.endsWith('draining'));
    expect(draining).toEqual(Array.from({ length: expected }, (_, i) => `blue-${i} draining`));
  });

  it('a service may join, leave and go', () => {
    const deployments = new Deployments();
    const grouped = colour('blue', '1', 1);
    const plain = { ...grouped, labels: new Map() };
    deployments.apply(diff({ added: [plain] }));
    const joined = deployments.apply(diff({ changed: [grouped] }));
    expect([joined.removed.map((s) => s.key), joined.added.map((s) => s.key)]).toEqual([
      ['marathon/web-blue'],
      [KEY],
    ]);
    const left = deployments.apply(diff({ changed: [plain] }));
    expect([left.removed.map((s) => s.key), left.added.map((s) => s.key)]).toEqual([
      [KEY],
      ['marathon/web-blue'],
    ]);
    deployments.apply(diff({ changed: [grouped] }));
    expect(deployments.apply(diff({ removed: [grouped] })).removed.map((s) => s.key)).toEqual([KEY]);
    expect(deployments.get(KEY)).toBeUndefined();
  });

  it('groups of two frameworks have nothing to do with each other, whatever their names', () => {
    const deployments = new Deployments();
    const other = { ...colour('green', '2', 1), frameworkName: 'a:web', key: 'a:web/web-green' };
    const out = deployments.apply(diff({ added: [colour('blue', '1', 1), other] }));
    expect(out.added.map((s) => [s.key, s.instances.length])).toEqual([
      [KEY, 1],
      ['deployment:a%3aweb:web', 1],
    ]);
  });

  it('whatever comes and goes, what was told adds up to what there is', () => {
    const names = ['blue', 'green', 'red'];
    const step = fc.record({
      name: fc.constantFrom(...names),
      group: fc.constantFrom(undefined, '', 'x', 'y'),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const deployments = new Deployments();
        const there = new Map<string, Service>();
        const seen = new Map<string, Service>();
        for (const { name, group, gone } of steps) {
          const labels = new Map<string, string>(
            group === undefined ? [] : [['HAPROXY_DEPLOYMENT_GROUP', group]],
          );
          const after = service({ name, labels, instances: [instance(names.indexOf(name))] });
          const known = there.has(after.key);
          if (gone) there.delete(after.key);
          else there.set(after.key, after);
          const told = gone
            ? { removed: known ? [after] : [] }
            : known
              ? { changed: [after] }
              : { added: [after] };
          const out = deployments.apply(diff(told));
          for (const s of out.removed) seen.delete(s.key);
          for (const s of out.added) seen.set(s.key, s);
          for (const change of out.changed) seen.set(change.after.key, change.after);
        }
        const tasks = (all: Iterable<Service>): string[] =>
          [...all].flatMap((s) => s.instances.map((i) => i.taskKey)).sort();
        expect(tasks(seen.values())).toEqual(tasks(there.values()));
        const keys = [...there.values()].map((s) => {
          const group = s.labels.get('HAPROXY_DEPLOYMENT_GROUP') ?? '';
          return group === '' ? s.key : `deployment:marathon:${group}`;
        });
        expect([...seen.keys()].sort()).toEqual([...new Set(keys)].sort());
      }),
      { numRuns: 500 },
    );
  });
});
