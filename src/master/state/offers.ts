import { addResources } from '../../mesos/index.ts';
import { addAmounts, allocate, EMPTY, lotOf } from '../allocator/index.ts';
import type { Allocation, Client, Parcel } from '../allocator/index.ts';
import { offerFor } from '../views/v1.ts';
import { isActive } from './agent-facts.ts';
import { removeOffer } from './bookkeeping.ts';
import { competition } from './clients.ts';
import { noteFree, viewOf } from './free.ts';
import type { AgentView } from './seen-agent.ts';
import type { AgentEntry, FrameworkEntry, MasterState, OfferEntry } from './model.ts';
import { quotaClaims } from './quota.ts';
import { toFramework } from './step.ts';
import type { Step } from './step.ts';

/** More agents are considered in several runs, between which others have their turn; what one framework gets of a run is one event. */
const AGENTS_AT_ONCE = 300;

/**
 * Run the allocator and offer what it gave. `shuffle` gives the order in which agents are considered. In a large cluster it is for some
 * of them, and asks for another run as long as that comes to something.
 */
export function runAllocation(step: Step, shuffle: <T>(items: T[]) => T[]): void {
  const { state } = step;
  const { clients, held } = competition(state);
  if (clients.length === 0 || state.agents.size === 0) return;
  const generation = generationOf(state, clients);
  const total = new Map<string, number>();
  const free = new Map<string, number>();
  const views: AgentView[] = [];
  const wanted: AgentView[] = [];
  for (const agent of state.agents.values()) {
    const view = viewOf(agent);
    views.push(view);
    addAmounts(total, view.total);
    if (view.free === EMPTY || !isActive(agent)) continue;
    addAmounts(free, view.open);
    if (view.unwantedBy !== generation || view.unwantedUntil <= step.mono) wanted.push(view);
  }
  if (wanted.length === 0) return;
  const outcome = allocate({
    agents: shuffle(wanted).slice(0, AGENTS_AT_ONCE),
    clients,
    held,
    total,
    free,
    weights: state.weights,
    turns: state.allocation.turns,
    quotas: quotaClaims(state, views),
    now: step.mono,
  });
  for (const [view, until] of outcome.unwanted) {
    (view as AgentView).unwantedBy = generation;
    (view as AgentView).unwantedUntil = until;
  }
  const made = new Map<FrameworkEntry, OfferEntry[]>();
  for (const allocation of outcome.allocations) offer(step, allocation, made);
  for (const [{ id }, left] of outcome.left) {
    const agent = state.agents.get(id);
    if (agent) noteFree(agent, left);
  }
  for (const [framework, offers] of made) send(step, framework, offers);
  const done = outcome.allocations.length + outcome.unwanted.size;
  if (wanted.length > AGENTS_AT_ONCE && done > 0) step.effects.push({ kind: 'allocate' });
}

/** Another number whenever somebody may want what nobody wanted before: other clients, other wishes, fewer refusals. */
function generationOf({ allocation, filters }: MasterState, clients: readonly Client[]): number {
  const same =
    allocation.clears === filters.clears &&
    allocation.wishes.length === clients.length &&
    clients.every((c, i) => c.wishes === allocation.wishes[i]);
  if (same) return allocation.generation;
  allocation.wishes = clients.map((c) => c.wishes);
  allocation.clears = filters.clears;
  return ++allocation.generation;
}

function offer(
  step: Step,
  { client, agent, given }: Allocation,
  made: Map<FrameworkEntry, OfferEntry[]>,
): void {
  const framework = step.state.frameworks.get(client.frameworkId);
  const entry = step.state.agents.get(agent.id);
  if (!framework || !entry) return;
  const offers = made.get(framework) ?? [];
  made.set(framework, offers);
  offers.push(makeOffer(step, framework, entry, client.role, given));
}

function makeOffer(
  step: Step,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  given: Parcel,
): OfferEntry {
  const { state } = step;
  const timeout = state.policy.offerTimeoutMs;
  const lot = lotOf(given, role);
  const made: OfferEntry = {
    id: `${state.id}-O${state.nextOffer++}`,
    frameworkId: framework.id,
    agentId: agent.id,
    role,
    lot,
    resources: lot.resources,
    expiresAt: timeout === undefined ? undefined : step.mono + timeout,
  };
  state.offers.set(made.id, made);
  framework.offers.add(made.id);
  framework.offeredSum.add(lot.summands);
  agent.offers.add(made.id);
  agent.offered = agent.offered.length === 0 ? made.resources : addResources(agent.offered, made.resources);
  return made;
}

function send(step: Step, framework: FrameworkEntry, offers: readonly OfferEntry[]): void {
  const some = offers.map((o) => offerFor(step.state, framework, o));
  toFramework(step, framework.streamId, { type: 'OFFERS', offers: { offers: some } });
}

/** Rescind offers that nobody used in time (`offerTimeoutSeconds`). */
export function expireOffers(step: Step): void {
  if (step.state.policy.offerTimeoutMs === undefined) return;
  for (const entry of step.state.offers.values())
    if (entry.expiresAt !== undefined && entry.expiresAt <= step.mono) removeOffer(step, entry, true);
}
