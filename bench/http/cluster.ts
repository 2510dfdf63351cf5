import { FRAMEWORK, agentId } from '../support/operator.ts';

/** An instance, as the task that it is. */
export interface Instance {
  /** The service that it belongs to. */
  readonly app: string;
  /** Different for all instances of the app. */
  readonly number: number;
  readonly ip: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

const STARTED = 1_700_000_000;

export const hostOf = (app: string): string => `${app}.test`;
/** A loopback address, one of 2^24 - 1. */
export const loopback = (n: number): string => `127.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

const taskId = ({ app, number }: Instance): string =>
  `${app}.instance-5e0f6c1e-${String(number).padStart(12, '0')}._app.1`;

function status({ ip, number }: Instance, timestamp: number): object {
  return {
    state: 'TASK_RUNNING',
    timestamp,
    container_status: {
      container_id: { value: `a445f7e9-9b00-436a-9f09-${String(number).padStart(12, '0')}` },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: ip }], name: 'dcos' }],
    },
  };
}

/** The task in the operator API v1: it has an address of its own, and its port from its discovery info. */
export function task(instance: Instance): object {
  const { app, number, port, labels } = instance;
  return {
    name: app,
    task_id: { value: taskId(instance) },
    framework_id: { value: FRAMEWORK },
    agent_id: { value: agentId(number) },
    state: 'TASK_RUNNING',
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } }],
    statuses: [
      {
        task_id: { value: taskId(instance) },
        agent_id: { value: agentId(number) },
        ...status(instance, STARTED),
      },
    ],
    labels: { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) },
    discovery: {
      visibility: 'FRAMEWORK',
      name: app,
      ports: {
        ports: [
          {
            number: port,
            name: 'http',
            protocol: 'tcp',
            labels: { labels: [{ key: 'network-scope', value: 'container' }] },
          },
        ],
      },
    },
  };
}

/** `TASK_ADDED`. */
export const added = (instance: Instance): object => ({
  type: 'TASK_ADDED',
  task_added: { task: task(instance) },
});

/** `TASK_UPDATED`: the task has another address than before; `generation` grows. */
export const moved = (instance: Instance, generation: number): object => ({
  type: 'TASK_UPDATED',
  task_updated: {
    framework_id: { value: FRAMEWORK },
    state: 'TASK_RUNNING',
    status: {
      task_id: { value: taskId(instance) },
      agent_id: { value: agentId(instance.number) },
      ...status(instance, STARTED + generation),
    },
  },
});

/** `count` apps of one instance, each with a route for its host. */
export const plainApps = (count: number, port: number, first = 0): Instance[] =>
  Array.from({ length: count }, (_, i) => {
    const app = `app-${first + i}`;
    const ip = loopback(0x01_00_01 + ((first + i) % 200));
    return { app, number: first + i, ip, port, labels: { HAPROXY_0_VHOST: hostOf(app) } };
  });

/** An app of several instances, each with an address of its own, from `at` on. */
export const appOf = (
  app: string,
  instances: number,
  port: number,
  labels: Readonly<Record<string, string>>,
  at = 0x02_00_01,
): Instance[] =>
  Array.from({ length: instances }, (_, i) => ({
    app,
    number: 1_000_000 + i,
    ip: loopback(at + i),
    port,
    labels,
  }));
