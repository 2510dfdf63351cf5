import type { ExecutorInfo, TaskInfo } from '../../mesos/index.ts';
import { idProblem } from '../../mesos/index.ts';
import { commandProblem, containerProblem, sharesCgroups } from './command-validation.ts';
import { executorOn } from './executor-books.ts';
import type { LaunchContext } from './launch-context.ts';
import type { FrameworkEntry } from './model.ts';
import { resourcesText } from './resource-format.ts';
import { allocatedResources, resourceListProblem } from './resource-validation.ts';

/** An executor as the master keeps it: with its framework, its resources in internal format and allocated. */
export function completeExecutor(given: ExecutorInfo, framework: FrameworkEntry, role: string): ExecutorInfo {
  return {
    ...given,
    framework_id: given.framework_id ?? { value: framework.id },
    resources: allocatedResources(given.resources, role),
  };
}

/** Why tasks cannot be given to an executor, whatever launches them, in the order and words of Mesos (mesos-api.md §1.9). */
export function executorProblem(executor: ExecutorInfo, context: LaunchContext): string | undefined {
  const { framework } = context;
  const own = formProblem(executor);
  if (own !== undefined) return own;
  if (executor.framework_id?.value !== framework.id)
    return `ExecutorInfo has an invalid FrameworkID (Actual: ${executor.framework_id?.value} vs Expected: ${framework.id})`;
  return resourceListProblem('Executor', executor.resources ?? []) ?? changeProblem(executor, context);
}

function formProblem(executor: ExecutorInfo): string | undefined {
  const type = typeProblem(executor) ?? idProblem(executor.executor_id.value);
  if (type !== undefined) return type;
  if ((executor.shutdown_grace_period?.nanoseconds ?? 0) < 0)
    return "ExecutorInfo's 'shutdown_grace_period' must be non-negative";
  const command = commandProblem(executor.command);
  if (command !== undefined) return `Executor's \`CommandInfo\` is invalid: ${command}`;
  const container = containerProblem(executor.container);
  return container === undefined ? undefined : `Executor's \`ContainerInfo\` is invalid: ${container}`;
}

function typeProblem({ type, command, container }: ExecutorInfo): string | undefined {
  if (type === 'CUSTOM' && command === undefined)
    return "'ExecutorInfo.command' must be set for 'CUSTOM' executor";
  if (type !== 'DEFAULT') return undefined;
  if (command !== undefined) return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
  if (container === undefined) return undefined;
  if (container.type !== 'MESOS')
    return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor";
  return container.mesos?.image === undefined
    ? undefined
    : "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor";
}

/** An executor that lives stays what it is. */
function changeProblem(executor: ExecutorInfo, { framework, agent }: LaunchContext): string | undefined {
  const known = executorOn(agent, framework.id, executor.executor_id.value);
  if (!known || sameExecutor(known.info, executor)) return undefined;
  const rule = '-'.repeat(60);
  return `ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n${rule}\nExisting ExecutorInfo:\n${JSON.stringify(known.info)}\n${rule}\nExecutorInfo:\n${JSON.stringify(executor)}\n${rule}\n`;
}

/** Whether two completed executors are the same. The order of resources does not count. */
export function sameExecutor(a: ExecutorInfo, b: ExecutorInfo): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint({ resources, ...rest }: ExecutorInfo): string {
  return canonical({ ...rest, resources: (resources ?? []).map(canonical).sort() });
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Exactly one of command and executor, and what LAUNCH asks of an executor. */
export function customExecutorProblem(task: TaskInfo, context: LaunchContext): string | undefined {
  const { executor } = task;
  if ((task.command === undefined) === (executor === undefined))
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  if (executor === undefined) return undefined;
  const problem = executorProblem(executor, context);
  if (problem !== undefined) return problem;
  if ((executor.type ?? 'CUSTOM') !== 'CUSTOM') return "'ExecutorInfo.type' must be 'CUSTOM'";
  if (executor.command === undefined) return "'ExecutorInfo.command' must be set";
  const resources = executor.resources ?? [];
  if (resources.some((r) => r.shared !== undefined))
    return `Executor resources ${resourcesText(resources)} should not contain any shared resources`;
  return executorShareProblem(executor);
}

export function executorShareProblem({ container }: ExecutorInfo): string | undefined {
  return sharesCgroups(container) === true
    ? "The 'share_cgroups' field cannot be set to 'true' on executor containers"
    : undefined;
}
