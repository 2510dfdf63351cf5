import type { AgentInfo, AgentTask, FrameworkInfo, Value } from '../../mesos/index.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import { agentEventV1 } from '../views/v1.ts';
import {
  addTask,
  completeTask,
  masterStatus,
  recordStatus,
  removeOffers,
  sendUpdate,
  setTaskState,
} from './bookkeeping.ts';
import { removeAgent } from './agent-loss.ts';
import { recoverFramework } from './frameworks.ts';
import type { AgentEntry, FrameworkEntry, MasterState, TaskEntry } from './model.ts';
import { internal } from './resource-format.ts';
import { count, toAgent, toOperators } from './step.ts';
import type { Step } from './step.ts';
import { taskResources } from './task-validation.ts';

/** What the master makes of an agent that subscribes (mesos-api.md §4.2). */
export type Admission =
  | { readonly kind: 'refused'; readonly message: string }
  /** Write `info` to the registry, then `subscribeAgent`. `replaces`: an agent to remove first. */
  | { readonly kind: 'admit'; readonly info: AgentInfo; readonly replaces?: string }
  /** Known and unchanged: nothing to write. */
  | { readonly kind: 'welcome'; readonly info: AgentInfo };

export function admitAgent(state: MasterState, call: AgentSubscribe): Admission {
  const { agent_info: given, address } = call;
  const id = given.id?.value;
  if (id === undefined) {
    const former = [...state.agents.values()].find(
      (a) => a.address.ip === address.ip && a.address.port === address.port,
    );
    // The same agent asking again since our first answer was lost.
    if (former && former.tasks.size === 0 && sameInfo(former.info, given))
      return { kind: 'welcome', info: former.info };
    const info = { ...given, id: { value: `${state.id}-S${state.nextAgent++}` } };
    const replaces = former?.id ?? awaitedAt(state, given);
    return { kind: 'admit', info, ...(replaces === undefined ? {} : { replaces }) };
  }
  if (state.goneAgents.has(id)) return { kind: 'refused', message: 'Agent has been marked gone' };
  const known = state.agents.get(id);
  if (known && (known.info.hostname !== given.hostname || known.address.ip !== address.ip))
    return {
      kind: 'refused',
      message: `Agent ${id} came back with another IP or hostname: start it as a new agent`,
    };
  return known && sameInfo(known.info, given)
    ? { kind: 'welcome', info: known.info }
    : { kind: 'admit', info: given };
}

/** An agent of the registry that was at this address: it has lost its id and will not come back under it. */
function awaitedAt(state: MasterState, given: AgentInfo): string | undefined {
  const awaited = [...state.recoveredAgents.values()];
  return awaited.find((a) => a.hostname === given.hostname && a.port === given.port)?.id?.value;
}

function sameInfo(a: AgentInfo, b: AgentInfo): boolean {
  const plain = (x: AgentInfo): string =>
    JSON.stringify([x.hostname, x.port, internal(x.resources), x.attributes ?? [], x.domain ?? null]);
  return plain(a) === plain(b);
}

/** Let an admitted agent in: its registry entry is written. */
export function subscribeAgent(step: Step, info: AgentInfo, call: AgentSubscribe, streamId: string): void {
  const { state } = step;
  const id = info.id?.value ?? '';
  const known = state.agents.get(id);
  const wasUnreachable = state.unreachableAgents.delete(id);
  state.recoveredAgents.delete(id);
  const again = call.agent_info.id !== undefined;
  count(step, again ? 'master/messages_reregister_slave' : 'master/messages_register_slave');
  count(step, again ? 'master/slave_reregistrations' : 'master/slave_registrations');
  const agent = known ?? newAgent(step, id, info, call);
  if (known) reconnectAgent(step, known, info, call);
  agent.streamId = streamId;
  agent.unansweredPings = 0;
  if (again) agent.reregisteredMs = step.now;
  shutDownCompleted(step, agent, call);
  const unknown = reconcileAgentTasks(step, agent, call, wasUnreachable);
  toAgent(step, streamId, {
    type: 'SUBSCRIBED',
    subscribed: {
      agent_id: { value: id },
      ping_interval_seconds: state.policy.pingIntervalSeconds,
      ping_timeout_seconds: state.policy.pingIntervalSeconds * state.policy.maxPingTimeouts,
      unknown_tasks: unknown,
    },
  });
  repeatKills(step, agent);
  if (!known) toOperators(step, { type: 'AGENT_ADDED', agent_added: { agent: agentEventV1(agent) } });
  step.effects.push({ kind: 'allocate' });
}

function newAgent(step: Step, id: string, info: AgentInfo, call: AgentSubscribe): AgentEntry {
  const agent: AgentEntry = {
    id,
    info,
    address: call.address,
    version: call.version,
    capabilities: call.capabilities,
    total: internal(info.resources),
    streamId: undefined,
    registeredMs: step.now,
    reregisteredMs: undefined,
    unansweredPings: 0,
    tasks: new Set(),
    offers: new Set(),
    used: [],
    offered: [],
  };
  step.state.agents.set(id, agent);
  return agent;
}

function reconnectAgent(step: Step, agent: AgentEntry, info: AgentInfo, call: AgentSubscribe): void {
  if (agent.streamId !== undefined) step.effects.push({ kind: 'end', streamId: agent.streamId });
  removeOffers(step, agent.offers, true);
  if (!sameInfo(agent.info, info)) step.state.filters.forgetAgent(agent.id);
  agent.info = info;
  agent.address = call.address;
  agent.version = call.version;
  agent.capabilities = call.capabilities;
  agent.total = internal(info.resources);
}

