import type { AgentCall, TaskState, TaskStatus } from '../../mesos/index.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { SchedulerCall } from '../input/scheduler-call.ts';
import { completedTask, completeTask, recordStatus, sendUpdate, setTaskState } from './bookkeeping.ts';
import type { AgentEntry, FrameworkEntry, TaskEntry } from './model.ts';
import { reconcileTasks } from './reconcile.ts';
import { count, toAgent } from './step.ts';
import type { Step } from './step.ts';

type Update = Extract<AgentCall, { type: 'UPDATE' }>['update'];

/** A status update from an agent: keep it, and pass it on when its framework listens (mesos-api.md §1.11). */
export function statusUpdate(step: Step, agent: AgentEntry, update: Update): void {
  count(step, 'master/messages_status_update');
  const framework = step.state.frameworks.get(update.framework_id.value);
  if (!framework) {
    count(step, 'master/invalid_status_updates');
    // Nobody will ever acknowledge: the agent must not keep the tasks of a framework that is over.
    toAgent(step, agent.streamId, {
      type: 'SHUTDOWN_FRAMEWORK',
      shutdown_framework: { framework_id: update.framework_id },
    });
    return;
  }
  const status: TaskStatus = { ...update.status, agent_id: { value: agent.id } };
  const task = framework.tasks.get(status.task_id.value);
  if (isOvertaken(task ?? completedTask(framework, status.task_id.value), status)) {
    count(step, 'master/invalid_status_updates');
    // an agent whose disk has lost the acknowledgement would repeat it for ever, and say nothing that comes after it
    toAgent(step, agent.streamId, {
      type: 'ACKNOWLEDGE',
      acknowledge: { framework_id: update.framework_id, task_id: status.task_id, uuid: status.uuid ?? '' },
    });
    return;
  }
  if (!task || task.agentId !== agent.id) count(step, 'master/invalid_status_updates');
  else {
    count(step, 'master/valid_status_updates');
    const { state: before, updateState: told } = task;
    setTaskState(step, task, furthest(status.state, update.latest_state));
    // Once a framework was told of the end, only that end may be said again (with the uuid to acknowledge).
    if (told === undefined || !isTerminal(told) || told === status.state)
      recordStatus(step, task, status, task.state !== before);
  }
  sendUpdate(step, framework, status);
}

/** A copy of an update that was acknowledged before the agent sent newer ones: it says nothing about now. */
function isOvertaken(task: TaskEntry | undefined, { uuid }: TaskStatus): boolean {
  if (!task || uuid === undefined || uuid === task.updateUuid) return false;
  return task.statuses.some((s) => s.uuid === uuid);
}

/** `latest_state` is what counts, but a terminal status is never undone by an older latest state. */
function furthest(status: TaskState, latest: TaskState): TaskState {
  return isTerminal(status) ? status : latest;
}

/** ACKNOWLEDGE: pass it to the agent. Acknowledging the terminal update completes the task. */
export function acknowledge(
  step: Step,
  framework: FrameworkEntry,
  call: NonNullable<SchedulerCall['acknowledge']>,
): void {
  count(step, 'master/messages_status_update_acknowledgement');
  const agent = step.state.agents.get(call.agent_id.value);
  if (!agent || agent.streamId === undefined) {
    count(step, 'master/invalid_status_update_acknowledgements');
    return;
  }
  const task = framework.tasks.get(call.task_id.value);
  if (task && task.agentId !== agent.id) {
    count(step, 'master/invalid_status_update_acknowledgements');
    return;
  }
  count(step, 'master/valid_status_update_acknowledgements');
  if (task && task.updateUuid === call.uuid && task.updateState && isTerminal(task.updateState))
    completeTask(step, framework, task);
  toAgent(step, agent.streamId, {
    type: 'ACKNOWLEDGE',
    acknowledge: { framework_id: { value: framework.id }, task_id: call.task_id, uuid: call.uuid },
  });
}

/** KILL (mesos-api.md §1.10). An unknown task is answered like a reconciliation of it. */
export function kill(step: Step, framework: FrameworkEntry, call: NonNullable<SchedulerCall['kill']>): void {
  count(step, 'master/messages_kill_task');
  const task = framework.tasks.get(call.task_id.value);
  if (!task) {
    reconcileTasks(step, framework, [call]);
    return;
  }
  if (call.agent_id && call.agent_id.value !== task.agentId) return;
  const policy = call.kill_policy;
  task.kill = policy ? { policy } : {};
  toAgent(step, step.state.agents.get(task.agentId)?.streamId, {
    type: 'KILL_TASK',
    kill_task: {
      framework_id: { value: framework.id },
      task_id: call.task_id,
      ...(policy ? { kill_policy: policy } : {}),
    },
  });
}
