import { expireFrameworks } from './frameworks.ts';
import { expireOffers } from './offers.ts';
import type { Step } from './step.ts';

/** What is due with every allocation interval, before the batch allocation. */
export function tick(step: Step): void {
  const { state, mono } = step;
  expireFrameworks(step);
  expireOffers(step);
  state.filters.prune(mono);
  if (state.recoveredAgents.size > 0 && state.recoveredUntil <= mono) {
    for (const agentId of state.recoveredAgents.keys()) step.effects.push({ kind: 'give-up-agent', agentId });
  }
}
