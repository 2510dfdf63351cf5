import { expireFrameworks } from './frameworks.ts';
import { expireInverseOffers } from './inverse-offers.ts';
import { expireOffers } from './offers.ts';
import type { Step } from './step.ts';

/** What is due with every allocation interval, before the batch allocation. */
export function tick(step: Step): void {
  const { state, mono } = step;
  expireFrameworks(step);
  expireOffers(step);
  expireInverseOffers(step);
  state.filters.prune(mono);
  if (state.recoveredUntil <= mono) giveUpMissing(step);
}

/** Agents of the registry that did not come back in time are given up, unless they are too many to be a coincidence. */
function giveUpMissing({ state, effects }: Step): void {
  const missing = state.recoveredAgents;
  if (missing.size === 0) return;
  const percent = (missing.size / state.recoveredTotal) * 100;
  if (percent > state.policy.recoveryRemovalLimitPercent)
    effects.push({ kind: 'too-many-lost', lost: missing.size, total: state.recoveredTotal });
  else for (const agentId of missing.keys()) effects.push({ kind: 'give-up-agent', agentId });
}
