import { describe, expect, it } from 'vitest';
import { V0Cluster } from '../../testing/ledger.ts';
import { RFC1123, taskHash } from '../labels.ts';
import { createNames } from './index.ts';
import type { NamesSettings } from './index.ts';
import { reverseName } from './reverse.ts';

const settings: NamesSettings = {
  domain: 'mesos',
  rule: RFC1123,
  ipSources: ['netinfo', 'docker', 'host'],
  mname: 'ns1.mesos.',
  listenerIps: [],
  health: 'exclude',
  legacyNames: true,
  agentNames: true,
  networkNames: true,
  ptr: true,
};

const task = (id: string, statuses: unknown, more: object = {}): unknown => ({
  id,
  name: 'Web.App',
  slave_id: 'm-S1',
  state: 'TASK_RUNNING',
  statuses: [statuses],
  ...more,
});
const networks = (...infos: readonly (readonly [name: string | undefined, ...ips: string[]])[]): unknown => ({
  state: 'TASK_RUNNING',
  container_status: {
    network_infos: infos.map(([name, ...ips]) => ({
      name,
      ip_addresses: ips.map((ip_address) => ({ ip_address })),
    })),
  },
});
const AGENTS = [
  { id: 'm-S1', hostname: 'node-1.example.com', pid: 'slave(1)@10.0.0.1:5051' },
  { id: 'm-S2', hostname: '10.0.0.2', pid: 'slave(1)@[fd00::2]:5051' },
];
const state = (tasks: readonly unknown[], slaves: readonly unknown[] = AGENTS): unknown => ({
  slaves,
  frameworks: [{ id: 'F', name: 'marathon', tasks }],
});

function clusterOf(document: unknown, more: Partial<NamesSettings> = {}): V0Cluster {
  const names = createNames({ ...settings, ...more }, { records: [], answerLimits: {} });
  const cluster = new V0Cluster(names.publishers);
  cluster.become(document);
  return cluster;
}
const matching = (cluster: V0Cluster, what: RegExp): string[] =>
  cluster.ledger.lines().filter((l) => what.test(l));

describe('names of agents', () => {
  it('are by id and by host name, forth and back', () => {
    const cluster = clusterOf(state([]));
    expect(matching(cluster, /agent/)).toEqual([
      '1.0.0.10.in-addr.arpa. PTR s1.agent.mesos.',
      '10-0-0-2.agent.mesos. AAAA fd00::2',
      '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. PTR s2.agent.mesos.',
      'node-1-example-com.agent.mesos. A 10.0.0.1',
      's1.agent.mesos. A 10.0.0.1',
      's2.agent.mesos. AAAA fd00::2',
    ]);
    cluster.become(state([], [{ ...AGENTS[0], hostname: '!!!' }]));
    expect(matching(cluster, /agent/)).toEqual([
      '1.0.0.10.in-addr.arpa. PTR s1.agent.mesos.',
      's1.agent.mesos. A 10.0.0.1',
    ]);
  });

  it('are not there when they are not wanted', () => {
    expect(matching(clusterOf(state([]), { agentNames: false }), /agent|arpa/)).toEqual([]);
    expect(matching(clusterOf(state([]), { ptr: false }), /arpa/)).toEqual([]);
  });
});

describe('reverse names of tasks', () => {
  const own = `web-app-${taskHash('t.1')}-s1.marathon.mesos.`;
  const docker = {
    state: 'TASK_RUNNING',
    labels: [{ key: 'Docker.NetworkSettings.IPAddress', value: '172.17.0.2' }],
  };
  it.each([
    ['of its own addresses', networks([undefined, '10.1.0.1']), [`1.0.1.10.in-addr.arpa. PTR ${own}`]],
    ['of the container runtime', docker, [`2.0.17.172.in-addr.arpa. PTR ${own}`]],
    ['not those of the agent', networks([undefined, '10.0.0.1']), []],
    ['not without any', { state: 'TASK_RUNNING' }, []],
  ])('%s', (_, status, expected) => {
    expect(matching(clusterOf(state([task('t.1', status)])), / PTR web/)).toEqual(expected);
  });

  it('lead to a name that leads back', () => {
    const cluster = clusterOf(state([task('t.1', networks([undefined, '10.1.0.1', 'fd00::1']))]));
    for (const line of matching(cluster, / PTR web/)) {
      const [name, , host] = line.split(' ');
      expect(
        matching(cluster, / A{1,4} /).some(
          (l) => l.startsWith(`${host} `) && reverseName(l.split(' ')[2] ?? '') === name,
        ),
      ).toBe(true);
    }
  });

  it('stay while the task is being killed, and go with it', () => {
    const cluster = clusterOf(state([task('t.1', networks([undefined, '10.1.0.1']))]));
    cluster.become(state([task('t.1', networks([undefined, '10.1.0.1']), { state: 'TASK_KILLING' })]));
    expect(matching(cluster, / PTR web/)).toHaveLength(1);
    cluster.become(state([]));
    expect(matching(cluster, / PTR web/)).toEqual([]);
  });
});

describe('names of tasks on networks', () => {
  it('have the addresses of that network', () => {
    const status = networks(
      ['DMZ_1', '10.1.0.1', 'fd00::1'],
      ['back.end', '10.2.0.1'],
      ['!!!', '10.3.0.1'],
      [undefined, '10.4.0.1'],
    );
    const cluster = clusterOf(state([task('t.1', status)]));
    expect(matching(cluster, /\.net\./)).toEqual([
      'web-app.marathon.back-end.net.mesos. A 10.2.0.1',
      'web-app.marathon.dmz-1.net.mesos. A 10.1.0.1',
      'web-app.marathon.dmz-1.net.mesos. AAAA fd00::1',
    ]);
    expect(matching(clusterOf(state([task('t.1', status)]), { networkNames: false }), /\.net\./)).toEqual([]);
  });
});

describe('discovery names as given', () => {
  const discovered = task('t.1', { state: 'TASK_RUNNING' }, { discovery: { name: 'c.b.a' } });
  it('are a legacy that can be left away', () => {
    expect(matching(clusterOf(state([discovered])), /^c\.b\.a\./)).toHaveLength(2);
    expect(matching(clusterOf(state([discovered]), { legacyNames: false }), /^c\.b\.a/)).toEqual([]);
    expect(matching(clusterOf(state([discovered]), { legacyNames: false }), /^c-b-a\./)).toHaveLength(2);
  });
});
