import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterModel, diffStates, stateFromV0 } from '../model/index.ts';
import type { ClusterState } from '../model/index.ts';
import { createCatalogBuilder } from './builder.ts';
import type { CatalogBuilder } from './builder.ts';
import type { CatalogVersion, Service } from './types.ts';

interface TaskJson {
  readonly [key: string]: unknown;
}

const task = (id: string, more: TaskJson = {}): TaskJson => ({
  id,
  name: id.split('.')[0],
  slave_id: 'A',
  state: 'TASK_RUNNING',
  resources: { ports: '[31000-31001]' },
  statuses: [{ state: 'TASK_RUNNING', timestamp: 10 }],
  ...more,
});

const AGENTS = [
  { id: 'A', hostname: 'a.example.com', pid: 'slave(1)@10.0.0.1:5051' },
  { id: 'B', hostname: 'b.example.com', pid: 'slave(1)@10.0.0.2:5051' },
];

function stateOf(frameworks: readonly unknown[], slaves: readonly unknown[] = AGENTS): ClusterState {
  return stateFromV0({ slaves, frameworks, leader: 'master@10.0.0.9:5050' }, []);
}

const framework = (tasks: readonly unknown[], more: object = {}): object => ({
  id: 'F',
  name: 'fw',
  tasks,
  ...more,
});

const declaring = (tasks: readonly unknown[], services: readonly unknown[]): object =>
  framework(tasks, {
    labels: [
      { key: 'rimrock.declares', value: 'services' },
      ...services.map((s) => ({
        key: 'rimrock.service',
        value: typeof s === 'string' ? s : JSON.stringify(s),
      })),
    ],
  });

function builderOn(state: ClusterState, emptyServiceMs = 60_000): CatalogBuilder {
  const builder = createCatalogBuilder({ emptyServiceMs });
  builder.apply({ kind: 'snapshot', state }, 0);
  return builder;
}

const snapshot = (builder: CatalogBuilder, state: ClusterState, nowMs = 0) =>
  builder.apply({ kind: 'snapshot', state }, nowMs);

const service = (v: CatalogVersion, key: string): Service => {
  const found = v.services.get(key);
  if (!found) throw new Error(`no service ${key}`);
  return found;
};

const addresses = (s: Service): string[] =>
  s.instances.map((i) => i.addresses.map((a) => (a ? `${a.ip}:${a.port}` : '-')).join(' '));

describe('instances', () => {
  const netinfo = [
    {
      state: 'TASK_RUNNING',
      timestamp: 10,
      container_status: { network_infos: [{ ip_addresses: [{ ip_address: '172.16.0.5' }] }] },
    },
  ];
  const container = { number: 8080, labels: { labels: [{ key: 'network-scope', value: 'container' }] } };
  it.each([
    ['port resources on the agent', {}, '10.0.0.1:31000 10.0.0.1:31001'],
    [
      'discovery ports on the agent',
      { discovery: { ports: { ports: [{ number: 9 }, { number: 8 }] } } },
      '10.0.0.1:9 10.0.0.1:8',
    ],
    [
      'container scope',
      { statuses: netinfo, discovery: { ports: { ports: [container, { number: 31000 }] } } },
      '172.16.0.5:8080 10.0.0.1:31000',
    ],
    ['container scope without an own address', { discovery: { ports: { ports: [container] } } }, '-'],
    [
      'own address and no port resources',
      { statuses: netinfo, resources: {}, discovery: { ports: { ports: [{ number: 80 }] } } },
      '172.16.0.5:80',
    ],
    [
      'numbers that are no ports',
      { discovery: { ports: { ports: [{ number: 0 }, { number: 70000 }, {}, { number: 5 }] } } },
      '- - - 10.0.0.1:5',
    ],
  ])('are reached by %s', (_, more, expected) => {
    const { current } = builderOn(stateOf([framework([task('web.1', more)])]));
    expect(addresses(service(current, 'fw/web'))).toEqual([expected]);
  });

  it.each([
    ['TASK_RUNNING', 'up'],
    ['TASK_KILLING', 'draining'],
    ['TASK_STAGING', 'waiting'],
    ['TASK_STARTING', 'waiting'],
    ['TASK_UNREACHABLE', 'waiting'],
  ])('in %s are %s', (state, phase) => {
    const { current } = builderOn(stateOf([framework([task('web.1', { state })])]));
    expect(service(current, 'fw/web').instances.map((i) => i.phase)).toEqual([phase]);
  });

  it('give a service the labels of the youngest', () => {
    const at = (timestamp: number): unknown => [{ state: 'TASK_RUNNING', timestamp }];
    const tasks = [
      task('web.1', { statuses: at(20), labels: [{ key: 'v', value: 'new' }] }),
      task('web.2', { statuses: at(10), labels: [{ key: 'v', value: 'old' }] }),
      task('web.3', { statuses: [], state: 'TASK_STAGING', labels: [{ key: 'v', value: 'not yet' }] }),
    ];
    const { current } = builderOn(stateOf([framework(tasks)]));
    expect(service(current, 'fw/web').labels.get('v')).toBe('new');
  });
});

