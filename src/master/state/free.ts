import type { Resource } from '../../mesos/index.ts';
import { addResources, subtractResources, unallocated } from '../../mesos/index.ts';
import { addAmounts, amountsOf, EMPTY, isUnreserved, parcelOf, topOf } from '../allocator/index.ts';
import type { Parcel } from '../allocator/index.ts';
import type { AgentEntry } from './model.ts';
import type { AgentView, SeenAgent } from './seen-agent.ts';

export function viewOf(agent: AgentEntry): AgentView {
  const last = agent.seen;
  if (last && isOf(last, agent)) return last.view;
  const before = last?.unoffered;
  if (before && isOf(before, agent)) {
    agent.seen = before;
    return before.view;
  }
  return remember(agent, undefined);
}

/** What is free of an agent once these offers are made, where that is known without counting. */
export function noteFree(agent: AgentEntry, free: Parcel): void {
  remember(agent, free);
}

/** What of an agent is neither used nor offered. */
export function freeOf(agent: AgentEntry): readonly Resource[] {
  return viewOf(agent).free.resources;
}

function isOf({ of }: SeenAgent, agent: AgentEntry): boolean {
  return (
    of.used === agent.used &&
    of.total === agent.total &&
    of.info === agent.info &&
    sameList(of.offered, agent.offered)
  );
}

const sameList = (a: readonly Resource[], b: readonly Resource[]): boolean =>
  a === b || (a.length === 0 && b.length === 0);

function remember(agent: AgentEntry, given: Parcel | undefined): AgentView {
  const { info, total, used, offered } = agent;
  const last = agent.seen;
  const totals = last?.of.total === total ? last.view : totalsOf(total);
  const free = given ?? count(agent);
  const view: AgentView = {
    id: agent.id,
    info,
    hasGpus: totals.hasGpus,
    total: totals.total,
    reserved: totals.reserved,
    free,
    open: free.plain ? free.amounts : amountsOf(free.resources.filter(isUnreserved)),
    unwantedUntil: 0,
    unwantedBy: -1,
  };
  const base = last?.unoffered ?? last;
  const isBase = base?.of.offered.length === 0 && base.of.used === used && base.of.total === total;
  const unoffered = offered.length > 0 && isBase ? base : undefined;
  agent.seen = { of: { info, total, used, offered }, view, unoffered };
  return view;
}

function count({ total, used, offered }: AgentEntry): Parcel {
  const out = unallocated(used);
  const taken = offered.length === 0 ? out : addResources(out, unallocated(offered));
  // The very list of the agent where nothing of it is taken.
  const free = taken.length === 0 ? total : subtractResources(total, taken);
  return free.length === 0 ? EMPTY : parcelOf(free);
}

function totalsOf(total: readonly Resource[]): Pick<AgentView, 'total' | 'reserved' | 'hasGpus'> {
  const amounts = amountsOf(total);
  const reserved = new Map<string, Map<string, number>>();
  for (const r of total) {
    const role = r.role ?? '*';
    if (role === '*') continue;
    const sum = reserved.get(topOf(role)) ?? new Map<string, number>();
    reserved.set(topOf(role), sum);
    addAmounts(sum, amountsOf([r]));
  }
  return {
    total: amounts,
    hasGpus: (amounts.get('gpus') ?? 0) > 0,
    reserved: reserved.size === 0 ? undefined : reserved,
  };
}
