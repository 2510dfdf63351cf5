import type { Resource } from '../../mesos/index.ts';
import { addResources, allocateTo, subtractResources, unallocated } from '../../mesos/index.ts';
import { allocate, sum } from '../allocator/index.ts';
import type { Allocation, Client, Minimum, RoleClaim } from '../allocator/index.ts';
import { offerFor } from '../views/v1.ts';
import { removeOffer } from './bookkeeping.ts';
import { hasCapability, rolesOf } from './model.ts';
import type { AgentEntry, FrameworkEntry, MasterState, OfferEntry } from './model.ts';
import { toFramework } from './step.ts';
import type { Step } from './step.ts';

/** Run the allocator and offer what it gave. `shuffle` gives the order in which agents are considered. */
export function runAllocation(step: Step, shuffle: <T>(items: T[]) => T[]): void {
  const { state } = step;
  const clients = clientsOf(state);
  const agents = [...state.agents.values()];
  if (clients.length === 0 || agents.length === 0) return;
  const allocations = allocate({
    agents: shuffle(
      agents
        .filter((a) => a.streamId !== undefined)
        .map((a) => ({ id: a.id, total: a.total, free: freeOf(a) })),
    ),
    clients,
    roles: roleClaims(state),
    clusterTotal: sum(agents.map((a) => a.total)),
    filtered: (client, agentId, resources) =>
      state.filters.blocks(client.frameworkId, client.role, agentId, resources, step.mono),
  });
  const made = new Map<FrameworkEntry, OfferEntry[]>();
  for (const allocation of allocations) {
    const framework = state.frameworks.get(allocation.frameworkId);
    const agent = state.agents.get(allocation.agentId);
    if (!framework || !agent) continue;
    made.set(framework, [...(made.get(framework) ?? []), makeOffer(step, framework, agent, allocation)]);
  }
  for (const [framework, offers] of made) {
    toFramework(step, framework.streamId, {
      type: 'OFFERS',
      offers: { offers: offers.map((o) => offerFor(state, framework, o)) },
    });
  }
}

/** What of an agent is neither used nor offered. */
export function freeOf(agent: AgentEntry): Resource[] {
  const taken = addResources(unallocated(agent.used), unallocated(agent.offered));
  return subtractResources(agent.total, taken);
}

function makeOffer(
  step: Step,
  framework: FrameworkEntry,
  agent: AgentEntry,
  allocation: Allocation,
): OfferEntry {
  const { state } = step;
  const timeout = state.policy.offerTimeoutMs;
  const offer: OfferEntry = {
    id: `${state.id}-O${state.nextOffer++}`,
    frameworkId: framework.id,
    agentId: agent.id,
    role: allocation.role,
    resources: allocateTo(allocation.resources, allocation.role),
    expiresAt: timeout === undefined ? undefined : step.mono + timeout,
  };
  state.offers.set(offer.id, offer);
  framework.offers.add(offer.id);
  framework.offered = addResources(framework.offered, offer.resources);
  agent.offers.add(offer.id);
  agent.offered = addResources(agent.offered, offer.resources);
  bump(framework.allocations, allocation.role);
  bump(state.roleAllocations, allocation.role);
  return offer;
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function clientsOf(state: MasterState): Client[] {
  const out: Client[] = [];
  for (const framework of state.frameworks.values()) {
    if (!framework.active || framework.streamId === undefined) continue;
    const gpuAware = hasCapability(framework.info, 'GPU_RESOURCES');
    for (const role of rolesOf(framework.info)) {
      if (framework.suppressed.has(role)) continue;
      out.push({
        frameworkId: framework.id,
        role,
        held: inRole([...framework.used, ...framework.offered], role),
        past: framework.allocations.get(role) ?? 0,
        gpuAware,
        minimum: minimumOf(framework, role) ?? state.policy.minAllocatable,
      });
    }
  }
  return out;
}

function inRole(resources: readonly Resource[], role: string): Resource[] {
  return resources.filter((r) => r.allocation_info?.role === role);
}

function roleClaims(state: MasterState): RoleClaim[] {
  const held = new Map<string, Resource[]>();
  for (const framework of state.frameworks.values()) {
    for (const role of rolesOf(framework.info)) if (!held.has(role)) held.set(role, []);
    for (const r of [...framework.used, ...framework.offered]) {
      const role = r.allocation_info?.role ?? '*';
      held.set(role, [...(held.get(role) ?? []), r]);
    }
  }
  return [...held].map(([role, resources]) => ({
    role,
    weight: 1,
    held: resources,
    past: state.roleAllocations.get(role) ?? 0,
  }));
}

interface Quantities {
  readonly quantities?: Readonly<Record<string, { readonly value?: number }>>;
}
interface OfferFilters {
  readonly [role: string]:
    | { readonly min_allocatable_resources?: { readonly quantities?: readonly Quantities[] } }
    | undefined;
}

/** The framework's own smallest useful offer in a role (FrameworkInfo.offer_filters), if it said one. */
function minimumOf(framework: FrameworkEntry, role: string): readonly Minimum[] | undefined {
  const filters = (framework.info as { readonly offer_filters?: OfferFilters }).offer_filters;
  const wanted =
    filters && Object.hasOwn(filters, role) ? filters[role]?.min_allocatable_resources : undefined;
  if (!wanted?.quantities || !Array.isArray(wanted.quantities)) return undefined;
  const quantities: readonly Quantities[] = wanted.quantities;
  return quantities.map(
    (q) =>
      new Map(
        Object.entries(q.quantities ?? {}).map(([name, s]) => [
          name,
          typeof s.value === 'number' ? s.value : 0,
        ]),
      ),
  );
}

/** Rescind offers that nobody used in time (`offerTimeoutSeconds`). */
export function expireOffers(step: Step): void {
  for (const offer of step.state.offers.values())
    if (offer.expiresAt !== undefined && offer.expiresAt <= step.mono) removeOffer(step, offer, true);
}
