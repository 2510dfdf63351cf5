import type { Resource } from '../../mesos/index.ts';
import { addAmounts, amountsOf, isUnreserved, NOTHING, topOf } from '../allocator/index.ts';
import type { Amounts, QuotaClaim } from '../allocator/index.ts';
import { removeOffer } from './bookkeeping.ts';
import { viewOf } from './free.ts';
import type { AgentView } from './seen-agent.ts';
import type { MasterState, OfferEntry, Quota } from './model.ts';
import type { Step } from './step.ts';

/** What each role with a quota has of it taken up, for the allocator: what is offered counts as if it were in use. */
export function quotaClaims(state: MasterState, agents: readonly AgentView[]): QuotaClaim[] {
  if (state.quotas.size === 0) return [];
  const consumed = consumption(state, agents, true);
  return Array.from(state.quotas, ([role, quota]) => ({
    role,
    ...quota,
    consumed: consumed.get(role) ?? NOTHING,
  }));
}

/**
 * What the roles at the top of each branch take up, with all below them: what is reserved for them, and what their
 * frameworks have beyond that (mesos-api.md App. E). Thousandths.
 */
function consumption(
  state: MasterState,
  agents: readonly AgentView[],
  offeredToo: boolean,
): ReadonlyMap<string, Amounts> {
  const out = new Map<string, Map<string, number>>();
  const add = (role: string, amounts: Amounts): void => {
    const sum = out.get(role) ?? new Map<string, number>();
    out.set(role, sum);
    addAmounts(sum, amounts);
  };
  for (const { reserved } of agents) if (reserved) for (const [role, amounts] of reserved) add(role, amounts);
  for (const { used, offered } of state.frameworks.values()) {
    for (const resources of offeredToo ? [used, offered] : [used])
      for (const r of resources)
        if (isUnreserved(r)) add(topOf(r.allocation_info?.role ?? '*'), amountsOf([r]));
  }
  return out;
}

export interface QuotaConfig extends Quota {
  readonly role: string;
}

const isNothing = ({ guarantees, limits }: Quota): boolean => guarantees.size === 0 && limits.size === 0;

/** The quotas as they are once these have replaced what there was for their roles. */
export function withQuotas(
  quotas: ReadonlyMap<string, Quota>,
  configs: readonly QuotaConfig[],
): Map<string, Quota> {
  const out = new Map(quotas);
  for (const { role, guarantees, limits } of configs) {
    if (isNothing({ guarantees, limits })) out.delete(role);
    else out.set(role, { guarantees, limits });
  }
  return out;
}

/** Why quotas may not be set so, in the words of Mesos; `force` skips this, not what is wrong with them by themselves. */
export function capacityProblem(state: MasterState, configs: readonly QuotaConfig[]): string | undefined {
  const views = Array.from(state.agents.values(), viewOf);
  const capacity = new Map<string, number>();
  for (const view of views) addAmounts(capacity, view.total);
  const guaranteed = new Map<string, number>();
  for (const { guarantees } of withQuotas(state.quotas, configs).values()) addAmounts(guaranteed, guarantees);
  const asks = configs.some((c) => c.guarantees.size > 0);
  if (asks && exceeds(guaranteed, capacity))
    return `total quota guarantees '${amountsText(guaranteed)}' exceed cluster capacity '${amountsText(capacity)}' (use 'force' flag to bypass this check)`;
  const consumed = consumption(state, views, false);
  for (const { role, limits } of configs) {
    const mine = consumed.get(role) ?? NOTHING;
    if (exceedsLimits(mine, limits))
      return `Role '${role}' is already consuming '${amountsText(mine)}'; this is more than the requested limits '${amountsText(limits)}' (use 'force' flag to bypass this check)`;
  }
  return undefined;
}

function exceeds(wanted: Amounts, have: Amounts): boolean {
  for (const [name, value] of wanted) if (value > (have.get(name) ?? 0)) return true;
  return false;
}

function exceedsLimits(consumed: Amounts, limits: Amounts): boolean {
  for (const [name, limit] of limits) if ((consumed.get(name) ?? 0) > limit) return true;
  return false;
}

/** As Mesos prints quantities: `cpus:14; disk:20480`. */
export function amountsText(amounts: Amounts): string {
  const names = [...amounts.keys()].sort();
  return names.map((name) => `${name}:${(amounts.get(name) ?? 0) / 1000}`).join('; ');
}

/**
 * The registry has them: from now on the allocator goes by these quotas. Offers that are more than a role may have now, and
 * enough of those that stand in the way of a guarantee, are rescinded.
 */
export function applyQuotas(step: Step, configs: readonly QuotaConfig[]): void {
  const { state } = step;
  const next = withQuotas(state.quotas, configs);
  state.quotas.clear();
  for (const [role, quota] of next) state.quotas.set(role, quota);
  // What nobody could have before may be wanted now.
  state.filters.clears++;
  for (const config of configs) {
    rescindBeyondLimits(step, config);
    rescindForGuarantee(step, config);
  }
  step.effects.push({ kind: 'allocate' });
}

const offersOf = (state: MasterState, role: string, inside: boolean): OfferEntry[] =>
  [...state.offers.values()].filter((o) => (topOf(o.role) === role) === inside);
const unreserved = (resources: readonly Resource[]): Amounts => amountsOf(resources.filter(isUnreserved));

function rescindBeyondLimits(step: Step, { role, limits }: QuotaConfig): void {
  const { state } = step;
  const views = Array.from(state.agents.values(), viewOf);
  const consumed = new Map(consumption(state, views, true).get(role));
  for (const offer of offersOf(state, role, true)) {
    if (!exceedsLimits(consumed, limits)) return;
    removeOffer(step, offer, true);
    for (const [name, value] of unreserved(offer.resources))
      consumed.set(name, (consumed.get(name) ?? 0) - value);
  }
}

function rescindForGuarantee(step: Step, { role, guarantees }: QuotaConfig): void {
  const { state } = step;
  if (guarantees.size === 0) return;
  const views = Array.from(state.agents.values(), viewOf);
  const have = new Map(consumption(state, views, true).get(role));
  for (const view of views) addAmounts(have, view.open);
  for (const offer of offersOf(state, role, false)) {
    if (!exceeds(guarantees, have)) return;
    removeOffer(step, offer, true);
    addAmounts(have, unreserved(offer.resources));
  }
}
