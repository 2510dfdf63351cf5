import { addResources, summarizeResources } from '../../mesos/index.ts';
import type { AgentInfo, FrameworkInfo, Resource, TaskStatus } from '../../mesos/index.ts';
import { executorName } from '../tasks/command.ts';
import type { TaskRun } from '../tasks/task-run.ts';
import { flagsOf, VERSION_INFO } from './flags.ts';
import { AGENT_CAPABILITIES } from './view.ts';
import type { AgentView } from './view.ts';

/** The v0 `/state` document of an agent (mesos-api.md §3.6). */
export function stateDocument(view: AgentView): Record<string, unknown> {
  const { info, address } = view;
  const used = view.live.filter((r) => !r.over).flatMap((r) => r.task.resources);
  const active = byFramework(view.live);
  const past = byFramework(view.completed);
  return {
    ...VERSION_INFO,
    start_time: view.startedAt / 1000,
    ...(info.id ? { id: info.id.value } : { id: '' }),
    pid: `slave(1)@${address.host}:${address.port}`,
    hostname: info.hostname,
    capabilities: AGENT_CAPABILITIES,
    resources: summarizeResources(info.resources),
    ...reservations(info.resources, used),
    resource_providers: [],
    attributes: attributesOf(info),
    master_hostname: view.registered ? new URL(view.master).hostname : '',
    flags: flagsOf(view.config),
    frameworks: [...active].map(([id, runs]) => frameworkOf(runs, past.get(id) ?? [])),
    completed_frameworks: [...past]
      .filter(([id]) => !active.has(id))
      .map(([, runs]) => frameworkOf([], runs)),
  };
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

/** Runs by framework id, in order of arrival. */
export function byFramework(runs: readonly TaskRun[]): Map<string, TaskRun[]> {
  const map = new Map<string, TaskRun[]>();
  for (const run of runs) {
    const list = map.get(run.place.frameworkId);
    if (list) list.push(run);
    else map.set(run.place.frameworkId, [run]);
  }
  return map;
}

function frameworkOf(live: readonly TaskRun[], past: readonly TaskRun[]): Record<string, unknown> {
  const run = live[0] ?? past[0];
  if (!run) return {};
  const f: FrameworkInfo = run.framework;
  const multi = f.capabilities?.some((c) => c.type === 'MULTI_ROLE') ?? false;
  return {
    id: run.place.frameworkId,
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

function roleOf(run: TaskRun): string {
  return (
    run.task.resources.find((r) => r.allocation_info)?.allocation_info?.role ?? run.framework.role ?? '*'
  );
}

/** Labels stand flattened in v0, discovery does not. */
function labelsOf(run: TaskRun): Record<string, unknown> {
  return run.task.labels ? { labels: run.task.labels.labels ?? [] } : {};
}

function executorOf(run: TaskRun): Record<string, unknown> {
  const task = taskOf(run);
  return {
    id: run.place.taskId,
    name: executorName(run.task),
    source: run.place.taskId,
    container: run.place.containerId,
    directory: run.sandbox,
    resources: summarizeResources(run.task.resources),
    role: roleOf(run),
    ...labelsOf(run),
    tasks: run.updates.closed ? [] : [task],
    queued_tasks: [],
    completed_tasks: run.updates.closed ? [task] : [],
  };
}

function taskOf(run: TaskRun): Record<string, unknown> {
  const { task } = run;
  return {
    id: run.place.taskId,
    name: task.name,
    framework_id: run.place.frameworkId,
    executor_id: '',
    slave_id: run.place.agentId,
    state: run.state,
    resources: summarizeResources(task.resources),
    role: roleOf(run),
    statuses: run.updates.all.map(statusOf),
    ...labelsOf(run),
    ...(task.discovery ? { discovery: task.discovery } : {}),
    ...(task.container === undefined ? {} : { container: task.container }),
    ...(task.health_check ? { health_check: task.health_check } : {}),
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
