import type { Filters, InverseOfferStatus, Value } from '../../mesos/index.ts';
import { holdsResources } from '../../mesos/index.ts';
import { refuseMs } from '../allocator/index.ts';
import { inverseOfferV1 } from '../views/v1.ts';
import type { InverseOfferEntry } from './inverse-book.ts';
import { unavailabilityAt } from './maintenance.ts';
import { placeOf } from './agent-facts.ts';
import type { AgentEntry, FrameworkEntry } from './model.ts';
import { nanoseconds, toFramework } from './step.ts';
import type { Step } from './step.ts';

/** With every allocation: ask the frameworks that have something on a machine which is to be maintained (§1.13). */
export function offerInversely(step: Step): void {
  const { state, mono } = step;
  if (state.maintenance.machines.size === 0) return;
  const made = new Map<FrameworkEntry, InverseOfferEntry[]>();
  for (const agent of state.agents.values()) {
    const unavailability = unavailabilityAt(state.maintenance, placeOf(agent));
    if (unavailability === undefined || agent.streamId === undefined) continue;
    for (const framework of frameworksOn(step, agent)) {
      if (!framework.active || !state.inverse.mayAsk(framework.id, agent.id, mono)) continue;
      const timeout = state.policy.offerTimeoutMs;
      const offer: InverseOfferEntry = {
        id: `${state.id}-O${state.nextOffer++}`,
        frameworkId: framework.id,
        agentId: agent.id,
        unavailability,
        expiresAt: timeout === undefined ? undefined : mono + timeout,
      };
      state.inverse.offers.set(offer.id, offer);
      made.set(framework, [...(made.get(framework) ?? []), offer]);
    }
  }
  for (const [framework, offers] of made)
    toFramework(step, framework.streamId, {
      type: 'INVERSE_OFFERS',
      inverse_offers: { inverse_offers: offers.map((o) => inverseOfferV1(state, o)) },
    });
}

/** Who has tasks there, or offers that may become tasks. */
function frameworksOn({ state }: Step, agent: AgentEntry): Set<FrameworkEntry> {
  const ids = [
    ...[...agent.tasks].filter((t) => holdsResources(t.state)).map((t) => t.frameworkId),
    ...[...agent.offers].map((id) => state.offers.get(id)?.frameworkId ?? ''),
  ];
  return new Set(ids.flatMap((id) => state.frameworks.get(id) ?? []));
}

interface Answer {
  readonly inverse_offer_ids?: readonly Value[];
  readonly filters?: Filters;
}

/** ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: a word to operators, and quiet for as long as the filter says. */
export function answerInverseOffers(
  step: Step,
  framework: FrameworkEntry,
  status: InverseOfferStatus['status'],
  call: Answer,
): void {
  const { inverse } = step.state;
  for (const { value } of call.inverse_offer_ids ?? []) {
    const offer = inverse.offers.get(value);
    if (offer?.frameworkId !== framework.id) continue;
    inverse.offers.delete(value);
    const answers = inverse.statuses.get(offer.agentId) ?? new Map<string, InverseOfferStatus>();
    inverse.statuses.set(offer.agentId, answers);
    const framework_id = { value: framework.id };
    answers.set(framework.id, { status, framework_id, timestamp: nanoseconds(step.now) });
    const ms = refuseMs(call.filters?.refuse_seconds);
    if (ms > 0) inverse.refuse(framework.id, offer.agentId, step.mono + ms);
  }
}

/** Take back the inverse offers about an agent; their frameworks are told. */
export function rescindInverseOffers(step: Step, agentId: string): void {
  for (const offer of step.state.inverse.offers.values()) if (offer.agentId === agentId) rescind(step, offer);
}

/** Forget the inverse offers of a framework that is not there to be told. */
export function dropInverseOffers(step: Step, frameworkId: string): void {
  const { offers } = step.state.inverse;
  for (const offer of offers.values()) if (offer.frameworkId === frameworkId) offers.delete(offer.id);
}

export function expireInverseOffers(step: Step): void {
  const { inverse } = step.state;
  inverse.prune(step.mono);
  for (const offer of inverse.offers.values())
    if (offer.expiresAt !== undefined && offer.expiresAt <= step.mono) rescind(step, offer);
}

function rescind(step: Step, offer: InverseOfferEntry): void {
  step.state.inverse.offers.delete(offer.id);
  toFramework(step, step.state.frameworks.get(offer.frameworkId)?.streamId, {
    type: 'RESCIND_INVERSE_OFFER',
    rescind_inverse_offer: { inverse_offer_id: { value: offer.id } },
  });
}
