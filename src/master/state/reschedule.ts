import { removeAgent } from './agent-loss.ts';
import { placeOf } from './agent-facts.ts';
import { removeOffers } from './bookkeeping.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { isDown, unavailabilityAt } from './maintenance.ts';
import type { Maintenance } from './maintenance.ts';
import type { AgentEntry, MasterState } from './model.ts';
import { toAgent } from './step.ts';
import type { Step } from './step.ts';

/** Agents that the plan would take out, since their machines are DOWN in it. */
export function agentsTakenDown(state: MasterState, plan: Maintenance): AgentEntry[] {
  return [...state.agents.values()].filter((agent) => isDown(plan, placeOf(agent)));
}

/**
 * After the registry has it: another plan of maintenance. Agents of machines that are DOWN end; what is offered of those
 * whose times have changed is taken back and offered again with the new times (mesos-api.md Appendix E).
 */
export function replan(step: Step, plan: Maintenance): void {
  const { state } = step;
  const before = state.maintenance;
  state.maintenance = plan;
  for (const agent of agentsTakenDown(state, plan)) {
    toAgent(step, agent.streamId, {
      type: 'SHUTDOWN',
      shutdown: { message: 'Operator brought the machine down' },
    });
    removeAgent(step, agent, 'operator brought the machine down');
  }
  for (const agent of state.agents.values()) {
    const place = placeOf(agent);
    const [was, is] = [unavailabilityAt(before, place), unavailabilityAt(plan, place)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    removeOffers(step, agent.offers, true);
    rescindInverseOffers(step, agent.id);
    state.inverse.forgetAgent(agent.id);
  }
  step.effects.push({ kind: 'allocate' });
}
