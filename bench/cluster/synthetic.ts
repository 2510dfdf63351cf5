/** A cluster as a master tells it: one framework, `tasks` apps of one task each with one port, on `tasks / 100` agents. */
export interface Synthetic {
  /** v0 `/master/state`. */
  v0(generation: number): Buffer;
  /** The SUBSCRIBED record of the operator API, framed. */
  v1(generation: number): Buffer;
}

const FRAMEWORK = '5d2a1c3e-8f0b-4a77-9a3e-2f1b6c7d8e9f-0000';
const agentId = (n: number): string => `5d2a1c3e-8f0b-4a77-9a3e-2f1b6c7d8e9f-S${n}`;

export function syntheticCluster(tasks: number): Synthetic {
  const agents = Math.max(1, tasks / 100);
  /** In generation g every hundredth task, from the g-th on, has moved to another port. */
  const port = (n: number, generation: number): number => 31_000 + ((n + generationOf(n, generation)) % 1000);
  return {
    v0(generation) {
      const list = pieces(tasks, (n) => taskV0(n, n % agents, port(n, generation)));
      const slaves = pieces(agents, (n) => agentV0(n));
      return Buffer.concat([
        Buffer.from(
          `{"version":"1.11.0","start_time":1790000000.5,"elected_time":1790000001.5,"id":"m","pid":"master@127.0.0.1:5050","hostname":"localhost","leader":"master@127.0.0.1:5050","flags":{"port":"5050"},"slaves":[`,
        ),
        ...slaves,
        Buffer.from(
          `],"recovered_slaves":[],"frameworks":[{"id":"${FRAMEWORK}","name":"marathon","hostname":"10.1.255.1","active":true,"connected":true,"pid":"scheduler-1@10.1.255.1:9090","used_resources":{"cpus":1},"labels":[],"tasks":[`,
        ),
        ...list,
        Buffer.from('],"unreachable_tasks":[],"completed_tasks":['),
        ...pieces(Math.min(tasks, 1000), (n) => taskV0(n, 0, 31_000, 'TASK_FINISHED')),
        Buffer.from('],"offers":[],"executors":[]}],"completed_frameworks":[],"orphan_tasks":[]}'),
      ]);
    },
    v1(generation) {
      const list = pieces(tasks, (n) => taskV1(n, n % agents, port(n, generation)));
      const body = Buffer.concat([
        Buffer.from('{"type":"SUBSCRIBED","subscribed":{"get_state":{"get_tasks":{"tasks":['),
        ...list,
        Buffer.from('],"unreachable_tasks":[],"completed_tasks":[]},"get_executors":{"executors":[]},'),
        Buffer.from(
          `"get_frameworks":{"frameworks":[{"framework_info":{"user":"root","name":"marathon","id":{"value":"${FRAMEWORK}"},"hostname":"10.1.255.1"},"active":true,"connected":true}],"completed_frameworks":[]},"get_agents":{"agents":[`,
        ),
        ...pieces(agents, (n) => agentV1(n)),
        Buffer.from('],"recovered_agents":[]}},"heartbeat_interval_seconds":15.0}}'),
      ]);
      return Buffer.concat([Buffer.from(`${body.length}\n`), body]);
    },
  };
}

/** How often task `n` has moved by this generation: tasks `n` with `n % 100 < generation` moved once. */
function generationOf(n: number, generation: number): number {
  return n % 100 < generation ? 1 : 0;
}

function pieces(count: number, one: (n: number) => unknown): Buffer[] {
  const all: Buffer[] = [];
  for (let from = 0; from < count; from += 1000) {
    const texts: string[] = [];
    for (let n = from; n < Math.min(count, from + 1000); n++) texts.push(JSON.stringify(one(n)));
    all.push(Buffer.from(`${from > 0 ? ',' : ''}${texts.join(',')}`));
  }
  return all;
}