describe('tasks', () => {
  it('show the networks that have a name, with their addresses there', () => {
    const infos = [
      {
        name: 'dcos',
        ip_addresses: [{ ip_address: '9.0.1.5' }, { ip_address: 'fd01:b::5' }, { ip_address: 'x' }],
      },
      { ip_addresses: [{ ip_address: '10.0.0.7' }] },
      { name: '', ip_address: '10.0.0.8' },
      { name: 'calico', ip_address: '192.168.1.4' },
      { name: 'no address yet' },
      { name: 7, ip_address: '10.0.0.9' },
    ];
    const statuses = (network_infos: unknown): unknown => [
      { state: 'TASK_RUNNING', timestamp: 10, container_status: { network_infos } },
    ];
    const tasks = [task('web.1', { statuses: statuses(infos) }), task('web.2', { statuses: statuses([]) })];
    const builder = builderOn(stateOf([framework(tasks)]));
    const shown = (key: string) => builder.current.tasks.get(`F ${key}`);
    expect(shown('web.1')?.networks).toEqual([
      { name: 'dcos', ips: ['9.0.1.5', 'fd01:b::5'] },
      { name: 'calico', ips: ['192.168.1.4'] },
      { name: 'no address yet', ips: [] },
    ]);
    expect(shown('web.1')?.netinfoIps).toEqual([
      '9.0.1.5',
      'fd01:b::5',
      '10.0.0.7',
      '10.0.0.8',
      '192.168.1.4',
      '10.0.0.9',
    ]);
    expect(shown('web.2')?.networks).toEqual([]);
    const renamed = infos.map((n) => (n.name === 'calico' ? { ...n, name: 'weave' } : n));
    const next = tasks.with(0, task('web.1', { statuses: statuses(renamed) }));
    const step = snapshot(builder, stateOf([framework(next)]));
    expect(step?.diff.tasks.changed.map((c) => c.after.networks[1]?.name)).toEqual(['weave']);
    expect(step?.diff.services.changed).toEqual([]);
  });
});

describe('agents and tasks', () => {
  it('wait for each other', () => {
    const builder = builderOn(stateOf([framework([task('web.1')])], []), 0);
    expect([builder.current.tasks.size, builder.current.services.size]).toEqual([0, 0]);
    const step = snapshot(builder, stateOf([framework([task('web.1')])]));
    expect(step?.diff.tasks.added.map((t) => t.id)).toEqual(['web.1']);
    expect(step?.diff.services.added.map((s) => s.key)).toEqual(['fw/web']);
    const left = snapshot(builder, stateOf([framework([task('web.1')])], []));
    expect(left?.diff.tasks.removed.map((t) => t.id)).toEqual(['web.1']);
  });

  it('name an agent whose pid is not an address, and keep it without one', () => {
    const named = [{ id: 'A', pid: 'slave(1)@agent.example.com:5051' }];
    const { current } = builderOn(stateOf([framework([task('web.1')])], named));
    expect(current.agents.get('A')?.ips).toEqual([]);
    expect(addresses(service(current, 'fw/web'))).toEqual(['- -']);
    expect([...current.rejected.values()].map((r) => `${r.kind} ${r.id}`)).toEqual(['agent A']);
  });

  it('change together: a new agent address moves its instances, and no others', () => {
    const tasks = [task('web.1'), task('web.2', { slave_id: 'B' }), task('api.1', { slave_id: 'B' })];
    const builder = builderOn(stateOf([framework(tasks)]));
    const web2 = service(builder.current, 'fw/web').instances[1];
    const step = snapshot(
      builder,
      stateOf([framework(tasks)], [{ ...AGENTS[0], pid: 'slave(1)@10.0.0.7:5051' }, AGENTS[1]]),
    );
    expect(step?.diff.agents.changed.length).toBe(1);
    expect(step?.diff.tasks.changed.map((c) => c.after.id)).toEqual(['web.1']);
    expect(step?.diff.services.changed.map((c) => c.after.key)).toEqual(['fw/web']);
    expect(service(builder.current, 'fw/web').instances[1]).toBe(web2);
  });

  it('take the host of a framework from its pid, else from its host name, and its address where it is one', () => {
    const of = (more: object): unknown => {
      const { current } = builderOn(stateOf([framework([], more)]));
      const f = current.frameworks.get('F');
      expect(current.rejected.size).toBe(0);
      return [f?.host, f?.ips, f?.pidPort];
    };
    expect(of({ pid: 'scheduler-1@10.0.0.5:4000', hostname: '10.0.0.6' })).toEqual([
      '10.0.0.5',
      ['10.0.0.5'],
      4000,
    ]);
    expect(of({ hostname: '10.0.0.6' })).toEqual(['10.0.0.6', ['10.0.0.6'], undefined]);
    expect(of({ hostname: 'sched.example.com' })).toEqual(['sched.example.com', [], undefined]);
    expect(of({ pid: 'scheduler-1@sched.example.com:4000' })).toEqual(['sched.example.com', [], 4000]);
  });
});

