import type { May } from '../../core/access.ts';
import { fromMillis } from '../../mesos/index.ts';
import { scalarsOf } from '../input/quota-messages.ts';
import type { MasterState } from '../state/model.ts';
import { list } from './v1.ts';

type Json = Readonly<Record<string, unknown>>;

/** GET_QUOTA and /quota: the same twice, as requests that guarantee and as configurations that limit, too. */
export function quotaStatus({ quotas }: MasterState, may: May): Json {
  const seen = [...quotas].filter(([role]) => may('get_quotas', role)).sort(([a], [b]) => (a < b ? -1 : 1));
  const infos = seen.map(([role, { guarantees }]) => ({
    role,
    ...list(
      'guarantee',
      Array.from(guarantees, ([name, millis]) => ({
        name,
        type: 'SCALAR',
        scalar: { value: fromMillis(millis) },
      })),
    ),
  }));
  const configs = seen.map(([role, { guarantees, limits }]) => ({
    role,
    ...(guarantees.size === 0 ? {} : { guarantees: scalarsOf(guarantees) }),
    ...(limits.size === 0 ? {} : { limits: scalarsOf(limits) }),
  }));
  return { ...list('infos', infos), ...list('configs', configs) };
}

/** /weights, and what GET_WEIGHTS has in `weight_infos`. */
export function weightInfos({ weights }: MasterState, may: May): Json[] {
  return [...weights]
    .filter(([role]) => may('view_roles', role))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([role, weight]) => ({ weight, role }));
}
