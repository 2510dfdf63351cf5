import type { LongList } from '../../core/json/long-list.ts';
import type {
  AgentInfo,
  Attribute,
  CommandInfo,
  Labels,
  NetworkInfo,
  Resource,
  Task,
  TaskLimits,
  TaskStatus,
} from '../../mesos/index.ts';
import { addResources, hideSecrets, rangesText, summarizeResources } from '../../mesos/index.ts';
import { isActive } from '../state/agent-facts.ts';
import { hasCapability } from '../state/model.ts';
import type { ExecutorEntry, FrameworkEntry, OfferEntry } from '../state/model.ts';
import { endpointFormat } from '../state/resource-format.ts';
import { seconds } from '../state/step.ts';
import { agentPid } from './v1.ts';
import type { AgentNow } from './v1.ts';

/** The v0 documents (mesos-api.md §3.5): flattened resources and attributes, `slave` for agent, times in seconds. */
type Json = Readonly<Record<string, unknown>>;

export function agentV0(agent: AgentNow): Json {
  const { reserved, unreserved } = byReservation(agent.total);
  return {
    ...agentInfoV0(agent.info),
    ...(agent.info.domain === undefined ? {} : { domain: agent.info.domain }),
    pid: agentPid(agent),
    registered_time: seconds(agent.registeredMs),
    ...(agent.reregisteredMs === undefined ? {} : { reregistered_time: seconds(agent.reregisteredMs) }),
    resources: summarizeResources(agent.total),
    used_resources: summarizeResources(agent.used),
    offered_resources: summarizeResources(agent.offered),
    reserved_resources: Object.fromEntries([...reserved].map(([role, r]) => [role, summarizeResources(r)])),
    unreserved_resources: summarizeResources(unreserved),
    active: isActive(agent),
    deactivated: agent.deactivated,
    version: agent.version,
    capabilities: agent.capabilities.map((c) => c.type),
    ...(agent.drain === undefined ? {} : { drain_info: agent.drain }),
    ...(agent.drainStartMs === undefined
      ? {}
      : { estimated_drain_start_time_seconds: seconds(agent.drainStartMs) }),
  };
}

/** What /slaves says in addition: the same resources unflattened. */
export function agentFullV0(agent: AgentNow): Json {
  const { reserved, unreserved } = byReservation(agent.total);
  return {
    ...agentV0(agent),
    reserved_resources_full: Object.fromEntries(
      [...reserved].map(([role, resources]) => [role, endpointFormat(resources)]),
    ),
    unreserved_resources_full: unreserved,
    used_resources_full: endpointFormat(agent.used),
    offered_resources_full: endpointFormat(agent.offered),
  };
}

export function agentInfoV0(info: AgentInfo): Json {
  return {
    id: info.id?.value ?? '',
    hostname: info.hostname,
    port: info.port,
    attributes: Object.fromEntries((info.attributes ?? []).map((a) => [a.name, attributeV0(a)])),
  };
}

function attributeV0(attribute: Attribute): number | string {
  if (attribute.type === 'SCALAR') return attribute.scalar?.value ?? 0;
  if (attribute.type === 'RANGES') return rangesText(attribute.ranges?.range ?? []);
  if (attribute.type === 'SET') return `{${(attribute.set?.item ?? []).join(', ')}}`;
  return attribute.text?.value ?? '';
}

function byReservation(total: readonly Resource[]): {
  readonly reserved: ReadonlyMap<string, readonly Resource[]>;
  readonly unreserved: readonly Resource[];
} {
  const reserved = new Map<string, readonly Resource[]>();
  for (const r of total) {
    const role = r.role ?? '*';
    if (role !== '*') reserved.set(role, [...(reserved.get(role) ?? []), r]);
  }
  return { reserved, unreserved: total.filter((r) => (r.role ?? '*') === '*') };
}

/** The fields that /state and /state-summary share. */
export function frameworkHeadV0(framework: FrameworkEntry): Json {
  const { info } = framework;
  return {
    id: framework.id,
    name: info.name,
    used_resources: summarizeResources(framework.used),
    offered_resources: summarizeResources(framework.offered),
    capabilities: (info.capabilities ?? []).map((c) => c.type ?? 'UNKNOWN'),
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.active,
    connected: framework.streamId !== undefined,
    recovered: framework.recovered,
  };
}

