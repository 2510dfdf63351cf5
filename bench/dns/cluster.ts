/** A cluster of one framework whose tasks are apps of their own, as the documents in which a master tells of it. */

import { AGENTS, FRAMEWORK, agentId, list, subscribedWith } from '../support/operator.ts';

const STARTED = 1_700_000_000;

export const taskId = (i: number): string =>
  `app-${i}.instance-5e0f6c1e-${String(i).padStart(12, '0')}._app.1`;
/** The address of a task, anew with each `generation`. */
export const addressOf = (i: number, generation = 0): string =>
  `${10 + generation}.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
/** The name under which a task is asked for. */
export const nameOf = (i: number): string => `app-${i}.marathon.mesos`;

const containerOf = (i: number): string => `a445f7e9-9b00-436a-9f09-${String(i).padStart(12, '0')}`;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function status(i: number, state: string, timestamp: number, ip: string): Record<string, unknown> {
  return {
    state,
    timestamp,
    container_status: {
      container_id: { value: containerOf(i) },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: ip }], name: 'dcos' }],
    },
  };
}

/** What real tasks carry along: it is read, and means nothing to DNS. */
const labels = (i: number): { key: string; value: string }[] => [
  { key: 'OWNER', value: `team-${i % 40}` },
  { key: 'DESCRIPTION', value: 'One of the many services of this cluster, said at some length' },
  { key: 'RELEASE', value: `2026.11.${i % 30}-build.${i}` },
];

/** A task of the v0 state, about 1.47 KB as the real ones are. */
function taskV0(i: number): unknown {
  const port = 31_000 + (i % 1000);
  return {
    id: taskId(i),
    name: `app-${i}`,
    framework_id: FRAMEWORK,
    executor_id: '',
    slave_id: agentId(i),
    state: 'TASK_RUNNING',
    resources: { disk: 0, mem: 128, gpus: 0, cpus: 0.1, ports: `[${port}-${port}]` },
    role: '*',
    statuses: [
      status(i, 'TASK_STARTING', STARTED + i / 100, addressOf(i)),
      status(i, 'TASK_RUNNING', STARTED + 1 + i / 100, addressOf(i)),
    ],
    labels: labels(i),
    container: {
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: `registry.example.test/team-${i % 40}/app-${i}` } } },
      network_infos: [
        { name: 'dcos', labels: {}, port_mappings: [{ host_port: port, container_port: 8080 }] },
      ],
    },
    health_check: { type: 'HTTP', http: { path: '/health', port: 8080 }, interval_seconds: 10 },
  };
}

/** The same task in the operator API v1. */
export function taskV1(i: number): unknown {
  const port = 31_000 + (i % 1000);
  const more = (state: string): object => ({
    task_id: { value: taskId(i) },
    source: 'SOURCE_EXECUTOR',
    agent_id: { value: agentId(i) },
    uuid: 'nXaCYXNUSZKEL1GXOMLbnw==',
    ...status(i, state, STARTED + i / 100, addressOf(i)),
  });
  return {
    name: `app-${i}`,
    task_id: { value: taskId(i) },
    framework_id: { value: FRAMEWORK },
    agent_id: { value: agentId(i) },
    state: 'TASK_RUNNING',
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 128 }, allocation_info: { role: '*' } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] } },
    ],
    statuses: [more('TASK_STARTING'), more('TASK_RUNNING')],
    status_update_state: 'TASK_RUNNING',
    labels: { labels: labels(i) },
  };
}

/** `TASK_UPDATED`: the task runs at the address of another generation. */
export function moved(i: number, generation: number): unknown {
  return {
    type: 'TASK_UPDATED',
    task_updated: {
      framework_id: { value: FRAMEWORK },
      state: 'TASK_RUNNING',
      status: {
        task_id: { value: taskId(i) },
        agent_id: { value: agentId(i) },
        ...status(i, 'TASK_RUNNING', STARTED + 100_000 * generation, addressOf(i, generation)),
      },
    },
  };
}

/** The v0 state in bytes, in two parts between which a text of any content may stand (a framework's offers, say). */
export function stateV0(tasks: number, port: number): { head: Buffer; tail: Buffer } {
  const slaves = range(AGENTS).map((i) => ({
    id: agentId(i),
    hostname: `node-${i}`,
    port: 5051,
    pid: `slave(1)@10.0.0.${i + 1}:5051`,
    active: true,
    resources: { disk: 10_240, mem: 262_144, cpus: 64, ports: '[31000-32000]' },
  }));
  const pid = `master@127.0.0.1:${port}`;
  const top = JSON.stringify({ version: '1.12.0', pid, leader: pid, hostname: '127.0.0.1', slaves }).slice(
    0,
    -1,
  );
  const framework = JSON.stringify({
    id: FRAMEWORK,
    name: 'marathon',
    hostname: '10.0.9.1',
    active: true,
    connected: true,
  }).slice(0, -1);
  return {
    head: Buffer.from(`${top},"frameworks":[${framework},"offers":[{"id":"`),
    tail: Buffer.concat([
      Buffer.from('"}],"tasks":['),
      list(tasks, taskV0),
      Buffer.from('],"unreachable_tasks":[],"completed_tasks":[]}]}'),
    ]),
  };
}

/** The record that begins an event stream, in bytes. */
export const subscribed = (tasks: number): Buffer => subscribedWith(list(tasks, taskV1));

/** Questions for dnsperf: 60 % A, 30 % SRV, 10 % for names that do not exist, over all tasks evenly. */
export function questions(tasks: number, count: number): string {
  const lines = range(count).map((i) => {
    const app = `app-${(i * 7919) % tasks}`;
    if (i % 10 < 6) return `${app}.marathon.mesos A`;
    return i % 10 < 9 ? `_${app}._tcp.marathon.mesos SRV` : `gone-${i}.marathon.mesos A`;
  });
  return `${lines.join('\n')}\n`;
}
