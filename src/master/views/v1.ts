import type { CommandInfo, InverseOffer, Offer, Resource } from '../../mesos/index.ts';
import { hideSecrets } from '../../mesos/index.ts';
import { isActive, placeOf } from '../state/agent-facts.ts';
import type { InverseOfferEntry } from '../state/inverse-book.ts';
import { unavailabilityAt } from '../state/maintenance.ts';
import type { AgentEntry, ExecutorEntry, FrameworkEntry, MasterState, OfferEntry } from '../state/model.ts';
import { hasCapability } from '../state/model.ts';
import { endpointFormat, postRefinement, preRefinement } from '../state/resource-format.ts';
import { nanoseconds } from '../state/step.ts';

/** The entities of the master as the v1 APIs write them (mesos-api.md §3.2). Empty lists are left out. */
type Json = Readonly<Record<string, unknown>>;

export function list(key: string, items: readonly unknown[]): Json {
  return items.length === 0 ? {} : { [key]: items };
}

export function executorV1({ agentId, info }: ExecutorEntry): Json {
  const { resources, command, ...rest } = hideSecrets(info);
  return {
    executor_info: {
      ...rest,
      ...(command && { command: commandV1(command) }),
      ...list('resources', postRefinement(resources ?? [])),
    },
    agent_id: { value: agentId },
  };
}

/** With the defaults that Mesos writes. */
function commandV1({ environment, ...command }: CommandInfo): Json {
  const variables = environment?.variables?.map((variable) => ({ type: 'VALUE', ...variable }));
  return { shell: true, ...command, ...(environment && { environment: variables ? { variables } : {} }) };
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

/** Without offers of its own; `inverse` are those it was asked back. */
export function frameworkHeadV1(framework: FrameworkEntry, inverse: readonly InverseOffer[]): Json {
  const { unregistered_time, ...rest } = frameworkEventV1(framework);
  return {
    ...rest,
    ...(framework.unregisteredMs === 0 ? {} : { unregistered_time }),
    ...list('inverse_offers', inverse),
    ...list('allocated_resources', endpointFormat(framework.used)),
    ...list('offered_resources', endpointFormat(framework.offered)),
    offer_constraints: framework.constraints.given,
  };
}

/** What of an agent is shown. */
export type AgentNow = Pick<
  AgentEntry,
  | 'info'
  | 'address'
  | 'version'
  | 'capabilities'
  | 'total'
  | 'streamId'
  | 'registeredMs'
  | 'reregisteredMs'
  | 'deactivated'
  | 'drain'
  | 'drainStartMs'
  | 'used'
  | 'offered'
>;

export function agentEventV1(agent: AgentNow): Json {
  return { ...agentFixedV1(agent), ...agentMovingV1(agent) };
}

/** What of an agent stays while it is subscribed. */
export function agentFixedV1(agent: AgentNow): Json {
  return {
    agent_info: { ...agent.info, resources: postRefinement(agent.total) },
    version: agent.version,
    pid: agentPid(agent),
    registered_time: nanoseconds(agent.registeredMs),
    ...list('total_resources', endpointFormat(agent.total)),
    ...list('capabilities', agent.capabilities),
  };
}

export function agentMovingV1(agent: AgentNow): Json {
  return {
    active: isActive(agent),
    deactivated: agent.deactivated,
    ...(agent.reregisteredMs === undefined ? {} : { reregistered_time: nanoseconds(agent.reregisteredMs) }),
    ...list('allocated_resources', endpointFormat(agent.used)),
    ...list('offered_resources', endpointFormat(agent.offered)),
    ...(agent.drain === undefined ? {} : { drain_info: agent.drain }),
    // Apache Mesos tells whole seconds here, and all of them in v0.
    ...(agent.drainStartMs === undefined
      ? {}
      : { estimated_drain_start_time: nanoseconds(Math.floor(agent.drainStartMs / 1000) * 1000) }),
  };
}

export function agentPid(agent: Pick<AgentEntry, 'address'>): string {
  const { ip, port } = agent.address;
  return `slave(1)@${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

/** An offer as the operator sees it. */
export function offerV1(offer: OfferEntry, place: OfferPlace): Offer {
  const resources = postRefinement(offer.resources);
  return { ...offerHead(offer, place), resources, allocation_info: { role: offer.role } };
}

/** What an offer says of its agent and what is there. */
export interface OfferPlace {
  readonly agent: Pick<AgentEntry, 'info' | 'address'> | undefined;
  readonly executorIds: readonly string[];
  readonly unavailability: Offer['unavailability'];
}

/** As it is at the call. */
export function placeOfOffer(state: MasterState, { agentId, frameworkId }: OfferEntry): OfferPlace {
  const agent = state.agents.get(agentId);
  if (agent === undefined) return { agent, executorIds: [], unavailability: undefined };
  const executorIds: string[] = [];
  for (const executor of agent.executors.values())
    if (executor.frameworkId === frameworkId) executorIds.push(executor.id);
  const { info, address } = agent;
  const unavailability = unavailabilityAt(state.maintenance, placeOf(agent));
  return { agent: { info, address }, executorIds, unavailability };
}

function offerHead(
  offer: OfferEntry,
  { agent, executorIds, unavailability }: OfferPlace,
): Omit<Offer, 'resources'> {
  return {
    id: { value: offer.id },
    framework_id: { value: offer.frameworkId },
    agent_id: { value: offer.agentId },
    hostname: agent?.info.hostname ?? '',
    url: agentUrl(agent),
    ...(agent?.info.domain === undefined ? {} : { domain: agent.info.domain }),
    ...list('attributes', agent?.info.attributes ?? []),
    ...list(
      'executor_ids',
      executorIds.map((value) => ({ value })),
    ),
    ...(unavailability === undefined ? {} : { unavailability }),
  };
}

/** Where the agent's own API is. */
function agentUrl(agent: OfferPlace['agent']): Offer['url'] {
  const address = { ip: '0.0.0.0', port: 5051, ...agent?.address, hostname: agent?.info.hostname ?? '' };
  return { scheme: 'http', address, path: '/slave(1)' };
}

export function inverseOfferV1(state: MasterState, offer: InverseOfferEntry): InverseOffer {
  return {
    id: { value: offer.id },
    url: agentUrl(state.agents.get(offer.agentId)),
    framework_id: { value: offer.frameworkId },
    agent_id: { value: offer.agentId },
    unavailability: offer.unavailability,
  };
}

/** An offer in the form that the framework's capabilities ask for (mesos-api.md §1.7). */
export function offerFor(state: MasterState, framework: FrameworkEntry, offer: OfferEntry): Offer {
  const multi = hasCapability(framework.info, 'MULTI_ROLE');
  const refined = hasCapability(framework.info, 'RESERVATION_REFINEMENT');
  const head = offerHead(offer, placeOfOffer(state, offer));
  const resources = shownTo(multi, refined, offer.resources);
  return multi ? { ...head, resources, allocation_info: { role: offer.role } } : { ...head, resources };
}

function shownTo(multi: boolean, refined: boolean, resources: readonly Resource[]): readonly Resource[] {
  const form = refined ? postRefinement(resources) : preRefinement(resources);
  return multi ? form : form.map(({ allocation_info, ...r }) => r);
}
