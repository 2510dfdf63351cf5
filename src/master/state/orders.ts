import type { DrainConfig } from '../../mesos/index.ts';
import { removeOffers } from './bookkeeping.ts';
import { isDrained } from './agent-facts.ts';
import type { AgentOrders } from './agent-orders.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import type { AgentEntry } from './model.ts';
import { toAgent } from './step.ts';
import type { Step } from './step.ts';

/** After the registry has them: new orders, or none any more. The agent hears of it if it is there. */
export function giveOrders(step: Step, agentId: string, orders: AgentOrders | undefined): void {
  const { state } = step;
  if (orders) state.orders.set(agentId, orders);
  else state.orders.delete(agentId);
  const agent = state.agents.get(agentId);
  if (!agent) return;
  const drained = agent.drain !== undefined;
  takeOrders(step, agent);
  if (orders) {
    removeOffers(step, agent.offers, true);
    rescindInverseOffers(step, agentId);
  } else step.effects.push({ kind: 'allocate' });
  if (orders?.drain?.state === 'DRAINING') sayDrain(step, agent);
  else if (drained && !orders?.drain) toAgent(step, agent.streamId, { type: 'CANCEL_DRAIN' });
}

/** The orders of an agent that has just been let in, or those that have changed. */
export function takeOrders({ state }: Step, agent: AgentEntry): void {
  const orders = state.orders.get(agent.id);
  agent.deactivated = orders !== undefined;
  agent.drain = orders?.drain;
  if (!orders?.drain) agent.drainStartMs = undefined;
}

/**
 * The agent is there (again), perhaps having missed something: it hears what holds now. `reported`: it believes that it is
 * being drained.
 */
export function repeatOrders(step: Step, agent: AgentEntry, reported: DrainConfig | undefined): void {
  if (agent.drain) sayDrain(step, agent);
  else if (reported) toAgent(step, agent.streamId, { type: 'CANCEL_DRAIN' });
}

function sayDrain(step: Step, agent: AgentEntry): void {
  if (!agent.drain || agent.streamId === undefined) return;
  agent.drainStartMs ??= step.now;
  toAgent(step, agent.streamId, { type: 'DRAIN', drain: { config: agent.drain.config } });
  if (isDrained(agent)) step.effects.push({ kind: 'drained', agentId: agent.id });
}
