import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatalogTask, CatalogVersion } from '../../../cluster/index.ts';
import { V0Cluster, fromScratch, lineOf } from '../../testing/ledger.ts';
import { RFC1123 } from '../labels.ts';
import { isLive, isPublished, namesOfTask } from '../records.ts';
import type { RecordType, TaskRecord } from '../records.ts';
import { MesosNames } from './mesos.ts';
import type { MesosNamesSettings } from './mesos.ts';
import { networkRecords } from './networks.ts';
import { taskPointers } from './reverse.ts';
import { serviceKeyOf } from './service-key.ts';
import type { HealthPolicy } from './service-labels.ts';

const settings = (more: Partial<MesosNamesSettings> = {}): MesosNamesSettings => ({
  domain: 'mesos',
  rule: RFC1123,
  ipSources: ['netinfo', 'host'],
  mname: 'ns1.mesos.',
  listenerIps: ['10.9.9.9'],
  health: 'exclude',
  networkNames: true,
  ptr: true,
  ...more,
});

interface Plan {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly healthy?: boolean | undefined;
  readonly ip?: string | undefined;
  readonly agent: string;
  readonly discovery?: string | undefined;
  /** Names of discovery ports. */
  readonly port?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: number;
}

const plan = (id: string, more: Partial<Plan> = {}): Plan => ({
  id,
  name: 'web',
  state: 'TASK_RUNNING',
  agent: 'x-S1',
  labels: {},
  startedAt: 1,
  ...more,
});

/** A v0 document with these tasks. */
function document(tasks: readonly Plan[], agents: readonly string[] = ['x-S1', 'x-S2']): unknown {
  return {
    leader: 'master@10.0.0.9:5050',
    slaves: agents.map((id) => ({ id, hostname: id, pid: `slave(1)@10.0.0.${id.slice(-1)}:5051` })),
    frameworks: [{ id: 'F', name: 'marathon', tasks: tasks.map(taskJson) }],
  };
}

function taskJson(p: Plan): unknown {
  const networks = p.ip === undefined ? [] : [{ name: 'dmz', ip_addresses: [{ ip_address: p.ip }] }];
  const ports = (p.port?.split(' ') ?? []).map((name) => ({ number: 80, name, protocol: 'tcp' }));
  const running = {
    state: 'TASK_RUNNING',
    timestamp: p.startedAt,
    healthy: p.healthy,
    container_status: { network_infos: networks },
  };
  return {
    id: p.id,
    name: p.name,
    slave_id: p.agent,
    state: p.state,
    resources: { ports: '[31000-31000]' },
    labels: Object.entries(p.labels).map(([key, value]) => ({ key, value })),
    statuses: p.state === 'TASK_STAGING' ? [] : [running],
    ...(p.discovery === undefined ? {} : { discovery: { name: p.discovery, ports: { ports } } }),
  };
}

const made = (policy: HealthPolicy): { names: MesosNames; cluster: V0Cluster } => {
  const names = new MesosNames(settings({ health: policy }));
  return { names, cluster: new V0Cluster([names]) };
};
const hosts = (cluster: V0Cluster, name: string): string[] =>
  cluster.ledger.lines().filter((line) => line.startsWith(`${name} `));
const answersOf = (cluster: V0Cluster, name = 'web.marathon.mesos.'): string[] =>
  hosts(cluster, name).map((line) => line.split(' ')[2] ?? '');

const good = plan('web.1', { ip: '10.1.0.1' });
const bad = plan('web.2', { ip: '10.1.0.2', healthy: false });
const killed = plan('web.3', { ip: '10.1.0.3', state: 'TASK_KILLING' });

