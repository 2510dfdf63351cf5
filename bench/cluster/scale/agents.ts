import type { Socket } from 'node:net';
import { AGENT_API_PATH, parseResources } from '../../../src/mesos/index.ts';
import type { AgentEvent, FrameworkInfo, TaskInfo } from '../../../src/mesos/index.ts';
import { CallLine, now, openRecords, serve } from './wire.ts';

/**
 * A process that plays agents over the real protocol: each has a stream of its own; calls go over a few hundred keep-alive
 * connections (a process may not have more than 20,000 files open here, and an idle agent has its stream alone). Tasks run as soon as they come.
 */

interface PlayedTask {
  readonly frameworkId: string;
  readonly info: TaskInfo;
  uuid: string;
}

interface Played {
  readonly index: number;
  id: string | undefined;
  streamId: string;
  socket: Socket | undefined;
  /** Attempts since it was let in last. */
  attempts: number;
  /** Until the next one. */
  pause: NodeJS.Timeout | undefined;
  readonly tasks: Map<string, PlayedTask>;
}

const parsed = parseResources('cpus:32;mem:131072;disk:1000000;ports:[31000-32000]');
const RESOURCES = parsed.ok ? parsed.value : [];
const LINES = 400;
const CAPABILITIES = ['MULTI_ROLE', 'RESERVATION_REFINEMENT', 'AGENT_DRAINING'].map((type) => ({ type }));

const frameworks = new Map<string, FrameworkInfo>();
const agents: Played[] = [];
let lines: CallLine[] = [];
let port = 0;
let uuids = 0;
let subscribed = 0;
let calls = 0;
let failed = 0;
let events = 0;
let acknowledged = 0;
/** When the last agent was let in. */
let lastIn = 0;
/** Attempts that came to nothing, for which our agents wait by chance before the next. */
let retries = 0;
const FIRST_ANSWER_MS = 15_000;

const nextUuid = (): string => Buffer.from(String(uuids++).padStart(16, '0')).toString('base64');
const address = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;

function subscribe(agent: Played): void {
  const held = [...new Set([...agent.tasks.values()].map((t) => t.frameworkId))];
  const call = {
    type: 'SUBSCRIBE',
    subscribe: {
      agent_info: {
        hostname: `agent${agent.index}.example.com`,
        port: 5051,
        resources: RESOURCES,
        attributes: [{ name: 'rack', type: 'TEXT', text: { value: `r${agent.index % 40}` } }],
        ...(agent.id === undefined ? {} : { id: { value: agent.id } }),
      },
      address: { ip: address(agent.index), port: 5051 },
      version: '1.11.0',
      capabilities: CAPABILITIES,
      frameworks: held.flatMap((id) => frameworks.get(id) ?? []),
      tasks: Array.from(agent.tasks.values(), (task) => ({
        framework_id: { value: task.frameworkId },
        task: task.info,
        state: 'TASK_RUNNING',
        last_status: statusOf(agent, task),
      })),
    },
  };
  const socket = openRecords(port, AGENT_API_PATH, call, {
    opened(streamId) {
      clearTimeout(watchdog);
      agent.streamId = streamId;
    },
    record(bytes) {
      events++;
      onEvent(agent, JSON.parse(Buffer.from(bytes).toString('latin1')) as AgentEvent);
    },
    closed() {
      clearTimeout(watchdog);
      if (agent.socket !== socket) return;
      agent.socket = undefined;
      retries++;
      agent.pause = setTimeout(
        () => subscribe(agent),
        Math.random() * Math.min(60_000, 1000 * 2 ** agent.attempts++),
      );
    },
  });
  const watchdog = setTimeout(() => socket.destroy(), FIRST_ANSWER_MS);
  agent.socket = socket;
}

function statusOf(agent: Played, task: PlayedTask, more: object = {}): object {
  return {
    task_id: task.info.task_id,
    state: 'TASK_RUNNING',
    source: 'SOURCE_EXECUTOR',
    executor_id: task.info.task_id,
    agent_id: { value: agent.id },
    timestamp: Date.now() / 1000,
    uuid: task.uuid,
    container_status: {
      container_id: { value: `c-${task.info.task_id.value}` },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: address(agent.index) }] }],
      executor_pid: 4711,
    },
    ...more,
  };
}

