import { addResources, hideSecrets, summarizeResources } from '../../mesos/index.ts';
import type { AgentInfo, FrameworkInfo, Labels, Resource, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import { resourcesOf } from '../executors/executor.ts';
import type { ExecutorView } from '../executors/executor.ts';
import type { TaskView } from '../tasks/task-view.ts';
import { flagsOf, VERSION_INFO } from './flags.ts';
import { AGENT_CAPABILITIES } from './view.ts';
import type { AgentView } from './view.ts';

/** The v0 `/state` document of an agent (mesos-api.md §3.6). */
export function stateDocument(view: AgentView): Record<string, unknown> {
  const { info, address } = view;
  const used = view.live.filter(({ over }) => !over).flatMap(resourcesOf);
  const active = byFramework(view.live);
  const past = byFramework(view.completed);
  return {
    ...VERSION_INFO,
    start_time: view.startedAt / 1000,
    ...(info.id ? { id: info.id.value } : { id: '' }),
    pid: `slave(1)@${address.host}:${address.port}`,
    hostname: info.hostname,
    capabilities: AGENT_CAPABILITIES,
    ...(info.domain && { domain: info.domain }),
    ...drainOf(view),
    resources: summarizeResources(info.resources),
    ...reservations(info.resources, used),
    resource_providers: [],
    attributes: attributesOf(info),
    master_hostname: view.registered ? new URL(view.master).hostname : '',
    flags: flagsOf(view.config),
    frameworks: [...active].map(([id, executors]) => frameworkOf(executors, past.get(id) ?? [])),
    completed_frameworks: [...past]
      .filter(([id]) => !active.has(id))
      .map(([, executors]) => frameworkOf([], executors)),
  };
}

function drainOf({ draining }: AgentView): Record<string, unknown> {
  const { config, startedMs = 0 } = draining ?? {};
  return config === undefined
    ? {}
    : { drain_config: config, estimated_drain_start_time_seconds: startedMs / 1000 };
}

function reservations(total: readonly Resource[], used: readonly Resource[]): Record<string, unknown> {
  const free = total.filter((r) => (r.role ?? '*') === '*');
  const roles = new Map<string, Resource[]>();
  for (const r of total) {
    const role = r.role ?? '*';
    if (role !== '*') roles.set(role, [...(roles.get(role) ?? []), r]);
  }
  const reserved = [...roles];
  return {
    reserved_resources: Object.fromEntries(reserved.map(([role, r]) => [role, summarizeResources(r)])),
    unreserved_resources: summarizeResources(free),
    reserved_resources_full: Object.fromEntries(reserved),
    unreserved_resources_full: free,
    reserved_resources_allocated: {},
    unreserved_resources_allocated: summarizeResources(addResources([], used)),
  };
}

function attributesOf(info: AgentInfo): Record<string, unknown> {
  return Object.fromEntries(
    (info.attributes ?? []).map((a) => {
      if (a.text) return [a.name, a.text.value];
      if (a.scalar) return [a.name, a.scalar.value];
      const ranges = a.ranges?.range ?? [];
      return [a.name, `[${ranges.map((r) => `${r.begin}-${r.end}`).join(', ')}]`];
    }),
  );
}

/** By framework id, in order of arrival. */
export function byFramework(executors: readonly ExecutorView[]): Map<string, ExecutorView[]> {
  return Map.groupBy(executors, ({ place }) => place.frameworkId);
}

function frameworkOf(live: readonly ExecutorView[], past: readonly ExecutorView[]): Record<string, unknown> {
  const executor = live[0] ?? past[0];
  if (!executor) return {};
  const f: FrameworkInfo = executor.framework;
  const multi = f.capabilities?.some((c) => c.type === 'MULTI_ROLE') ?? false;
  return {
    id: executor.place.frameworkId,
    name: f.name,
    user: f.user,
    failover_timeout: f.failover_timeout,
    checkpoint: f.checkpoint,
    hostname: f.hostname ?? '',
    ...(f.principal === undefined ? {} : { principal: f.principal }),
    ...(multi ? { roles: f.roles ?? [] } : { role: f.role ?? '*' }),
    executors: live.map(executorOf),
    completed_executors: past.map(executorOf),
  };
}

function roleOf(resources: readonly Resource[], framework: FrameworkInfo): string {
  return resources.find((r) => r.allocation_info)?.allocation_info?.role ?? framework.role ?? '*';
}

/** Labels stand flattened in v0, discovery does not. */
function labelsOf({ labels }: { readonly labels?: Labels }): Record<string, unknown> {
  return labels ? { labels: labels.labels ?? [] } : {};
}

function executorOf(executor: ExecutorView): Record<string, unknown> {
  const { place, info, framework, isOfCommand } = executor;
  return {
    id: place.executorId,
    name: info.name ?? '',
    source: info.source ?? '',
    container: place.containerId,
    directory: executor.sandbox,
    resources: summarizeResources(isOfCommand === true ? (info.resources ?? []) : resourcesOf(executor)),
    role: roleOf(info.resources ?? [], framework),
    ...labelsOf(info),
    ...(isOfCommand === true ? {} : { type: info.type ?? 'CUSTOM' }),
    tasks: executor.tasks.map((task) => taskOf(executor, task)),
    queued_tasks: executor.queued.map((task) => queuedTaskOf(executor, task)),
    completed_tasks: executor.completed.map((task) => taskOf(executor, task)),
  };
}

/** The executor of a command task has no name for frameworks. */
const executorIdOf = ({ isOfCommand, place }: ExecutorView): string =>
  isOfCommand === true ? '' : place.executorId;

function queuedTaskOf(executor: ExecutorView, task: TaskInfo): Record<string, unknown> {
  return {
    id: task.task_id.value,
    name: task.name,
    slave_id: executor.place.agentId,
    resources: summarizeResources(task.resources),
    role: roleOf(task.resources, executor.framework),
    ...(task.command ? { command: hideSecrets(task.command) } : {}),
    executor_id: executorIdOf(executor),
    ...(task.discovery ? { discovery: task.discovery } : {}),
  };
}

function taskOf(
  executor: ExecutorView,
  { place, task, state, framework, updates }: TaskView,
): Record<string, unknown> {
  return {
    id: place.taskId,
    name: task.name,
    framework_id: place.frameworkId,
    executor_id: executorIdOf(executor),
    slave_id: place.agentId,
    state,
    resources: summarizeResources(task.resources),
    role: roleOf(task.resources, framework),
    statuses: updates.all.map(statusOf),
    ...labelsOf(task),
    ...(task.discovery ? { discovery: task.discovery } : {}),
    ...(task.container === undefined ? {} : { container: hideSecrets(task.container) }),
    ...(task.health_check ? { health_check: hideSecrets(task.health_check) } : {}),
  };
}

function statusOf(status: TaskStatus): Record<string, unknown> {
  const { executor_pid: _pid, ...container } = status.container_status ?? {};
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.container_status ? { container_status: container } : {}),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}
