import { roleProblem } from '../../mesos/index.ts';
import { applyWeights, withWeights } from '../state/index.ts';
import type { Weight } from '../state/index.ts';
import { DONE, refused } from './work.ts';
import type { Outcome, RegistryWork } from './work.ts';

/** UPDATE_WEIGHTS and PUT /weights: in the registry, then in effect. */
export function updateWeights(work: RegistryWork, given: readonly Partial<Weight>[]): Promise<Outcome> {
  return work.inOrder(async () => {
    const weights: Weight[] = [];
    for (const { role = '', weight = 0 } of given) {
      const problem =
        role === '*' ? undefined : role === '' ? 'Role names cannot be the empty string' : roleProblem(role);
      if (problem !== undefined)
        return refused(
          400,
          `Failed to validate update weights request JSON: Invalid role '${role}': ${problem}`,
        );
      if (!Number.isFinite(weight) || weight <= 0)
        return refused(
          400,
          `Failed to validate update weights request JSON for role '${role}': Invalid weight '${weight}': Weights must be positive`,
        );
      weights.push({ role, weight });
    }
    await work.registry.setWeights(withWeights(work.state.weights, weights));
    work.turn((step) => applyWeights(step, weights));
    work.log.info({ weights }, 'weights have changed');
    return DONE;
  });
}