describe('services', () => {
  it('stay empty for a while after their last instance, then go', () => {
    const builder = builderOn(stateOf([framework([task('web.1')])]));
    const step = snapshot(builder, stateOf([framework([])]), 1_000);
    expect(step?.diff.services.changed.map((c) => c.after.instances.length)).toEqual([0]);
    expect(builder.tick(60_999)).toBeUndefined();
    expect(builder.tick(61_000)?.diff.services.removed.map((s) => s.key)).toEqual(['fw/web']);
    expect(builder.tick(61_001)).toBeUndefined();
  });

  it('come back from empty with their next instance', () => {
    const builder = builderOn(stateOf([framework([task('web.1')])]));
    snapshot(builder, stateOf([framework([])]), 1_000);
    snapshot(builder, stateOf([framework([task('web.2')])]), 2_000);
    expect(builder.tick(99_000)).toBeUndefined();
    expect(service(builder.current, 'fw/web').instances.map((i) => i.taskId)).toEqual(['web.2']);
  });

  it('exist by declaration alone, with its labels and ports', () => {
    const declared = {
      name: 'web',
      labels: { HAPROXY_GROUP: 'external' },
      ports: [{ name: 'http', protocol: 'tcp' }],
    };
    const builder = builderOn(stateOf([declaring([], [declared])]));
    expect(service(builder.current, 'fw/web')).toMatchObject({
      declared: true,
      instances: [],
      frameworkName: 'fw',
      name: 'web',
    });
    snapshot(builder, stateOf([declaring([task('web.1'), task('other.1')], [declared])]));
    const web = service(builder.current, 'fw/web');
    expect([...web.labels]).toEqual([['HAPROXY_GROUP', 'external']]);
    expect([web.ports.map((p) => p.name), web.instances.length]).toEqual([['http'], 1]);
    // Where services are declared, one that is not is gone with its last instance, and so is one declared no more.
    snapshot(builder, stateOf([declaring([], [declared])]));
    expect([...builder.current.services.keys()]).toEqual(['fw/web']);
    snapshot(builder, stateOf([declaring([], [])]));
    expect(builder.current.services.size).toBe(0);
  });

  it('that are declared badly are named, and never hurt another', () => {
    const bad = [
      '{',
      '{}',
      '{"name":"x","labels":[]}',
      '{"name":"x","labels":{"a":1}}',
      '{"name":"x","ports":{}}',
    ];
    const builder = builderOn(stateOf([declaring([], [...bad, { name: 'web' }, { name: 'web' }])]));
    expect([...builder.current.services.keys()]).toEqual(['fw/web']);
    expect([...builder.current.rejected.values()].map((r) => [r.kind, r.id])).toEqual(
      [0, 1, 2, 3, 4, 6].map((n) => ['service', `F rimrock.service[${n}]`]),
    );
    snapshot(builder, stateOf([declaring([], [{ name: 'web' }])]));
    expect(builder.current.rejected.size).toBe(0);
  });

  it('stay byte for byte what they are when one of 500 is poisoned (random mutations)', () => {
    const tasks = Array.from({ length: 500 }, (_, n) =>
      task(`s${n}.1`, { labels: [{ key: 'HAPROXY_GROUP', value: 'external' }], slave_id: n % 2 ? 'A' : 'B' }),
    );
    const builder = builderOn(stateOf([framework(tasks)]));
    const known = new Set(builder.current.services.keys());
    const others = (victim: string): string =>
      JSON.stringify(
        [...builder.current.services].filter(([key]) => key !== victim && known.has(key)),
        (_, v: unknown) => (v instanceof Map ? [...v] : v),
      );
    const fields = ['labels', 'discovery', 'resources', 'statuses', 'state', 'name', 'slave_id', 'id'];
    fc.assert(
      fc.property(fc.nat(499), fc.constantFrom(...fields), fc.jsonValue(), (n, field, poison) => {
        const victim = `fw/s${n}`;
        const before = others(victim);
        snapshot(builder, stateOf([framework(tasks.with(n, { ...tasks[n], [field]: poison }))]));
        expect(others(victim)).toBe(before);
        snapshot(builder, stateOf([framework(tasks)]));
      }),
      { numRuns: 50 },
    );
  });
});

