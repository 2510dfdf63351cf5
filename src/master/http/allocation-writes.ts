import type { May } from '../../core/access.ts';
import type { OperatorCall } from '../input/operator-call.ts';
import type { QuotaRequest } from '../input/quota-messages.ts';
import { removeQuota, setQuota, updateQuotas } from '../operator/quota.ts';
import { updateWeights } from '../operator/weights.ts';
import type { Outcome, RegistryWork } from '../operator/work.ts';
import type { Weight } from '../state/index.ts';

type Write = (work: RegistryWork, call: OperatorCall, may: May) => Promise<Outcome> | undefined;

/** The calls that change quotas and weights; undefined: whoever asks may not. */
export const ALLOCATION_WRITES: readonly (readonly [string, Write])[] = [
  [
    'UPDATE_QUOTA',
    (work, call, may) => {
      const { quota_configs = [], force = false } = call.update_quota ?? {};
      if (!quota_configs.every(({ role }) => may('update_quotas', role))) return undefined;
      return updateQuotas(work, quota_configs, force);
    },
  ],
  ['SET_QUOTA', (work, call, may) => writeQuotaRequest(work, call.set_quota?.quota_request ?? {}, may)],
  [
    'REMOVE_QUOTA',
    (work, call, may) => {
      const role = call.remove_quota?.role ?? '';
      return dropQuota(work, role, `for role '${role}'`, may);
    },
  ],
  ['UPDATE_WEIGHTS', (work, call, may) => writeWeights(work, call.update_weights?.weight_infos ?? [], may)],
];

export function writeQuotaRequest(
  work: RegistryWork,
  request: QuotaRequest,
  may: May,
): Promise<Outcome> | undefined {
  return may('update_quotas', request.role ?? '') ? setQuota(work, request) : undefined;
}

/** `where` names the request in a refusal. */
export function dropQuota(
  work: RegistryWork,
  role: string,
  where: string,
  may: May,
): Promise<Outcome> | undefined {
  return may('update_quotas', role) ? removeQuota(work, role, where) : undefined;
}

export function writeWeights(
  work: RegistryWork,
  weights: readonly Partial<Weight>[],
  may: May,
): Promise<Outcome> | undefined {
  return weights.every(({ role }) => may('update_weights', role ?? ''))
    ? updateWeights(work, weights)
    : undefined;
}
