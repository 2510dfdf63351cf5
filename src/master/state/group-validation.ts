import type { ExecutorInfo, TaskInfo } from '../../mesos/index.ts';
import { addResources, containsResources, scalarOf } from '../../mesos/index.ts';
import { sharesCgroups } from './command-validation.ts';
import { executorOn } from './executor-books.ts';
import { executorProblem, executorShareProblem, sameExecutor } from './executor-validation.ts';
import type { LaunchContext } from './launch-context.ts';
import { resourcesText } from './resource-format.ts';
import { overlap, togetherProblem } from './resource-validation.ts';
import { taskProblem } from './task-validation.ts';

/** What the executor of a group needs at least. */
const MIN_CPUS = 0.01;
const MIN_MEM = 32;

/**
 * Why a task group cannot be launched, in the order and words of Mesos (mesos-api.md §1.9); one bad task spoils all.
 * Every task has its executor, and all resources are allocated already.
 */
export function groupProblem(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  context: LaunchContext,
): string | undefined {
  const ids = new Set<string>();
  for (const task of tasks) {
    const id = task.task_id.value;
    const problem = ids.has(id) ? `Task has duplicate ID: ${id}` : memberProblem(task, context);
    if (problem !== undefined) return `Task '${id}' is invalid: ${problem}`;
    ids.add(id);
  }
  return (
    executorProblem(executor, context) ??
    groupExecutorProblem(tasks, executor) ??
    groupResourcesProblem(tasks, executor, context) ??
    executorShareProblem(executor) ??
    shareProblem(tasks, executor, context)
  );
}

function memberProblem(task: TaskInfo, context: LaunchContext): string | undefined {
  const problem = taskProblem(task, context);
  if (problem !== undefined) return problem;
  const { container, health_check: health } = task;
  const overNetwork = health?.http !== undefined || health?.tcp !== undefined;
  if ((container?.network_infos?.length ?? 0) > 0 && overNetwork)
    return "HTTP and TCP health checks are not supported for nested containers not joining parent's network";
  if (container?.type === 'DOCKER') return 'Docker ContainerInfo is not supported on the task';
  if (task.limits !== undefined && sharesCgroups(container) !== false)
    return "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.";
  return undefined;
}

function groupExecutorProblem(tasks: readonly TaskInfo[], executor: ExecutorInfo): string | undefined {
  const { type, container, resources = [] } = executor;
  const id = executor.executor_id.value;
  if (type === undefined) return "'ExecutorInfo.type' must be set";
  if (type === 'UNKNOWN') return 'Unknown executor type';
  if (container?.type === 'DOCKER') return 'Docker ContainerInfo is not supported on the executor';
  const other = tasks.find((task) => task.executor && !sameExecutor(task.executor, executor));
  if (other)
    return `The \`ExecutorInfo\` of task '${other.task_id.value}' is different from executor '${id}'`;
  const asked = (name: string): number | undefined =>
    resources.some((r) => r.name === name) ? scalarOf(resources, name) : undefined;
  const [cpus, mem] = [asked('cpus'), asked('mem')];
  if (cpus === undefined || cpus < MIN_CPUS)
    return `Executor '${id}' uses less CPUs (${cpus ?? 'None'}) than the minimum required (${MIN_CPUS})`;
  if (mem === undefined || mem < MIN_MEM)
    return `Executor '${id}' uses less memory (${mem === undefined ? 'None' : `${mem}MB`}) than the minimum required (${MIN_MEM}MB)`;
  return asked('disk') === undefined ? `Executor '${id}' uses no disk` : undefined;
}

function groupResourcesProblem(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  { framework, agent, available }: LaunchContext,
): string | undefined {
  const own = executor.resources ?? [];
  const lists = tasks.map((task) => task.resources);
  const problem = togetherProblem('Task group and executor', [...lists, own]);
  if (problem !== undefined) return problem;
  if (overlap([...lists, own]))
    return `There are overlapping resources in the task group's task resources { ${lists.map(resourcesText).join(', ')} } and/or executor resources ${resourcesText(own)}`;
  const known = executorOn(agent, framework.id, executor.executor_id.value);
  const total = addResources(lists.flat(), known ? [] : own);
  return containsResources(available, total)
    ? undefined
    : `Total resources ${resourcesText(total)} required by task group and its executor are more than available ${resourcesText(available)}`;
}

/** All tasks of one executor have cgroups of their own, or none has. */
function shareProblem(
  tasks: readonly TaskInfo[],
  { executor_id }: ExecutorInfo,
  { agent, framework }: LaunchContext,
): string | undefined {
  const beside = [...agent.tasks].filter(
    (task) => task.frameworkId === framework.id && task.executorId === executor_id.value,
  );
  const all = [...tasks, ...beside.map((task) => task.info)];
  const said = new Set(all.map((task) => sharesCgroups(task.container) ?? true));
  return said.size > 1
    ? "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor"
    : undefined;
}
