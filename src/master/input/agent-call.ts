import type { AgentCall, TaskState } from '../../mesos/index.ts';
import { idProblem, resourcesProblem } from '../../mesos/index.ts';
import { bytes, decode, enumOf, integer, isUuidBytes, message, repeated, required, text } from './decode.ts';
import type { Decoded, Fields, JsonObject } from './decode.ts';
import { drainConfig } from './maintenance-messages.ts';
import { agentInfo, executorInfo, frameworkInfo, id, taskInfo, taskState, taskStatus } from './messages.ts';

const PAYLOADS = new Map<string, string | undefined>([
  ['SUBSCRIBE', 'subscribe'],
  ['UPDATE', 'update'],
  ['EXITED_EXECUTOR', 'exited_executor'],
  ['PONG', undefined],
  ['UNREGISTER', undefined],
  ['MESSAGE', 'message'],
]);

const CALL: Fields = {
  type: enumOf([...PAYLOADS.keys()]),
  agent_id: id,
  subscribe: message({
    agent_info: required(agentInfo),
    address: required(message({ ip: required(text), port: required(integer) })),
    version: required(text),
    capabilities: repeated(message({ type: text })),
    frameworks: repeated(frameworkInfo),
    tasks: repeated(
      message({
        framework_id: required(id),
        task: required(taskInfo),
        state: required(taskState),
        last_status: taskStatus,
        executor_id: id,
      }),
    ),
    executors: repeated(message({ framework_id: required(id), executor_info: required(executorInfo) })),
    drain_config: drainConfig,
  }),
  update: message({
    framework_id: required(id),
    status: required(taskStatus),
    latest_state: required(taskState),
  }),
  exited_executor: message({
    framework_id: required(id),
    executor_id: required(id),
    status: required(integer),
  }),
  message: message({ framework_id: required(id), executor_id: required(id), data: required(bytes) }),
};

/** States that an agent cannot know of. */
const MASTER_STATES: ReadonlySet<TaskState> = new Set([
  'TASK_UNREACHABLE',
  'TASK_UNKNOWN',
  'TASK_GONE_BY_OPERATOR',
]);

export function decodeAgentCall(json: unknown): Decoded<JsonObject> {
  return decode<JsonObject>(CALL, json);
}

export type AgentSubscribe = Extract<AgentCall, { type: 'SUBSCRIBE' }>['subscribe'];

/** The decoder leaves empty lists out; the protocol says they are there. */
export function agentSubscribe(call: JsonObject): AgentSubscribe {
  const s = call['subscribe'] as Partial<AgentSubscribe> &
    Pick<AgentSubscribe, 'agent_info' | 'address' | 'version'>;
  return {
    ...s,
    agent_info: { ...s.agent_info, port: s.agent_info.port ?? 5051, resources: s.agent_info.resources ?? [] },
    capabilities: s.capabilities ?? [],
    frameworks: s.frameworks ?? [],
    executors: s.executors ?? [],
    tasks: (s.tasks ?? []).map((t) => ({ ...t, task: { ...t.task, resources: t.task.resources ?? [] } })),
  };
}

export function agentCallProblem(call: JsonObject): string | undefined {
  const type = call['type'];
  if (typeof type !== 'string') return "Expecting 'type' to be present";
  const payload = PAYLOADS.get(type);
  if (payload !== undefined && call[payload] === undefined) return `Expecting '${payload}' to be present`;
  if (type === 'SUBSCRIBE') return subscribeProblem(agentSubscribe(call));
  if (call['agent_id'] === undefined) return "Expecting 'agent_id' to be present";
  if (type !== 'UPDATE') return undefined;
  const { status, latest_state } = call['update'] as Extract<AgentCall, { type: 'UPDATE' }>['update'];
  const state = [status.state, latest_state].find((s) => MASTER_STATES.has(s));
  if (state !== undefined) return `'update.status.state' must not be ${state}: only the master says that`;
  if (status.uuid === undefined) return "Expecting 'update.status.uuid' to be present";
  return isUuidBytes(status.uuid) ? undefined : "'update.status.uuid' is not a valid UUID";
}

function subscribeProblem(s: AgentSubscribe): string | undefined {
  const agentId = s.agent_info.id?.value;
  const problem = agentId === undefined ? undefined : idProblem(agentId);
  if (problem) return `'subscribe.agent_info.id': ${problem}`;
  if (!/^\d+\.\d+\.\d+/.test(s.version)) return "'subscribe.version' must look like 1.11.0";
  const resources = resourcesProblem(s.agent_info.resources);
  if (resources) return `'subscribe.agent_info.resources': ${resources}`;
  const known = new Set(s.frameworks.map((f) => f.id?.value));
  const stray = s.tasks.find((t) => !known.has(t.framework_id.value));
  if (stray)
    return `'subscribe.frameworks' lacks framework ${stray.framework_id.value} of task ${stray.task.task_id.value}`;
  const strange = s.executors?.find((e) => !known.has(e.framework_id.value));
  if (strange)
    return `'subscribe.frameworks' lacks framework ${strange.framework_id.value} of executor ${strange.executor_info.executor_id.value}`;
  const odd = s.tasks.find((t) => MASTER_STATES.has(t.state));
  if (odd) return `'subscribe.tasks': the state of ${odd.task.task_id.value} must not be ${odd.state}`;
  if (agentId === undefined && (s.tasks.length > 0 || (s.executors?.length ?? 0) > 0))
    return "'subscribe.agent_info.id' is needed to report tasks and executors";
  return undefined;
}
