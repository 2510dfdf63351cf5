import type { Resource } from '../../mesos/index.ts';
import { toMillis } from '../../mesos/index.ts';
import { amountsOf, addAmounts, NOTHING } from '../allocator/index.ts';
import type { Amounts, Client, Minimum, Wishes } from '../allocator/index.ts';
import { hasCapability, rolesOf } from './model.ts';
import type { FrameworkEntry, MasterState } from './model.ts';

/** Who competes for offers, and what each of them wants. */
export interface Competition {
  readonly clients: readonly Client[];
  /** What the frameworks of each role hold, used or offered; also of those that want nothing now. */
  readonly held: ReadonlyMap<string, Amounts>;
}

export function competition(state: MasterState): Competition {
  const clients: Client[] = [];
  const all = new Map<string, Map<string, number>>();
  for (const framework of state.frameworks.values()) {
    const held = heldByRole(framework);
    for (const [role, amounts] of held) {
      const sum = all.get(role) ?? new Map<string, number>();
      all.set(role, sum);
      addAmounts(sum, amounts);
    }
    if (!framework.active || framework.streamId === undefined) continue;
    for (const role of rolesOf(framework.info)) {
      if (framework.suppressed.has(role)) continue;
      clients.push({
        frameworkId: framework.id,
        role,
        held: held.get(role) ?? NOTHING,
        wishes: wishesOf(state, framework, role),
        refusals: state.filters.of(framework.id, role),
      });
    }
  }
  return { clients, held: all };
}

function heldByRole({ used, offered }: FrameworkEntry): ReadonlyMap<string, Amounts> {
  const out = new Map<string, Map<string, number>>();
  for (const resources of [used, offered]) {
    for (const r of resources) {
      const role = r.allocation_info?.role ?? '*';
      const sum = out.get(role) ?? new Map<string, number>();
      out.set(role, sum);
      addAmounts(sum, amountsOf([r]));
    }
  }
  return out;
}

interface Known {
  readonly info: FrameworkEntry['info'];
  readonly constraints: FrameworkEntry['constraints'];
  readonly byRole: Map<string, Wishes>;
}
const known = new WeakMap<FrameworkEntry, Known>();

/** The same object until the framework says something else of itself. */
function wishesOf(state: MasterState, framework: FrameworkEntry, role: string): Wishes {
  const { info, constraints } = framework;
  let mine = known.get(framework);
  if (mine?.info !== info || mine.constraints !== constraints) {
    mine = { info, constraints, byRole: new Map() };
    known.set(framework, mine);
  }
  const wishes = mine.byRole.get(role) ?? newWishes(state, framework, role);
  mine.byRole.set(role, wishes);
  return wishes;
}

function newWishes(state: MasterState, framework: FrameworkEntry, role: string): Wishes {
  const { info } = framework;
  const seesGpus = !state.policy.filterGpuResources || hasCapability(info, 'GPU_RESOURCES');
  const seesRemote = hasCapability(info, 'REGION_AWARE');
  const constraint = framework.constraints.byRole.get(role);
  return {
    minimum: minimumOf(framework, role) ?? usualMinimum(state.policy.minAllocatable),
    takesAgent: (agent) =>
      (seesGpus || !agent.hasGpus) &&
      (seesRemote || !isRemote(state, agent.info.domain)) &&
      (constraint === undefined || constraint(agent.info)),
    takes: takesOf(framework),
  };
}

/** In another region than the master; who has no domain is near. */
function isRemote({ info }: MasterState, domain: MasterState['info']['domain']): boolean {
  const here = info.domain?.fault_domain?.region.name;
  const there = domain?.fault_domain?.region.name;
  return here !== undefined && there !== undefined && here !== there;
}

/** Kinds of resources that only those see who know of them. */
function takesOf({ info }: FrameworkEntry): Wishes['takes'] {
  const revocable = hasCapability(info, 'REVOCABLE_RESOURCES');
  const shared = hasCapability(info, 'SHARED_RESOURCES');
  const refined = hasCapability(info, 'RESERVATION_REFINEMENT');
  if (revocable && shared && refined) return undefined;
  return (r: Resource) =>
    (revocable || r.revocable === undefined) &&
    (shared || r.shared === undefined) &&
    (refined || (r.reservations?.length ?? 0) <= 1);
}

/** In thousandths; one object for all who go by the configuration. */
const usual = new WeakMap<readonly Minimum[], readonly Amounts[]>();

function usualMinimum(configured: readonly Minimum[]): readonly Amounts[] {
  const minimum = usual.get(configured) ?? configured.map(inMillis);
  usual.set(configured, minimum);
  return minimum;
}

const inMillis = (minimum: Minimum): Amounts =>
  new Map([...minimum].map(([name, value]) => [name, toMillis(value)]));

/** The framework's own smallest useful offer in a role (FrameworkInfo.offer_filters), if it said one. */
function minimumOf({ info }: FrameworkEntry, role: string): readonly Amounts[] | undefined {
  const filters = info.offer_filters;
  const wanted =
    filters && Object.hasOwn(filters, role) ? filters[role]?.min_allocatable_resources : undefined;
  return wanted?.quantities?.map(({ quantities }) =>
    inMillis(new Map(Object.entries(quantities ?? {}).map(([name, { value }]) => [name, value]))),
  );
}