describe('exclude', () => {
  it('takes unhealthy and leaving tasks out of shared names, and leaves them their own', () => {
    const { cluster } = made('exclude');
    cluster.become(document([good, bad, killed]));
    expect(answersOf(cluster)).toEqual(['10.1.0.1']);
    expect(answersOf(cluster, 'web.marathon.dmz.net.mesos.')).toEqual(['10.1.0.1']);
    expect(answersOf(cluster, '_web._tcp.marathon.mesos.')).toHaveLength(1);
    const own = cluster.ledger.lines().filter((line) => /^web-\w{5}-s1\.marathon\.mesos\. A/.test(line));
    expect(new Set(own.map((line) => line.split(' ')[2]))).toEqual(
      new Set(['10.1.0.1', '10.1.0.2', '10.1.0.3']),
    );
    expect(hosts(cluster, '3.0.1.10.in-addr.arpa.')).toHaveLength(1);
  });

  it.each([
    ['all are unhealthy', [bad, { ...bad, id: 'web.4', ip: '10.1.0.4' }], ['10.1.0.2', '10.1.0.4']],
    ['all leave', [killed], ['10.1.0.3']],
    ['one is unhealthy and the rest leave', [bad, killed], ['10.1.0.2', '10.1.0.3']],
    ['the next is not there yet', [killed, plan('web.5', { state: 'TASK_STAGING' })], ['10.1.0.3']],
  ])('fails open when %s', (_, tasks, expected) => {
    const { cluster } = made('exclude');
    cluster.become(document(tasks));
    expect(answersOf(cluster)).toEqual(expected);
  });

  it('takes a task without a verdict for healthy', () => {
    const { cluster } = made('exclude');
    cluster.become(
      document([
        good,
        { ...bad, healthy: undefined },
        { ...bad, id: 'web.9', ip: '10.1.0.9', healthy: true },
      ]),
    );
    expect(answersOf(cluster)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.9']);
  });

  it('keeps what only an unhealthy task has', () => {
    const { cluster } = made('exclude');
    const admin = { ...bad, discovery: 'web', port: 'admin' };
    cluster.become(document([{ ...good, discovery: 'web', port: 'http' }, admin]));
    expect(answersOf(cluster, '_admin._web._tcp.marathon.mesos.')).toHaveLength(1);
    expect(answersOf(cluster, '_web._tcp.marathon.mesos.')).toHaveLength(1);
    expect(answersOf(cluster)).toEqual(['10.1.0.1']);
  });

  it('keeps other names when others are missing', () => {
    const { cluster } = made('exclude');
    const names = (port: string): Plan => ({ ...good, discovery: 'web', port });
    const both = { ...bad, discovery: 'web', port: 'http admin' };
    for (const [port, kept] of [
      ['http', 'admin'],
      ['admin', 'http'],
    ] as const) {
      cluster.become(document([names(port), both]));
      expect(answersOf(cluster, `_${kept}._web._tcp.marathon.mesos.`)).toHaveLength(1);
      expect(cluster.ledger).toEqual(fromScratch([made('exclude').names], cluster.current));
    }
  });

  it('remembers only the tasks that it withholds', () => {
    const { names, cluster } = made('exclude');
    const many = Array.from({ length: 50 }, (_, n) => plan(`web.${n + 10}`));
    cluster.become(document([...many, bad]));
    expect(names.withheld).toBe(1);
    cluster.become(document([...many, { ...bad, healthy: true }]));
    expect(names.withheld).toBe(0);
    cluster.become(document([bad]));
    expect(names.withheld).toBe(0);
  });
});

describe('include', () => {
  it('is what Mesos-DNS does: health counts for nothing, a task that is being killed has no names', () => {
    const { names, cluster } = made('include');
    cluster.become(document([good, bad, killed]));
    expect(answersOf(cluster)).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(cluster.ledger.lines().join()).not.toContain('10.1.0.3');
    expect(names.withheld).toBe(0);
  });
});

describe('only-srv-weight', () => {
  it('leaves addresses and takes the weight', () => {
    const { cluster } = made('only-srv-weight');
    cluster.become(document([good, bad, killed]));
    expect(answersOf(cluster)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3']);
    const weights = hosts(cluster, '_web._tcp.marathon.mesos.').map((line) => line.endsWith(' weight=0'));
    expect(weights.filter(Boolean)).toHaveLength(2);
    cluster.become(document([bad]));
    expect(hosts(cluster, '_web._tcp.marathon.mesos.').join()).not.toContain('weight=0');
  });
});

describe('labels', () => {
  it('say the policy of one service, by its youngest task', () => {
    const { names, cluster } = made('exclude');
    const label = (value: string) => ({ 'dns.health': value });
    cluster.become(document([good, { ...bad, labels: label('include'), startedAt: 9 }]));
    expect(answersOf(cluster)).toEqual(['10.1.0.1', '10.1.0.2']);
    cluster.become(document([good, { ...bad, labels: label('perhaps'), startedAt: 9 }]));
    expect(answersOf(cluster)).toEqual(['10.1.0.1']);
    expect([...names.setAside()]).toEqual([
      { kind: 'label', id: 'marathon/web', reason: expect.stringContaining("dns.health is 'perhaps'") },
    ]);
    cluster.become(document([good, bad]));
    expect([...names.setAside()]).toEqual([]);
  });

  it('say the weight of one task', () => {
    const { names, cluster } = made('exclude');
    const weighted = (value: string): Plan => plan('web.1', { labels: { 'dns.weight': value } });
    cluster.become(document([weighted('200'), plan('web.2')]));
    const lines = hosts(cluster, '_web._tcp.marathon.mesos.');
    expect(lines).toHaveLength(2);
    expect(lines.filter((line) => line.includes('weight=200'))).toHaveLength(1);
    for (const value of ['65536', '-1', '', 'x', '1.5']) {
      cluster.become(document([weighted(value)]));
      expect(cluster.ledger.lines().join()).not.toContain('weight');
      expect([...names.setAside()]).toEqual([
        { kind: 'label', id: 'F web.1', reason: expect.stringContaining(`dns.weight is '${value}'`) },
      ]);
    }
    cluster.become(document([]));
    expect([...names.setAside()]).toEqual([]);
  });
});

/** What should be published of tasks, said name by name: those in service answer for it, or all if there are none. */
function expectedLines(version: CatalogVersion, policy: HealthPolicy): string[] {
  const s = settings();
  const live = [...version.tasks.values()].filter(isLive);
  const records = (t: CatalogTask): TaskRecord<RecordType>[] => [
    ...namesOfTask(t, s),
    ...networkRecords(t, s),
    ...taskPointers(t, s),
  ];
  const out = new Set<string>();
  for (const task of live) {
    const peers = live.filter((t) => serviceKeyOf(t) === serviceKeyOf(task));
    const instances = version.services.get(serviceKeyOf(task))?.instances ?? [];
    const [youngest] = instances.toSorted((a, b) => b.startedAtMs - a.startedAtMs);
    const mine = (youngest?.labels.get('dns.health') ?? policy) as HealthPolicy;
    for (const r of records(task)) {
      const serves = (t: CatalogTask): boolean => t.state === 'TASK_RUNNING' && t.healthy !== false;
      const others = peers.filter((t) => records(t).some((o) => o.shared && o.name === r.name));
      const kept = !r.shared || serves(task) || !others.some(serves);
      if (mine === 'include') {
        if (isPublished(task)) out.add(lineOf(r));
      } else if (kept) out.add(lineOf(r));
      else if (mine === 'only-srv-weight') out.add(lineOf(r.type === 'SRV' ? { ...r, weight: 0 } : r));
    }
  }
  return [...out].sort();
}

describe('any sequence of steps', () => {
  // Mostly one service whose tasks differ in few ways, changed one at a time: where decisions depend on each other.
  const anyOf = {
    id: fc.constantFrom('web.1', 'web.2', 'web.3', 'b.1'),
    name: fc.constantFrom('web', 'web', 'web', 'b.a'),
    state: fc.constantFrom('TASK_RUNNING', 'TASK_RUNNING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_STAGING'),
    healthy: fc.constantFrom(undefined, true, false),
    ip: fc.constantFrom(undefined, '10.1.0.1', '10.1.0.2', 'fd00::1'),
    agent: fc.constantFrom('x-S1', 'x-S1', 'x-S2'),
    discovery: fc.constantFrom(undefined, undefined, 'web', 'web', 'Web'),
    port: fc.constantFrom(undefined, 'http', 'admin', 'http admin'),
    labels: fc.constantFrom<Readonly<Record<string, string>>[]>(
      {},
      {},
      {},
      { 'dns.health': 'include' },
      { 'dns.health': 'only-srv-weight' },
      { 'dns.health': 'exclude', 'dns.weight': '7' },
    ),
    startedAt: fc.constantFrom(1, 2, 3),
  };
  const { id, state, healthy, ip, port } = anyOf;
  const anyChange: fc.Arbitrary<Partial<Plan> & { readonly id: string }> = fc.oneof(
    fc.record(anyOf),
    fc.record({ id, healthy }),
    fc.record({ id, state }),
    fc.record({ id, ip }),
    fc.record({ id, port }),
  );
  const anyStep = fc.record({
    change: anyChange,
    gone: fc.constantFrom(false, false, false, true),
    agents: fc.constantFrom(['x-S1', 'x-S2'], ['x-S1', 'x-S2'], ['x-S1'], ['x-S2']),
  });
  const anyPolicy = fc.constantFrom<HealthPolicy[]>('exclude', 'exclude', 'include', 'only-srv-weight');

  it('says what a start from the end would say, takes back only what was said, and leaves no name empty', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 20 }), anyPolicy, (steps, policy) => {
        const { names, cluster } = made(policy);
        const tasks = new Map<string, Plan>();
        for (const { change, gone, agents } of steps) {
          if (gone) tasks.delete(change.id);
          else tasks.set(change.id, { ...(tasks.get(change.id) ?? plan(change.id)), ...change });
          cluster.become(document([...tasks.values()], agents)); // throws when something else is taken back
          const { current, ledger } = cluster;
          expect(ledger).toEqual(fromScratch([made(policy).names], current));
          const ofTasks = ledger
            .lines()
            .filter((line) => !/^(ns1|slave|_slave\._tcp|leader|_leader|master)/.test(line));
          expect(ofTasks).toEqual(expectedLines(current, policy));
          expect([...current.tasks.values()].flatMap((t) => names.recordsOf(t).map(lineOf)).length).toBe(
            [...ledger.records].filter(([line]) => ofTasks.includes(line)).reduce((sum, [, n]) => sum + n, 0),
          );
          if (policy === 'include') continue;
          const named = new Set(ledger.lines().map((line) => line.split(' ')[0]));
          for (const task of current.tasks.values())
            if (isPublished(task))
              for (const r of namesOfTask(task, settings())) expect(named).toContain(r.name);
        }
      }),
      { numRuns: 200 },
    );
  });
});
