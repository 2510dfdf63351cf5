import type { AgentInfo, Attribute, Labels, NetworkInfo, Resource, TaskStatus } from '../../mesos/index.ts';
import { addResources, rangesText, summarizeResources } from '../../mesos/index.ts';
import { hasCapability } from '../state/model.ts';
import type { AgentEntry, FrameworkEntry, MasterState, OfferEntry, TaskEntry } from '../state/model.ts';
import { endpointFormat } from '../state/resource-format.ts';
import { seconds } from '../state/step.ts';
import { agentPid } from './v1.ts';

/** The v0 documents (mesos-api.md §3.5): flattened resources and attributes, `slave` for agent, times in seconds. */
type Json = Readonly<Record<string, unknown>>;

export function agentV0(agent: AgentEntry): Json {
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
    active: agent.streamId !== undefined,
    deactivated: false,
    version: agent.version,
    capabilities: agent.capabilities.map((c) => c.type),
  };
}

/** What /slaves says in addition: the same resources unflattened. */
export function agentFullV0(agent: AgentEntry): Json {
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

export function frameworkV0(state: MasterState, framework: FrameworkEntry): Json {
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
    tasks: [...framework.tasks.values()].map(taskV0),
    unreachable_tasks: [...framework.unreachableTasks.values()].map(taskV0),
    completed_tasks: framework.completedTasks.map(taskV0),
    offers: [...framework.offers].flatMap((id) => {
      const offer = state.offers.get(id);
      return offer ? [offerV0(offer)] : [];
    }),
    executors: [],
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    offer_constraints: {},
  };
}

function offerV0(offer: OfferEntry): Json {
  return {
    id: offer.id,
    framework_id: offer.frameworkId,
    allocation_info: { role: offer.role },
    slave_id: offer.agentId,
    resources: summarizeResources(offer.resources),
  };
}

export function taskV0(task: TaskEntry): Json {
  const { info } = task;
  return {
    id: task.id,
    name: info.name,
    framework_id: task.frameworkId,
    executor_id: '',
    slave_id: task.agentId,
    state: task.state,
    resources: summarizeResources(info.resources),
    role: task.role,
    statuses: task.statuses.map(statusV0),
    ...(info.command?.user === undefined ? {} : { user: info.command.user }),
    ...(info.labels?.labels === undefined ? {} : { labels: info.labels.labels }),
    ...(info.discovery === undefined ? {} : { discovery: info.discovery }),
    ...(info.container === undefined ? {} : { container: info.container }),
    ...(info.health_check === undefined ? {} : { health_check: info.health_check }),
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

/** Tasks of all frameworks, live and completed, in all their lists. */
export function allTasks(state: MasterState, frameworkId?: string): TaskEntry[] {
  const frameworks = [...state.frameworks.values(), ...state.completedFrameworks.values()];
  return frameworks
    .filter((f) => frameworkId === undefined || f.id === frameworkId)
    .flatMap((f) => [...f.tasks.values(), ...f.unreachableTasks.values(), ...f.completedTasks]);
}