/** Tasks of frameworks that are over must end on the agent too. */
function shutDownCompleted(step: Step, agent: AgentEntry, call: AgentSubscribe): void {
  const over = new Set(
    call.tasks.map((t) => t.framework_id.value).filter((id) => step.state.completedFrameworks.has(id)),
  );
  for (const value of over)
    toAgent(step, agent.streamId, {
      type: 'SHUTDOWN_FRAMEWORK',
      shutdown_framework: { framework_id: { value } },
    });
}

type TaskName = { readonly framework_id: Value; readonly task_id: Value };

/** Bring the agent's view of its tasks and ours together; returns what we believed in and it does not have. */
function reconcileAgentTasks(
  step: Step,
  agent: AgentEntry,
  call: AgentSubscribe,
  wasUnreachable: boolean,
): TaskName[] {
  const infos = new Map(call.frameworks.map((f) => [f.id?.value, f]));
  const believed = new Set(agent.tasks);
  for (const reported of call.tasks) {
    const id = reported.framework_id.value;
    if (step.state.completedFrameworks.has(id)) continue;
    const framework = step.state.frameworks.get(id) ?? recover(step, id, infos.get(id));
    if (!framework) continue;
    const task = takeReported(step, framework, agent, reported);
    believed.delete(task);
    if (wasUnreachable) announceReturn(step, framework, task);
  }
  const unknown: TaskName[] = [];
  for (const task of believed) {
    const framework = step.state.frameworks.get(task.frameworkId);
    // A finished task the agent has forgotten was acknowledged.
    if (framework && isTerminal(task.state)) completeTask(step, framework, task);
    else unknown.push({ framework_id: { value: task.frameworkId }, task_id: { value: task.id } });
  }
  return unknown;
}

function recover(step: Step, id: string, info: FrameworkInfo | undefined): FrameworkEntry | undefined {
  return info ? recoverFramework(step, { ...info, id: { value: id } }) : undefined;
}

function takeReported(
  step: Step,
  framework: FrameworkEntry,
  agent: AgentEntry,
  reported: AgentTask,
): TaskEntry {
  const id = reported.task.task_id.value;
  const known = framework.tasks.get(id);
  if (known && known.agentId === agent.id) {
    setTaskState(step, known, reported.state);
    return known;
  }
  const aside = framework.unreachableTasks.get(id);
  framework.unreachableTasks.delete(id);
  const task = aside
    ? { ...aside, agentId: agent.id, state: reported.state }
    : broughtTask(framework, agent, reported);
  const last = reported.last_status;
  if (last) task.updateState = last.state;
  if (last?.uuid !== undefined) task.updateUuid = last.uuid;
  addTask(step, framework, agent, task);
  return task;
}

/** A task that only the agent knows. */
function broughtTask(framework: FrameworkEntry, agent: AgentEntry, reported: AgentTask): TaskEntry {
  const { task, last_status: last } = reported;
  const role = task.resources[0]?.allocation_info?.role ?? framework.info.role ?? '*';
  return {
    id: task.task_id.value,
    frameworkId: framework.id,
    agentId: agent.id,
    info: { ...task, resources: taskResources(task, role) },
    role,
    state: reported.state,
    statuses: last ? [{ ...last, agent_id: { value: agent.id } }] : [],
  };
}

/** A task that was given up is back: frameworks hear its state from the master, without a uuid. */
function announceReturn(step: Step, framework: FrameworkEntry, task: TaskEntry): void {
  const status = masterStatus(step, task.id, task.state, {
    message: 'Unreachable agent re-registered',
    reason: 'REASON_AGENT_REREGISTERED',
    agent_id: { value: task.agentId },
  });
  const { updateUuid } = task;
  recordStatus(step, task, status);
  if (updateUuid !== undefined) task.updateUuid = updateUuid;
  sendUpdate(step, framework, status);
}

function repeatKills(step: Step, agent: AgentEntry): void {
  for (const task of agent.tasks) {
    if (!task.kill || isTerminal(task.state)) continue;
    toAgent(step, agent.streamId, {
      type: 'KILL_TASK',
      kill_task: {
        framework_id: { value: task.frameworkId },
        task_id: { value: task.id },
        ...(task.kill.policy ? { kill_policy: task.kill.policy } : {}),
      },
    });
  }
}

/** A new agent stands where another one was. */
export function replaceAgent(step: Step, formerId: string): void {
  step.state.recoveredAgents.delete(formerId);
  const former = step.state.agents.get(formerId);
  if (former) removeAgent(step, former, 'a new agent registered at the same address');
}

/** Any sign of life counts. */
export function pong(agent: AgentEntry): void {
  agent.unansweredPings = 0;
}

/** Ping every agent; those that were silent for too long are given up. */
export function pingAgents(step: Step): void {
  for (const agent of step.state.agents.values()) {
    if (agent.unansweredPings >= step.state.policy.maxPingTimeouts) {
      step.effects.push({ kind: 'give-up-agent', agentId: agent.id });
      continue;
    }
    agent.unansweredPings++;
    toAgent(step, agent.streamId, { type: 'PING' });
  }
}
