import type { CommandInfo, HealthCheck, Resource, TaskInfo } from '../../mesos/index.ts';
import { containsResources, idProblem, resourcesProblem, sizeOfRanges } from '../../mesos/index.ts';
import type { FrameworkEntry } from './model.ts';
import { internal, resourcesText } from './resource-format.ts';

/** What tasks of one ACCEPT are checked against. */
export interface LaunchContext {
  readonly framework: FrameworkEntry;
  readonly agentId: string;
  readonly role: string;
  /** What is left of the accepted offers, allocated to `role`. */
  readonly available: readonly Resource[];
}

/** The resources of a task in internal format, allocated to the role of the offer where the client did not say. */
export function taskResources(task: TaskInfo, role: string): Resource[] {
  const given = task.resources ?? [];
  return internal(given.map((r) => (r.allocation_info ? r : { ...r, allocation_info: { role } })));
}

type Check = (task: TaskInfo, context: LaunchContext) => string | undefined;

/** In the order of Mesos (mesos-api.md §1.9); the first that speaks decides. */
const CHECKS: readonly Check[] = [
  (task) => idProblem(task.task_id.value),
  (task, { framework }) =>
    framework.tasks.has(task.task_id.value) || framework.unreachableTasks.has(task.task_id.value)
      ? `Task has duplicate ID: ${task.task_id.value}`
      : undefined,
  (task, { agentId }) =>
    task.agent_id.value === agentId
      ? undefined
      : `Task uses invalid agent ${task.agent_id.value} while agent ${agentId} is expected`,
  (task) =>
    (task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0
      ? "Task's 'kill_policy.grace_period' must be non-negative"
      : undefined,
  (task) =>
    (task.max_completion_time?.nanoseconds ?? 0) < 0
      ? "Task's 'max_completion_time' must be non-negative"
      : undefined,
  (task) => healthCheckProblem(task.health_check),
  resourceListProblem,
  (task) => commandProblem(task.command),
  whatToRunProblem,
  availableProblem,
];

/** Why a task cannot be launched, or undefined. */
export function taskProblem(task: TaskInfo, context: LaunchContext): string | undefined {
  for (const check of CHECKS) {
    const problem = check(task, context);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function healthCheckProblem(check: HealthCheck | undefined): string | undefined {
  if (!check) return undefined;
  const prefix = 'Task uses invalid health check: ';
  const type = check.type ?? (check.http ? 'HTTP' : check.command ? 'COMMAND' : 'UNKNOWN');
  if (type === 'UNKNOWN') return `${prefix}'UNKNOWN' is not a valid health check type`;
  const part = type === 'COMMAND' ? check.command : type === 'HTTP' ? check.http : check.tcp;
  if (!part) return `${prefix}Expecting '${type.toLowerCase()}' to be set for ${type} health check`;
  if (type === 'COMMAND') {
    const problem = commandProblem(check.command);
    if (problem) return `${prefix}Health check's ${problem}`;
    if (check.command?.value === undefined)
      return `${prefix}Command health check must contain 'shell command'`;
  }
  const problem = type === 'HTTP' ? httpProblem(check.http) : undefined;
  return problem === undefined ? timingProblem(check, prefix) : prefix + problem;
}

function httpProblem(http: HealthCheck['http']): string | undefined {
  const scheme = http?.scheme ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') return `Unsupported HTTP health check scheme: '${scheme}'`;
  if (http?.path !== undefined && !http.path.startsWith('/'))
    return `The path '${http.path}' of HTTP health check must start with '/'`;
  return undefined;
}

const TIMINGS = ['delay_seconds', 'interval_seconds', 'timeout_seconds', 'grace_period_seconds'] as const;

function timingProblem(check: HealthCheck, prefix: string): string | undefined {
  const bad = TIMINGS.find((name) => (check[name] ?? 0) < 0);
  return bad === undefined ? undefined : `${prefix}Expecting '${bad}' to be non-negative`;
}

function resourceListProblem(task: TaskInfo, { role }: LaunchContext): string | undefined {
  const given = task.resources ?? [];
  if (given.length === 0) return 'Task uses no resources';
  const problem = resourcesProblem(given);
  if (problem) return `Task uses invalid resources: ${problem}`;
  const ports = given.filter((r) => r.name === 'ports').map((r) => r.ranges?.range ?? []);
  const apart = ports.reduce((n, ranges) => n + sizeOfRanges(ranges), 0);
  if (apart !== sizeOfRanges(ports.flat()))
    return "Task uses invalid resources: the 'ports' of the task overlap";
  const other = given.find((r) => r.allocation_info && r.allocation_info.role !== role);
  return other
    ? `Task uses resources allocated to role '${other.allocation_info?.role}' while the offer is allocated to '${role}'`
    : undefined;
}

function commandProblem(command: CommandInfo | undefined): string | undefined {
  for (const variable of command?.environment?.variables ?? []) {
    const name = `Environment variable '${variable.name}'`;
    const secret = (variable as { readonly secret?: unknown }).secret !== undefined;
    if (variable.type === 'UNKNOWN') return `${name} of type 'UNKNOWN' is not allowed`;
    if (variable.type === 'SECRET')
      return secret && variable.value === undefined
        ? `${name} of type 'SECRET' is not supported by this master`
        : `${name} of type 'SECRET' must have a secret and no value set`;
    if (variable.value === undefined) return `${name} of type 'VALUE' must have a value set`;
    if (secret) return `${name} of type 'VALUE' must not have a secret set`;
  }
  return undefined;
}

function whatToRunProblem(task: TaskInfo): string | undefined {
  if ((task.command === undefined) === (task.executor === undefined))
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  if (task.executor !== undefined)
    return "Task has an 'executor', which this master does not support: give it a 'command' instead";
  const { command } = task;
  if (command?.value === undefined && task.container === undefined)
    return "Task's 'command.value' must be set";
  return undefined;
}

function availableProblem(task: TaskInfo, { available, role }: LaunchContext): string | undefined {
  const wanted = taskResources(task, role);
  if (containsResources(available, wanted)) return undefined;
  return `Total resources ${resourcesText(wanted)} required by task and its executor is more than available ${resourcesText(available)}`;
}
