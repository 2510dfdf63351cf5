import type { AgentEvent, AgentTask, FrameworkInfo, TaskStatus, Value } from '../../mesos/index.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import { endTask } from './agent-loss.ts';
import {
  addTask,
  completedTask,
  completeTask,
  sendUpdate,
  setTaskState,
  statusOf,
  tellState,
} from './bookkeeping.ts';
import { addExecutor, executorKey, executorOn, removeExecutor } from './executor-books.ts';
import { completeExecutor } from './executor-validation.ts';
import { recoverFramework } from './frameworks.ts';
import { hasCapability } from './model.ts';
import type { AgentEntry, FrameworkEntry } from './model.ts';
import { allocatedResources } from './resource-validation.ts';
import { toAgent } from './step.ts';
import type { Step } from './step.ts';
import { TaskEntry, partsOf } from './task-entry.ts';

/** What an agent that (re-)subscribes says it runs, and what we believed (mesos-api.md §4.2). */

const RETURN = { message: 'Agent re-registered', reason: 'REASON_AGENT_REREGISTERED' } as const;

type TaskName = { readonly framework_id: Value; readonly task_id: Value };

/** How the agent comes. */
interface Return {
  /** It was given up, and its tasks with it. */
  readonly wasUnreachable: boolean;
  /** This master has had it all along, so what it runs and we do not know was declared lost. */
  readonly wasKnown: boolean;
  /** Grows as things are found that have to end. */
  readonly orders: AgentEvent[];
}

export interface Reconciled {
  /** Tasks that we believed in and the agent does not have. */
  readonly unknown: readonly TaskName[];
  /** What has to end on the agent. */
  readonly orders: readonly AgentEvent[];
}

/** Bring the agent's view of its executors and tasks and ours together. */
export function reconcileAgent(
  step: Step,
  agent: AgentEntry,
  call: AgentSubscribe,
  given: Omit<Return, 'orders'>,
): Reconciled {
  const how: Return = { ...given, orders: shutDownCompleted(step, call) };
  const infos = new Map(call.frameworks.map((f) => [f.id?.value ?? '', f]));
  reconcileExecutors(step, agent, call, infos, how);
  const believed = new Set(agent.tasks);
  for (const reported of call.tasks) {
    const framework = frameworkOf(step, reported.framework_id.value, infos);
    const task = framework && takeTask(step, framework, agent, reported, how);
    if (!framework || !task) continue;
    believed.delete(task);
    if (how.wasUnreachable) announceReturn(step, framework, task, reported);
  }
  if (how.wasUnreachable) giveUpMissing(step, agent);
  const unknown: TaskName[] = [];
  for (const task of believed) {
    const framework = step.state.frameworks.get(task.frameworkId);
    // A finished task the agent has forgotten was acknowledged.
    if (framework && isTerminal(task.state)) completeTask(step, framework, task);
    else unknown.push({ framework_id: { value: task.frameworkId }, task_id: { value: task.id } });
  }
  return { unknown, orders: how.orders };
}

/** What was set aside with the agent and did not come back with it is over. */
function giveUpMissing(step: Step, agent: AgentEntry): void {
  for (const framework of step.state.frameworks.values()) {
    const state = hasCapability(framework.info, 'PARTITION_AWARE') ? 'TASK_GONE' : 'TASK_LOST';
    for (const task of framework.unreachableTasks.values()) {
      if (task.agentId !== agent.id) continue;
      endTask(step, framework, task, state, {
        message: 'Task is unknown to the agent, which was unreachable',
        reason: 'REASON_AGENT_REREGISTERED',
      });
    }
  }
}

/** What frameworks that are over have on the agent must end there too. */
function shutDownCompleted(step: Step, call: AgentSubscribe): AgentEvent[] {
  const reported = [...call.tasks, ...(call.executors ?? [])].map((one) => one.framework_id.value);
  return [...new Set(reported)]
    .filter((value) => step.state.completedFrameworks.has(value))
    .map((value) => ({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: { value } } }));
}

/** A framework that the agent speaks of; undefined: it is over. */
function frameworkOf(
  step: Step,
  id: string,
  infos: ReadonlyMap<string, FrameworkInfo>,
): FrameworkEntry | undefined {
  if (step.state.completedFrameworks.has(id)) return undefined;
  const known = step.state.frameworks.get(id);
  const info = infos.get(id);
  return known ?? (info && recoverFramework(step, { ...info, id: { value: id } }));
}

/** Executors that the agent has are taken over, the others are over: what told us so may have got lost. */
function reconcileExecutors(
  step: Step,
  agent: AgentEntry,
  call: AgentSubscribe,
  infos: ReadonlyMap<string, FrameworkInfo>,
  how: Return,
): void {
  const believed = new Map(agent.executors);
  for (const { framework_id, executor_info } of call.executors ?? []) {
    const id = executor_info.executor_id.value;
    believed.delete(executorKey(framework_id.value, id));
    const framework = frameworkOf(step, framework_id.value, infos);
    if (!framework || executorOn(agent, framework.id, id)) continue;
    if (wasDeclaredLost(framework, how)) {
      how.orders.push({
        type: 'SHUTDOWN_EXECUTOR',
        shutdown_executor: { framework_id, executor_id: executor_info.executor_id },
      });
      continue;
    }
    const role = executor_info.resources?.[0]?.allocation_info?.role ?? framework.info.role ?? '*';
    const info = completeExecutor(executor_info, framework, role);
    addExecutor(framework, agent, { id, frameworkId: framework.id, agentId: agent.id, info });
  }
  for (const executor of believed.values()) removeExecutor(step, executor);
}

