import { ancestorsOf } from '../allocator/index.ts';
import { removeOffers } from './bookkeeping.ts';
import { rolesOf } from './model.ts';
import type { Step } from './step.ts';

export interface Weight {
  readonly role: string;
  readonly weight: number;
}

/** What these weights make of those that there were, sorted by role. */
export function withWeights(
  weights: ReadonlyMap<string, number>,
  changes: readonly Weight[],
): Map<string, number> {
  const all = new Map(weights);
  for (const { role, weight } of changes) all.set(role, weight);
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The registry has them: shares are divided by these from the next cycle on, which comes at once. */
export function applyWeights(step: Step, changes: readonly Weight[]): void {
  const { weights } = step.state;
  const next = withWeights(weights, changes);
  weights.clear();
  for (const [role, weight] of next) weights.set(role, weight);
  // Offers of before were made by other shares: all go back, so that the next cycle is fair.
  const roles = new Set(changes.map((c) => c.role));
  const concerned = [...step.state.frameworks.values()].some((f) =>
    rolesOf(f.info).some((role) => roles.has(role) || ancestorsOf(role).some((a) => roles.has(a))),
  );
  if (concerned) removeOffers(step, [...step.state.offers.keys()], true);
  step.effects.push({ kind: 'allocate' });
}
