import type { Offer, Task } from '../../mesos/index.ts';
import type { AgentEntry, FrameworkEntry, MasterState, OfferEntry, TaskEntry } from '../state/model.ts';
import { hasCapability } from '../state/model.ts';
import { endpointFormat, postRefinement, preRefinement } from '../state/resource-format.ts';
import { nanoseconds } from '../state/step.ts';

/** The entities of the master as the v1 APIs write them (mesos-api.md §3.2). Empty lists are left out. */
type Json = Readonly<Record<string, unknown>>;

export function list(key: string, items: readonly unknown[]): Json {
  return items.length === 0 ? {} : { [key]: items };
}

export function taskV1(task: TaskEntry): Task {
  const { info } = task;
  return {
    name: info.name,
    task_id: info.task_id,
    framework_id: { value: task.frameworkId },
    agent_id: { value: task.agentId },
    state: task.state,
    resources: postRefinement(info.resources),
    ...list('statuses', task.statuses),
    ...(task.updateState === undefined ? {} : { status_update_state: task.updateState }),
    ...(task.updateUuid === undefined ? {} : { status_update_uuid: task.updateUuid }),
    ...(info.labels === undefined ? {} : { labels: info.labels }),
    ...(info.discovery === undefined ? {} : { discovery: info.discovery }),
    ...(info.container === undefined ? {} : { container: info.container }),
    ...(info.health_check === undefined ? {} : { health_check: info.health_check }),
    ...(info.kill_policy === undefined ? {} : { kill_policy: info.kill_policy }),
    ...(info.command?.user === undefined ? {} : { user: info.command.user }),
  };
}

/** As in FRAMEWORK_ADDED and FRAMEWORK_UPDATED: without resources and offers. */
export function frameworkEventV1(framework: FrameworkEntry): Json {
  return {
    framework_info: framework.info,
    active: framework.active,
    connected: framework.streamId !== undefined,
    recovered: framework.recovered,
    registered_time: nanoseconds(framework.registeredMs),
    reregistered_time: nanoseconds(framework.reregisteredMs),
    unregistered_time: nanoseconds(framework.unregisteredMs),
  };
}

export function frameworkV1(state: MasterState, framework: FrameworkEntry): Json {
  const { unregistered_time, ...rest } = frameworkEventV1(framework);
  const offers = [...framework.offers].flatMap((id) => {
    const offer = state.offers.get(id);
    return offer ? [offerV1(state, offer)] : [];
  });
  return {
    ...rest,
    ...(framework.unregisteredMs === 0 ? {} : { unregistered_time }),
    ...list('offers', offers),
    ...list('allocated_resources', endpointFormat(framework.used)),
    ...list('offered_resources', endpointFormat(framework.offered)),
    offer_constraints: {},
  };
}

export function agentEventV1(agent: AgentEntry): Json {
  return {
    agent_info: { ...agent.info, resources: postRefinement(agent.total) },
    active: agent.streamId !== undefined,
    deactivated: false,
    version: agent.version,
    pid: agentPid(agent),
    registered_time: nanoseconds(agent.registeredMs),
    ...(agent.reregisteredMs === undefined ? {} : { reregistered_time: nanoseconds(agent.reregisteredMs) }),
    ...list('total_resources', endpointFormat(agent.total)),
    ...list('allocated_resources', endpointFormat(agent.used)),
    ...list('offered_resources', endpointFormat(agent.offered)),
    ...list('capabilities', agent.capabilities),
  };
}

export function agentPid(agent: AgentEntry): string {
  const { ip, port } = agent.address;
  return `slave(1)@${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

/** An offer as the operator sees it. */
export function offerV1(state: MasterState, offer: OfferEntry): Offer {
  const agent = state.agents.get(offer.agentId);
  const address = { ip: '0.0.0.0', port: 5051, ...agent?.address, hostname: agent?.info.hostname ?? '' };
  return {
    id: { value: offer.id },
    framework_id: { value: offer.frameworkId },
    agent_id: { value: offer.agentId },
    hostname: agent?.info.hostname ?? '',
    url: { scheme: 'http', address, path: '/slave(1)' },
    ...(agent?.info.domain === undefined ? {} : { domain: agent.info.domain }),
    resources: postRefinement(offer.resources),
    ...list('attributes', agent?.info.attributes ?? []),
    allocation_info: { role: offer.role },
  };
}

/** An offer in the form that the framework's capabilities ask for (mesos-api.md §1.7). */
export function offerFor(state: MasterState, framework: FrameworkEntry, offer: OfferEntry): Offer {
  const shown = offerV1(state, offer);
  const form = hasCapability(framework.info, 'RESERVATION_REFINEMENT') ? postRefinement : preRefinement;
  const resources = form(offer.resources);
  if (hasCapability(framework.info, 'MULTI_ROLE')) return { ...shown, resources };
  const { allocation_info, ...rest } = shown;
  return { ...rest, resources: resources.map(({ allocation_info, ...r }) => r) };
}

export function tasksV1(state: MasterState): Json {
  const live = [...state.frameworks.values()];
  const all = [...live, ...state.completedFrameworks.values()];
  return {
    tasks: live.flatMap((f) => [...f.tasks.values()].map(taskV1)),
    unreachable_tasks: all.flatMap((f) => [...f.unreachableTasks.values()].map(taskV1)),
    completed_tasks: all.flatMap((f) => f.completedTasks.map(taskV1)),
  };
}

export function frameworksV1(state: MasterState): Json {
  return {
    frameworks: [...state.frameworks.values()].map((f) => frameworkV1(state, f)),
    completed_frameworks: [...state.completedFrameworks.values()].map((f) => frameworkV1(state, f)),
  };
}

export function agentsV1(state: MasterState): Json {
  return {
    agents: [...state.agents.values()].map(agentEventV1),
    recovered_agents: [...state.recoveredAgents.values()],
  };
}

/** GET_STATE: the four lists are there even when empty. */
export function stateV1(state: MasterState): Json {
  return {
    get_tasks: tasksV1(state),
    get_executors: { executors: [] },
    get_frameworks: frameworksV1(state),
    get_agents: agentsV1(state),
  };
}
