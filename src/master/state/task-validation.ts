import type { TaskInfo } from '../../mesos/index.ts';
import { addResources, containsResources, idProblem, scalarOf } from '../../mesos/index.ts';
import { checkProblem, healthCheckProblem } from './check-validation.ts';
import { commandProblem, containerProblem, sharesCgroups } from './command-validation.ts';
import { executorOn } from './executor-books.ts';
import { customExecutorProblem } from './executor-validation.ts';
import type { LaunchContext } from './launch-context.ts';
import { resourcesText } from './resource-format.ts';
import { overlap, resourceListProblem, togetherProblem } from './resource-validation.ts';

type Check = (task: TaskInfo, context: LaunchContext) => string | undefined;
const prefixed = (prefix: string, problem: string | undefined): string | undefined =>
  problem === undefined ? undefined : prefix + problem;

/** In the order of Mesos (mesos-api.md §1.9); the first that speaks decides. */
const CHECKS: readonly Check[] = [
  (task) => idProblem(task.task_id.value),
  uniqueProblem,
  (task, { agent }) =>
    task.agent_id.value === agent.id
      ? undefined
      : `Task uses invalid agent ${task.agent_id.value} while agent ${agent.id} is expected`,
  (task) =>
    (task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0
      ? "Task's 'kill_policy.grace_period' must be non-negative"
      : undefined,
  (task) =>
    (task.max_completion_time?.nanoseconds ?? 0) < 0
      ? "Task's `max_completion_time` must be non-negative"
      : undefined,
  (task) => prefixed('Task uses invalid check: ', task.check && checkProblem(task.check)),
  (task) =>
    prefixed('Task uses invalid health check: ', task.health_check && healthCheckProblem(task.health_check)),
  (task) => ((task.resources ?? []).length === 0 ? 'Task uses no resources' : undefined),
  (task) => resourceListProblem('Task', task.resources),
  (task) => prefixed("Task's `CommandInfo` is invalid: ", commandProblem(task.command)),
  (task) => prefixed("Task's `ContainerInfo` is invalid: ", containerProblem(task.container)),
  limitsProblem,
];

/** Why a task cannot be launched, whoever is to run it; undefined: it can. */
export function taskProblem(task: TaskInfo, context: LaunchContext): string | undefined {
  return first(CHECKS, task, context);
}

/** The same of a task of LAUNCH. Its resources and those of its executor are allocated already. */
export function launchProblem(task: TaskInfo, context: LaunchContext): string | undefined {
  return first([taskProblem, customExecutorProblem, availableProblem, shareProblem], task, context);
}

function first(checks: readonly Check[], task: TaskInfo, context: LaunchContext): string | undefined {
  for (const check of checks) {
    const problem = check(task, context);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function uniqueProblem({ task_id }: TaskInfo, { framework }: LaunchContext): string | undefined {
  if (framework.tasks.has(task_id.value)) return `Task has duplicate ID: ${task_id.value}`;
  return framework.unreachableTasks.has(task_id.value)
    ? `Task reuses the ID of an unreachable task: ${task_id.value}`
    : undefined;
}

function limitsProblem({ limits, resources }: TaskInfo): string | undefined {
  if (limits === undefined) return undefined;
  const names = Object.keys(limits);
  if (names.some((name) => name !== 'cpus' && name !== 'mem'))
    return "Only cpus and mem may be included in a task's resource limits";
  for (const [name, short, long] of [
    ['cpus', 'cpu', 'CPU'],
    ['mem', 'memory', 'memory'],
  ] as const) {
    if (!Object.hasOwn(limits, name)) continue;
    // No limit is `Infinity`, which JSON can only say as text.
    const limit = Number(limits[name]?.value);
    const asked = scalarOf(resources, name);
    if (asked === 0) return `When a ${long} limit is specified, a ${long} request must also be specified`;
    if (!(limit >= asked)) return `The ${short} limit must be greater than or equal to the ${short} request`;
  }
  return undefined;
}

function availableProblem(
  task: TaskInfo,
  { framework, agent, available }: LaunchContext,
): string | undefined {
  const { executor, resources } = task;
  const own = executor?.resources ?? [];
  const problem = togetherProblem('Task and its executor', [resources, own]);
  if (problem !== undefined) return problem;
  if (overlap([resources, own]))
    return `There are overlapping resources in the task resources ${resourcesText(resources)} and executor resources ${resourcesText(own)}`;
  const isNew = executor && !executorOn(agent, framework.id, executor.executor_id.value);
  const total = isNew ? addResources(resources, own) : resources;
  return containsResources(available, total)
    ? undefined
    : `Total resources ${resourcesText(total)} required by task and its executor is more than available ${resourcesText(available)}`;
}

function shareProblem({ container }: TaskInfo): string | undefined {
  return sharesCgroups(container) === false
    ? "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    : undefined;
}
