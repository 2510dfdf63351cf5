import type { May } from '../../core/access.ts';
import type { ExecutorInfo, Resource, TaskInfo } from '../../mesos/index.ts';
import { addResources, subtractResources } from '../../mesos/index.ts';
import type { OfferOperation } from '../input/scheduler-call.ts';
import { addTask, masterStatus, sendUpdate } from './bookkeeping.ts';
import { addExecutor, executorOn } from './executor-books.ts';
import { completeExecutor } from './executor-validation.ts';
import { groupProblem } from './group-validation.ts';
import type { AgentEntry, FrameworkEntry } from './model.ts';
import { userOf } from './permissions.ts';
import { allocatedResources } from './resource-validation.ts';
import { count, toAgent } from './step.ts';
import type { Step } from './step.ts';
import { TaskEntry, partsOf } from './task-entry.ts';
import { launchProblem } from './task-validation.ts';

/** LAUNCH and LAUNCH_GROUP (mesos-api.md §1.9). Both return what is left of the offers' resources. */

/** Who launches where. */
export interface Launching {
  readonly framework: FrameworkEntry;
  readonly agent: AgentEntry;
  /** What the offers are allocated to. */
  readonly role: string;
  readonly may: May;
}

type Launch = NonNullable<OfferOperation['launch']>;
type LaunchGroup = NonNullable<OfferOperation['launch_group']>;

/** Each task by itself: one that cannot be launched does not keep the others from it. */
export function launchTasks(
  step: Step,
  at: Launching,
  pool: readonly Resource[],
  { task_infos = [] }: Launch,
): readonly Resource[] {
  const { framework, agent, may } = at;
  let left = pool;
  for (const given of task_infos) {
    const executor = given.executor && completeExecutor(given.executor, framework, at.role);
    const task = completeTaskInfo(given, executor, at.role);
    const problem = launchProblem(task, { framework, agent, available: left });
    const user = userOf(task, framework.info);
    if (problem !== undefined) taskError(step, framework, given, 'REASON_TASK_INVALID', problem);
    else if (!may('run_tasks', user))
      taskError(step, framework, given, 'REASON_TASK_UNAUTHORIZED', unauthorized(user));
    else {
      const launch_executor = executor && takeExecutor(at, executor);
      recordTask(step, at, task);
      left = subtractResources(left, task.resources);
      if (launch_executor === true) left = subtractResources(left, executor?.resources ?? []);
      toAgent(step, agent.streamId, {
        type: 'RUN_TASK',
        run_task: {
          framework_info: framework.info,
          task,
          ...(launch_executor !== undefined && { launch_executor }),
        },
      });
    }
  }
  return left;
}

/** All of the tasks or none: each hears of the first problem there is. */
export function launchGroup(
  step: Step,
  at: Launching,
  pool: readonly Resource[],
  group: LaunchGroup,
): readonly Resource[] {
  const { framework, agent, may } = at;
  const given = group.task_group.tasks ?? [];
  if (given.length === 0) return pool;
  const executor = completeExecutor(group.executor, framework, at.role);
  const tasks = given.map((task) =>
    completeTaskInfo(task, completeExecutor(task.executor ?? executor, framework, at.role), at.role),
  );
  const refuse = (reason: string, message: string): readonly Resource[] => {
    for (const task of given) taskError(step, framework, task, reason, message);
    return pool;
  };
  const problem = groupProblem(tasks, executor, { framework, agent, available: pool });
  if (problem !== undefined) return refuse('REASON_TASK_GROUP_INVALID', problem);
  const denied = tasks.map((task) => userOf(task, framework.info)).find((user) => !may('run_tasks', user));
  if (denied !== undefined) return refuse('REASON_TASK_GROUP_UNAUTHORIZED', unauthorized(denied));
  const launch_executor = takeExecutor(at, executor);
  for (const task of tasks) recordTask(step, at, task);
  toAgent(step, agent.streamId, {
    type: 'RUN_TASK_GROUP',
    run_task_group: { framework_info: framework.info, executor_info: executor, tasks, launch_executor },
  });
  const used = tasks.flatMap((task) => task.resources);
  return subtractResources(pool, addResources(used, launch_executor ? (executor.resources ?? []) : []));
}

/** A task as the master keeps it and the agent gets it. */
function completeTaskInfo(given: TaskInfo, executor: ExecutorInfo | undefined, role: string): TaskInfo {
  return {
    ...given,
    ...(executor && { executor }),
    resources: allocatedResources(given.resources, role),
  };
}

/** The executor that tasks go to. True: it is new, has its resources from now on and is to be started. */
function takeExecutor({ framework, agent }: Launching, info: ExecutorInfo): boolean {
  const id = info.executor_id.value;
  if (executorOn(agent, framework.id, id)) return false;
  addExecutor(framework, agent, { id, frameworkId: framework.id, agentId: agent.id, info });
  return true;
}

function recordTask(step: Step, { framework, agent, role }: Launching, info: TaskInfo): void {
  const parts = { ...partsOf(info), frameworkId: framework.id, agentId: agent.id, role };
  addTask(step, framework, agent, new TaskEntry({ ...parts, state: 'TASK_STAGING', statuses: [] }));
}

const unauthorized = (user: string): string => `Not authorized to launch as user '${user}'`;

/** A task that is not launched. */
export function taskError(
  step: Step,
  framework: FrameworkEntry,
  task: TaskInfo,
  reason: string,
  message: string,
): void {
  count(step, 'master/tasks_error');
  count(step, `master/task_error/source_master/${reason.toLowerCase()}`);
  sendUpdate(
    step,
    framework,
    masterStatus(step, task.task_id.value, 'TASK_ERROR', { message, reason, agent_id: task.agent_id }),
  );
}