/**
 * Our agents keep everything running while they are away. A framework without `checkpoint` was told that it is lost when
 * the agent's stream broke, and may have started it again elsewhere: it must end.
 */
function wasDeclaredLost(framework: FrameworkEntry, how: Return): boolean {
  return how.wasKnown && !framework.info.checkpoint;
}

function takeTask(
  step: Step,
  framework: FrameworkEntry,
  agent: AgentEntry,
  reported: AgentTask,
  how: Return,
): TaskEntry | undefined {
  const task_id = reported.task.task_id;
  const known = framework.tasks.get(task_id.value);
  if (known?.agentId === agent.id) {
    const before = known.state;
    setTaskState(step, known, reported.state);
    // what it lives through its updates tell in their turn
    if (known.state !== before && isTerminal(known.state))
      tellState(step, known, known.statuses.at(-1) ?? statusOf(step, known, known.state, RETURN));
    return known;
  }
  // Of an id that runs elsewhere by now there may be only one.
  if (known ?? wasDeclaredLost(framework, how)) {
    if (!isTerminal(reported.state))
      how.orders.push({
        type: 'KILL_TASK',
        kill_task: { framework_id: { value: framework.id }, task_id },
      });
    return undefined;
  }
  if (endWasAcknowledged(framework, reported)) return undefined;
  const aside = framework.unreachableTasks.get(task_id.value);
  framework.unreachableTasks.delete(task_id.value);
  const task = aside ? returnedTask(aside, agent, reported) : broughtTask(framework, agent, reported);
  addTask(step, framework, agent, task);
  return task;
}

/** The agent's disk has lost that: what it still has to say of a task that is over must not bring it back. */
function endWasAcknowledged(framework: FrameworkEntry, { task, state, last_status }: AgentTask): boolean {
  if (!isTerminal(state) || last_status?.uuid === undefined) return false;
  const over = completedTask(framework, task.task_id.value);
  // One that was over for the master when its agent was given up may be one of whose end nobody was told.
  if (over?.updateState === undefined || !isTerminal(over.updateState)) return false;
  return over.statuses.some(({ uuid }) => uuid === last_status.uuid);
}

/** A task that was set aside with its agent; its history is as the agent tells it: not that it was away. */
function returnedTask(aside: TaskEntry, agent: AgentEntry, { state, last_status }: AgentTask): TaskEntry {
  const own = aside.statuses.filter((s) => s.source !== 'SOURCE_MASTER' && s.state !== last_status?.state);
  const { id, frameworkId, role, executorId, commandUser, executorUser, info, kill } = aside;
  return new TaskEntry({
    id,
    frameworkId,
    role,
    executorId,
    commandUser,
    executorUser,
    info,
    kill,
    agentId: agent.id,
    state,
    ...toldBy(agent, last_status, own),
  });
}

/** That a framework was told of its loss is over: its end, when it comes, is another one. */
function toldBy(
  agent: AgentEntry,
  last: TaskStatus | undefined,
  before: readonly TaskStatus[] = [],
): Pick<TaskEntry, 'statuses' | 'updateState' | 'updateUuid'> {
  return {
    statuses: last ? [...before, { ...last, agent_id: { value: agent.id } }] : before,
    updateState: last?.state,
    updateUuid: last?.uuid,
  };
}

/** A task that only the agent knows. */
function broughtTask(framework: FrameworkEntry, agent: AgentEntry, reported: AgentTask): TaskEntry {
  const { task, last_status: last } = reported;
  const role = task.resources[0]?.allocation_info?.role ?? framework.info.role ?? '*';
  const parts = partsOf({ ...task, resources: allocatedResources(task.resources, role) });
  return new TaskEntry({
    ...parts,
    frameworkId: framework.id,
    agentId: agent.id,
    role,
    executorId: reported.executor_id?.value ?? parts.executorId,
    state: reported.state,
    ...toldBy(agent, last),
  });
}

/**
 * A task that was given up is back: frameworks hear its state from the master, without a uuid; its history keeps what the
 * agent said. It is the state that its agent says next, though that may know of a later one: the end of a task must not
 * come before its beginning.
 */
function announceReturn(step: Step, framework: FrameworkEntry, task: TaskEntry, reported: AgentTask): void {
  const rest = { ...RETURN, message: 'Unreachable agent re-registered' };
  sendUpdate(step, framework, statusOf(step, task, reported.last_status?.state ?? task.state, rest));
}

/** Kills that were asked for while the agent was away. */
export function repeatKills(step: Step, agent: AgentEntry): void {
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