/** What of a framework is written later, an item at a time. */
interface FrameworkLists {
  readonly tasks: LongList;
  readonly unreachable_tasks: LongList;
  readonly completed_tasks: LongList;
  readonly offers: LongList;
  readonly executors: LongList;
}

export function frameworkV0(framework: FrameworkEntry, lists: FrameworkLists): Json {
  const { info } = framework;
  const reregistered = framework.reregisteredMs !== framework.registeredMs;
  return {
    ...frameworkHeadV0(framework),
    user: info.user,
    failover_timeout: info.failover_timeout,
    checkpoint: info.checkpoint,
    registered_time: seconds(framework.registeredMs),
    unregistered_time: seconds(framework.unregisteredMs),
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: summarizeResources(addResources(framework.used, framework.offered)),
    ...(reregistered ? { reregistered_time: seconds(framework.reregisteredMs) } : {}),
    ...(hasCapability(info, 'MULTI_ROLE') ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    ...lists,
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    offer_constraints: framework.constraints.given,
  };
}

export function offerV0(offer: OfferEntry): Json {
  return {
    id: offer.id,
    framework_id: offer.frameworkId,
    allocation_info: { role: offer.role },
    slave_id: offer.agentId,
    resources: summarizeResources(offer.resources),
  };
}

export function executorV0({ id, frameworkId, agentId, info }: ExecutorEntry): Json {
  const role = info.resources?.[0]?.allocation_info?.role;
  return {
    executor_id: id,
    name: info.name ?? '',
    framework_id: frameworkId,
    command: commandV0(hideSecrets(info.command)),
    resources: summarizeResources(info.resources ?? []),
    ...(role === undefined ? {} : { role }),
    ...(info.labels?.labels === undefined ? {} : { labels: info.labels.labels }),
    ...(info.type === undefined ? {} : { type: info.type }),
    slave_id: agentId,
  };
}

function commandV0(command: CommandInfo | undefined): Json {
  const variables = command?.environment?.variables?.map((v) => ({ type: 'VALUE', ...v }));
  return {
    ...(command?.shell === undefined ? {} : { shell: command.shell }),
    ...(command?.value === undefined ? {} : { value: command.value }),
    argv: command?.arguments ?? [],
    ...(variables === undefined ? {} : { environment: { variables } }),
    uris: (command?.uris ?? []).map((uri) => ({ value: uri.value, executable: uri.executable ?? false })),
  };
}

/** Plain numbers; no limit is said as text. */
function limitsV0(limits: TaskLimits): Json {
  return Object.fromEntries(Object.entries(limits).map(([name, { value }]) => [name, value]));
}

/** Of what the v1 APIs say of it, which lacks the role. */
export function taskV0(task: Task, role: string): Json {
  const { limits, labels, discovery, container, health_check, user } = task;
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: task.framework_id.value,
    executor_id: task.executor_id?.value ?? '',
    slave_id: task.agent_id.value,
    state: task.state,
    resources: summarizeResources(task.resources),
    ...(limits === undefined ? {} : { limits: limitsV0(limits) }),
    role,
    statuses: (task.statuses ?? []).map(statusV0),
    ...(user === undefined ? {} : { user }),
    ...(labels?.labels === undefined ? {} : { labels: labels.labels }),
    ...(discovery === undefined ? {} : { discovery }),
    ...(container === undefined ? {} : { container }),
    ...(health_check === undefined ? {} : { health_check }),
  };
}

function statusV0(status: TaskStatus): Json {
  return {
    state: status.state,
    timestamp: status.timestamp ?? 0,
    ...(status.labels?.labels === undefined ? {} : { labels: status.labels.labels }),
    ...(status.container_status === undefined
      ? {}
      : { container_status: containerV0(status.container_status) }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}

function containerV0(container: NonNullable<TaskStatus['container_status']>): Json {
  const { executor_pid, network_infos, ...rest } = container;
  if (network_infos === undefined) return rest;
  const flat = network_infos.map((network: NetworkInfo & { readonly labels?: Labels }) =>
    network.labels === undefined ? network : { ...network, labels: network.labels.labels ?? [] },
  );
  return { ...rest, network_infos: flat };
}
