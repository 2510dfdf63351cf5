/** A service of the make-believe cluster: an app of Marathon with as many tasks as it has endpoints. */
export interface ServiceSpec {
  readonly name: string;
  readonly endpoints: number;
  /** The addresses of its containers; IPv4 by default. */
  readonly family?: 'v4' | 'v6' | 'both' | 'host';
  /** A named port of the discovery information, with its protocol. */
  readonly port?: { readonly name: string; readonly protocol: string };
  /** A discovery name that is not what the label rule makes of it. */
  readonly discovery?: string;
  readonly framework?: string;
}

export interface TaskSpec extends ServiceSpec {
  /** Which of the service's tasks. */
  readonly index: number;
}

const PREFIX = '20260101-000000-1-5050-1';
const AGENTS = 50;
const FIRST_TIME = 1_780_000_000;

/** The services that the checks of behaviour ask for. Sizes of `size-N` are around every limit of a message. */
export const SIZES = [1, 2, 9, 10, 28, 29, 30, 31, 60, 74, 75, 76, 250, 1000, 2000];

export const STANDARD: readonly ServiceSpec[] = [
  { name: 'web', endpoints: 3 },
  { name: 'dual', endpoints: 2, family: 'both' },
  { name: 'six', endpoints: 1, family: 'v6' },
  { name: 'bare', endpoints: 2, family: 'host' },
  { name: 'api', endpoints: 2, port: { name: 'http', protocol: 'tcp' } },
  { name: 'twin', endpoints: 1, port: { name: 'dns', protocol: 'tcp,udp' } },
  { name: 'nested', endpoints: 1, discovery: 'c.b.a' },
  { name: 'job', endpoints: 1, framework: 'cron.team-a' },
  ...SIZES.map((n) => ({ name: `size-${n}`, endpoints: n })),
];

/** `count` services of one endpoint each, for checks that need many names: `app-0` and so on. */
export function manyServices(count: number): ServiceSpec[] {
  return Array.from({ length: count }, (_, i) => ({ name: `app-${i}`, endpoints: 1 }));
}

export function frameworkId(name = 'marathon'): string {
  return `${PREFIX}-${name}`;
}

/** The body of `get_state` in the v1 operator API. */
export function stateOf(services: readonly ServiceSpec[]): Record<string, unknown> {
  const names = new Set(['marathon', ...services.map((s) => s.framework ?? 'marathon')]);
  return {
    get_agents: { agents: Array.from({ length: AGENTS }, (_, i) => agent(i)) },
    get_frameworks: {
      frameworks: [...names].map((name) => ({
        framework_info: { id: { value: frameworkId(name) }, name, hostname: '10.200.0.1' },
        active: true,
        connected: true,
      })),
    },
    get_executors: { executors: [] },
    get_tasks: {
      tasks: services.flatMap((s) =>
        Array.from({ length: s.endpoints }, (_, index) => taskOf({ ...s, index })),
      ),
    },
  };
}

function agent(i: number): unknown {
  return {
    agent_info: { id: { value: agentId(i) }, hostname: `10.100.0.${i + 1}`, port: 5051 },
    pid: `slave(1)@10.100.0.${i + 1}:5051`,
    active: true,
  };
}

function agentId(i: number): string {
  return `${PREFIX}-S${i % AGENTS}`;
}

export function taskId(t: TaskSpec): string {
  return `${t.name}.${t.index}`;
}

/** A task of the v1 API, running unless told otherwise. */
export function taskOf(t: TaskSpec, state = 'TASK_RUNNING'): Record<string, unknown> {
  const port = 10_000 + (hash(taskId(t)) % 20_000);
  const discovery = t.discovery !== undefined || t.port !== undefined;
  return {
    name: t.name,
    task_id: { value: taskId(t) },
    framework_id: { value: frameworkId(t.framework) },
    agent_id: { value: agentId(t.index) },
    state,
    statuses: state === 'TASK_RUNNING' ? [statusOf(t, state)] : [],
    resources: [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] } }],
    ...(discovery
      ? {
          discovery: {
            visibility: 'FRAMEWORK',
            name: t.discovery ?? t.name,
            ports: { ports: t.port ? [{ number: port, ...t.port }] : [] },
          },
        }
      : {}),
  };
}

export function statusOf(t: TaskSpec, state: string): Record<string, unknown> {
  return {
    task_id: { value: taskId(t) },
    agent_id: { value: agentId(t.index) },
    state,
    source: 'SOURCE_EXECUTOR',
    timestamp: FIRST_TIME,
    ...(state === 'TASK_RUNNING'
      ? { container_status: { network_infos: [{ ip_addresses: addressesOf(t) }] } }
      : {}),
  };
}

/** Events of the stream: a task that is new, one whose state changes. */
export function addedEvent(t: TaskSpec): unknown {
  return { type: 'TASK_ADDED', task_added: { task: taskOf(t, 'TASK_STAGING') } };
}

export function updatedEvent(t: TaskSpec, state: string): unknown {
  const framework_id = { value: frameworkId(t.framework) };
  return { type: 'TASK_UPDATED', task_updated: { framework_id, status: statusOf(t, state), state } };
}

function addressesOf(t: TaskSpec): { ip_address: string }[] {
  const n = hash(t.name) % 200;
  const v4 = `10.${n}.${t.index >> 8}.${t.index & 255}`;
  const v6 = `fd00:${n.toString(16)}::${(t.index + 1).toString(16)}`;
  const list = { v4: [v4], v6: [v6], both: [v4, v6], host: [] }[t.family ?? 'v4'];
  return list.map((ip_address) => ({ ip_address }));
}

/** Any number that is always the same for a text (FNV-1a). */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const c of text) h = Math.imul(h ^ (c.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return h;
}