const agentIp = (n: number): string => `10.0.${n >> 8}.${n & 255}`;
const ownIp = (n: number): string => `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
const RESOURCES = { cpus: 32, gpus: 0, mem: 131_072, disk: 1_000_000, ports: '[31000-32000]' };
const hex = (n: number): string => ((n * 2_654_435_761) >>> 0).toString(16).padStart(8, '0');
const taskId = (n: number): string =>
  `app-${n}.instance-${hex(n)}-5a0e-11ef-9c39-0242ac11${hex(n).slice(0, 4)}._app.1`;

function agentV0(n: number): unknown {
  return {
    id: agentId(n),
    hostname: `node-${n}.example.com`,
    port: 5051,
    attributes: { rack: `r${n % 20}` },
    pid: `slave(1)@${agentIp(n)}:5051`,
    registered_time: 1_790_000_002.5,
    resources: RESOURCES,
    used_resources: RESOURCES,
    offered_resources: {},
    reserved_resources: {},
    active: true,
    unreserved_resources: RESOURCES,
    deactivated: false,
    version: '1.11.0',
    capabilities: ['MULTI_ROLE'],
  };
}

function agentV1(n: number): unknown {
  return {
    agent_info: { id: { value: agentId(n) }, hostname: `node-${n}.example.com`, port: 5051, resources: [] },
    active: true,
    deactivated: false,
    version: '1.11.0',
    pid: `slave(1)@${agentIp(n)}:5051`,
    registered_time: { nanoseconds: 1_790_000_002_500_000_000 },
  };
}

function statuses(n: number, state: string): unknown[] {
  const container_status = {
    container_id: { value: `${hex(n)}-aaaa-4bbb-8ccc-${hex(n + 7)}dddd` },
    network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: ownIp(n) }] }],
    executor_pid: 4000 + (n % 20_000),
  };
  const at = 1_790_000_100.25 + n / 64;
  return [
    { state: 'TASK_STARTING', timestamp: at - 1.5, container_status },
    { state, timestamp: at, container_status, healthy: true },
  ];
}

const discovery = (n: number, port: number): unknown => ({
  visibility: 'FRAMEWORK',
  name: `app-${n}`,
  ports: { ports: [{ number: port, name: 'http', protocol: 'tcp' }] },
});

const CONTAINER = {
  type: 'DOCKER',
  docker: { image: 'registry.example.com/team/app:1.24.3', network: 'BRIDGE', privileged: false },
  volumes: [{ mode: 'RW', container_path: '/var/data', host_path: '/srv/data' }],
  docker_parameters: [
    { key: 'label', value: 'com.example.team=platform' },
    { key: 'log-driver', value: 'json-file' },
  ],
};

function taskV0(n: number, agent: number, port: number, state = 'TASK_RUNNING'): unknown {
  return {
    id: taskId(n),
    name: `app-${n}`,
    framework_id: FRAMEWORK,
    executor_id: '',
    slave_id: agentId(agent),
    state,
    resources: { cpus: 0.1, gpus: 0, mem: 64, disk: 0, ports: `[${port}-${port}]` },
    role: '*',
    statuses: statuses(n, state),
    discovery: discovery(n, port),
    container: CONTAINER,
    health_check: {
      type: 'HTTP',
      http: { port, path: '/health', scheme: 'http' },
      interval_seconds: 10,
      grace_period_seconds: 60,
    },
  };
}

function taskV1(n: number, agent: number, port: number): unknown {
  return {
    name: `app-${n}`,
    task_id: { value: taskId(n) },
    framework_id: { value: FRAMEWORK },
    agent_id: { value: agentId(agent) },
    state: 'TASK_RUNNING',
    status_update_state: 'TASK_RUNNING',
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, role: '*' },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] }, role: '*' },
    ],
    statuses: statuses(n, 'TASK_RUNNING'),
    discovery: discovery(n, port),
    container: CONTAINER,
  };
}
