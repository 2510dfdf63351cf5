import type { AgentTask, ExecutorInfo, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import type { TaskView } from './task-view.ts';

/**
 * A task as a master is told of it that may not know it. As in Mesos, of what a task is only what masters show: with its command, its data and those of its
 * executor, the one call that tells all of them could be larger than a master takes, and the agent would never be let in again.
 */
export function reportOf({ place, task, state, updates }: TaskView): AgentTask {
  const last = updates.lastSent;
  return {
    framework_id: { value: place.frameworkId },
    task: shownOf(task),
    state,
    ...(last ? { last_status: withoutData(last) } : {}),
  };
}

/** The same of one that its executor has not been given yet. */
export function queuedReportOf(frameworkId: string, task: TaskInfo): AgentTask {
  return { framework_id: { value: frameworkId }, task: shownOf(task), state: 'TASK_STAGING' };
}

function shownOf(task: TaskInfo): TaskInfo {
  const { data: _data, check: _check, max_completion_time: _time, command, executor, ...shown } = task;
  return {
    ...shown,
    ...(command && { command: userOf(command) }),
    ...(executor && { executor: nameOf(executor) }),
  };
}

/** What it runs is for its agent; as whom, for masters as well. */
function userOf({ user }: { readonly user?: string }): { readonly user?: string } {
  return user === undefined ? {} : { user };
}

function nameOf({ executor_id, command }: ExecutorInfo): ExecutorInfo {
  return { executor_id, ...(command && { command: userOf(command) }) };
}

function withoutData({ data: _data, ...status }: TaskStatus): TaskStatus {
  return status;
}
