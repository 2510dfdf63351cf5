import { isTerminal } from '../../mesos/index.ts';
import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import type { TaskRef } from '../input/scheduler-call.ts';
import { masterStatus, sendUpdate, statusOf } from './bookkeeping.ts';
import { hasCapability } from './model.ts';
import type { FrameworkEntry, TaskEntry } from './model.ts';
import { count, nanoseconds } from './step.ts';
import type { Step } from './step.ts';

const REASON = 'REASON_RECONCILIATION';

/** RECONCILE: without tasks, the latest state of every task of the framework; else of those asked for (§1.12). */
export function reconcile(step: Step, framework: FrameworkEntry, refs: readonly TaskRef[]): void {
  count(step, 'master/messages_reconcile_tasks');
  if (refs.length > 0) {
    reconcileTasks(step, framework, refs);
    return;
  }
  for (const task of framework.tasks.values()) sendUpdate(step, framework, latestStatus(step, task));
}

export function reconcileTasks(step: Step, framework: FrameworkEntry, refs: readonly TaskRef[]): void {
  for (const ref of refs) {
    const task = framework.tasks.get(ref.task_id.value);
    const status = task ? latestStatus(step, task) : absentStatus(step, framework, ref);
    if (status) sendUpdate(step, framework, status);
  }
}

function latestStatus(step: Step, task: TaskEntry): TaskStatus {
  const last = task.statuses.at(-1);
  const check = last?.check_status;
  return statusOf(step, task, toldState(task), {
    message: 'Reconciliation: Latest task state',
    reason: REASON,
    ...(last?.healthy === undefined ? {} : { healthy: last.healthy }),
    ...(check === undefined ? {} : { check_status: check }),
    ...(last?.container_status === undefined ? {} : { container_status: last.container_status }),
  });
}

/** An end that only the agent knows of comes in its turn, after the beginning. */
function toldState({ updateState, state }: TaskEntry): TaskState {
  return updateState ?? (isTerminal(state) ? 'TASK_STAGING' : state);
}

/** What is said of a task the master does not list; undefined: nothing, since its agent may yet bring it. */
function absentStatus(step: Step, framework: FrameworkEntry, ref: TaskRef): TaskStatus | undefined {
  const { state } = step;
  const agentId = ref.agent_id?.value ?? framework.unreachableTasks.get(ref.task_id.value)?.agentId;
  const mayReturn =
    agentId === undefined ? state.recoveredAgents.size > 0 : state.recoveredAgents.has(agentId);
  if (mayReturn) return undefined;
  const unreachableMs = agentId === undefined ? undefined : state.unreachableAgents.get(agentId);
  const [aware, where] = absence(step, agentId);
  return masterStatus(
    step,
    ref.task_id.value,
    hasCapability(framework.info, 'PARTITION_AWARE') ? aware : 'TASK_LOST',
    {
      message: `Reconciliation: Task is ${where}`,
      reason: REASON,
      ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
      ...(unreachableMs === undefined ? {} : { unreachable_time: nanoseconds(unreachableMs) }),
    },
  );
}

function absence(step: Step, agentId: string | undefined): readonly [TaskState, string] {
  if (agentId !== undefined) {
    if (step.state.agents.has(agentId)) return ['TASK_GONE', 'unknown to the agent'];
    if (step.state.unreachableAgents.has(agentId)) return ['TASK_UNREACHABLE', 'unreachable'];
    if (step.state.goneAgents.has(agentId)) return ['TASK_GONE_BY_OPERATOR', 'gone'];
  }
  return ['TASK_UNKNOWN', 'unknown'];
}