describe('versions', () => {
  it('begin at 0, rise by one with each change, and do not move without one', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    expect(builder.current.version).toBe(0);
    expect(snapshot(builder, stateOf([], []))?.version.version).toBe(1);
    expect(snapshot(builder, stateOf([], []))).toBeUndefined();
    expect(snapshot(builder, stateOf([], AGENTS))?.version.version).toBe(2);
  });

  it('say stale once, and fresh again with the next snapshot', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    const stale = { kind: 'stale', since: 5, reason: 'gone' } as const;
    expect(builder.apply(stale, 5)).toMatchObject({
      version: { version: 0, stale: { sinceMs: 5, reason: 'gone' } },
    });
    expect(snapshot(builder, stateOf([]))).toMatchObject({
      version: { version: 1, stale: undefined },
      diff: { staleChanged: true },
    });
    expect(builder.apply(stale, 5)?.diff).toMatchObject({ staleChanged: true, mastersChanged: false });
    expect(snapshot(builder, stateOf([]))?.version).toMatchObject({ version: 3, stale: undefined });
  });

  it('know the masters', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    const step = snapshot(builder, stateOf([]));
    expect([step?.diff.mastersChanged, step?.version.leader]).toEqual([true, { ip: '10.0.0.9', port: 5050 }]);
    const change = { kind: 'leader', value: { ip: '10.0.0.8', port: 5050 } } as const;
    expect(builder.apply({ kind: 'delta', changes: [change] }, 0)?.diff.mastersChanged).toBe(true);
    expect(builder.current.leader?.ip).toBe('10.0.0.8');
  });

  it('built step by step are those built at once, whatever the order of changes', () => {
    const id = fc.constantFrom('A', 'B', 'C');
    const taskJson = fc
      .record({
        n: fc.nat(5),
        name: fc.constantFrom('x', 'y'),
        agent: id,
        state: fc.constantFrom('TASK_RUNNING', 'TASK_KILLING', 'TASK_FAILED'),
      })
      .map((t) => task(`${t.name}.${t.n}`, { slave_id: t.agent, state: t.state }));
    const frameworkJson = fc
      .record({
        id: fc.constantFrom('F', 'G'),
        name: fc.constantFrom('fw', 'gw'),
        tasks: fc.array(taskJson, { maxLength: 5 }),
        declares: fc.option(fc.array(fc.constantFrom('x', 'z', ''), { maxLength: 3 })),
      })
      .map((f) => ({
        ...(f.declares
          ? declaring(
              [],
              f.declares.map((name) => ({ name })),
            )
          : {}),
        id: f.id,
        name: f.name,
        tasks: f.tasks,
      }));
    const agentJson = fc
      .record({ id, ip: fc.constantFrom('10.0.0.1', '10.0.0.2', 'name', '') })
      .map((a) => ({ id: a.id, pid: `slave(1)@${a.ip}:5051` }));
    const states = fc.array(
      fc.tuple(fc.array(frameworkJson, { maxLength: 3 }), fc.array(agentJson, { maxLength: 4 })),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(states, fc.boolean(), (history, asDeltas) => {
        const builder = builderOn(new ClusterModel(), 0);
        const known = new ClusterModel();
        for (const [frameworks, slaves] of history) {
          const state = stateOf(frameworks, slaves);
          const changes = diffStates(known, state);
          for (const change of changes) known.apply(change);
          if (asDeltas) builder.apply({ kind: 'delta', changes: changes.toReversed() }, 0);
          else snapshot(builder, state);
          const fresh = builderOn(ClusterModel.of(known), 0).current;
          for (const part of ['agents', 'frameworks', 'tasks', 'services', 'rejected'] as const)
            expect(new Map<string, unknown>(builder.current[part])).toEqual(
              new Map<string, unknown>(fresh[part]),
            );
        }
      }),
      { numRuns: 400 },
    );
  });
});