function call(agent: Played, body: object): void {
  calls++;
  const line = lines[agent.index % lines.length];
  line?.post(AGENT_API_PATH, { agent_id: { value: agent.id }, ...body }, agent.streamId).then(
    ({ status }) => {
      if (status !== 202) failed++;
    },
    () => failed++,
  );
}

function update(agent: Played, task: PlayedTask, more: object = {}): void {
  task.uuid = nextUuid();
  call(agent, {
    type: 'UPDATE',
    update: {
      framework_id: { value: task.frameworkId },
      status: statusOf(agent, task, more),
      latest_state: 'TASK_RUNNING',
    },
  });
}

function onEvent(agent: Played, event: AgentEvent): void {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- nothing else matters here
  switch (event.type) {
    case 'SUBSCRIBED':
      agent.id = event.subscribed.agent_id.value;
      subscribed++;
      agent.attempts = 0;
      lastIn = now();
      return;
    case 'PING':
      return call(agent, { type: 'PONG' });
    case 'RUN_TASK': {
      const { task, framework_info } = event.run_task;
      const frameworkId = framework_info.id?.value ?? '';
      frameworks.set(frameworkId, framework_info);
      const played: PlayedTask = { frameworkId, info: task, uuid: '' };
      agent.tasks.set(task.task_id.value, played);
      return update(agent, played);
    }
    case 'ACKNOWLEDGE':
      acknowledged++;
      return;
    default:
      return;
  }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** All agents subscribe, spread over a time as agents that wait by chance are. */
async function subscribeAll(spreadMs: number): Promise<void> {
  const began = now();
  for (const [i, agent] of agents.entries()) {
    const due = began + (spreadMs * i) / agents.length;
    if (due > now() + 1) await later(due - now());
    else if (i % 50 === 0) await later(0);
    subscribe(agent);
  }
}

const openLines = (): void => {
  for (const line of lines) line.end();
  lines = Array.from({ length: LINES }, () => new CallLine(port));
};

serve({
  async join(given: { port: number; count: number; spreadMs: number }) {
    ({ port } = given);
    for (let index = 0; index < given.count; index++)
      agents.push({
        index,
        id: undefined,
        streamId: '',
        socket: undefined,
        attempts: 0,
        pause: undefined,
        tasks: new Map(),
      });
    openLines();
    subscribed = 0;
    await subscribeAll(given.spreadMs);
  },
  async rejoin(given: { spreadMs: number }) {
    for (const agent of agents) {
      clearTimeout(agent.pause);
      const { socket } = agent;
      agent.socket = undefined;
      socket?.destroy();
    }
    openLines();
    subscribed = 0;
    retries = 0;
    failed = 0;
    await subscribeAll(given.spreadMs);
  },
  /** Health of tasks changes, `perSecond` times, evenly, for `seconds`; the time stands in the message. */
  async updates(given: { perSecond: number; seconds: number }) {
    const began = now();
    const all = given.perSecond * given.seconds;
    const lists = new Map<number, PlayedTask[]>();
    for (let i = 0; i < all; i++) {
      const due = began + (1000 * i) / given.perSecond;
      if (due > now() + 1) await later(due - now());
      const agent = agents[(i * 7919) % agents.length];
      if (!agent) continue;
      const tasks = lists.get(agent.index) ?? [...agent.tasks.values()];
      lists.set(agent.index, tasks);
      const task = tasks[i % tasks.length];
      if (!task) continue;
      update(agent, task, {
        healthy: i % 2 === 0,
        reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
        message: `sent ${now()}`,
      });
    }
    return { sent: all, ms: now() - began };
  },
  figures: () => ({
    subscribed,
    lastIn,
    calls,
    failed,
    events,
    acknowledged,
    retries,
    tasks: agents.reduce((n, a) => n + a.tasks.size, 0),
  }),
});
