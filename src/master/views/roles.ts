import { MAY_ALL } from '../../core/access.ts';
import type { May } from '../../core/access.ts';
import type { Resource } from '../../mesos/index.ts';
import { fromMillis, sizeOfRanges, toMillis } from '../../mesos/index.ts';
import { ancestorsOf, isBelow, NOTHING } from '../allocator/index.ts';
import type { Amounts } from '../allocator/index.ts';
import type { MasterState } from '../state/model.ts';
import { rolesOf } from '../state/model.ts';

/** Amounts by name: scalars as they are, ranges by how many numbers they hold. Sorted by name, zeros left out. */
function quantities(resources: readonly Resource[], ranges: boolean): Record<string, number> {
  const millis = new Map<string, number>();
  for (const r of resources) {
    const amount =
      r.type === 'SCALAR'
        ? toMillis(r.scalar?.value ?? 0)
        : r.type === 'RANGES' && ranges
          ? sizeOfRanges(r.ranges?.range ?? []) * 1000
          : 0;
    if (amount > 0) millis.set(r.name, (millis.get(r.name) ?? 0) + amount);
  }
  return numbers(millis);
}

function numbers(amounts: Amounts): Record<string, number> {
  return Object.fromEntries(
    [...amounts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, fromMillis(value)]),
  );
}

interface RoleView {
  readonly name: string;
  readonly weight: number;
  /** Those in the role itself. */
  readonly frameworks: readonly string[];
  /** Here and below, with all of a branch in the role at its top. */
  readonly allocated: readonly Resource[];
  readonly offered: readonly Resource[];
  readonly reserved: readonly Resource[];
}

/** Roles that somebody is in, holds something of, or has said something about; and all that they lie in. */
function knownRoles(state: MasterState): Set<string> {
  const direct = new Set<string>([...state.quotas.keys(), ...state.weights.keys()]);
  for (const framework of state.frameworks.values()) {
    for (const role of rolesOf(framework.info)) direct.add(role);
    for (const r of [...framework.used, ...framework.offered]) direct.add(r.allocation_info?.role ?? '*');
  }
  for (const agent of state.agents.values())
    for (const { role = '*' } of agent.total) if (role !== '*') direct.add(role);
  return new Set([...direct].flatMap((role) => [...ancestorsOf(role), role]));
}

function roleViews(state: MasterState, may: May): RoleView[] {
  const frameworks = [...state.frameworks.values()];
  const reserved = [...state.agents.values()].flatMap((a) => a.total.filter((r) => (r.role ?? '*') !== '*'));
  const seen = [...knownRoles(state)].filter((name) => may('view_roles', name));
  return seen.sort().map((name) => {
    const within = (role: string | undefined): boolean =>
      role !== undefined && (role === name || isBelow(role, name));
    const of = (resources: readonly Resource[]): Resource[] =>
      resources.filter((r) => within(r.allocation_info?.role));
    return {
      name,
      weight: state.weights.get(name) ?? 1,
      frameworks: frameworks.filter((f) => rolesOf(f.info).includes(name)).map((f) => f.id),
      allocated: frameworks.flatMap((f) => of(f.used)),
      offered: frameworks.flatMap((f) => of(f.offered)),
      reserved: reserved.filter((r) => within(r.role)),
    };
  });
}

/** GET_ROLES. */
export function rolesV1(state: MasterState, may: May = MAY_ALL): Readonly<Record<string, unknown>> {
  const roles = roleViews(state, may).map((role) => {
    const amounts = quantities([...role.allocated, ...role.offered], false);
    const resources = Object.entries(amounts).map(([name, value]) => ({
      name,
      type: 'SCALAR',
      scalar: { value },
    }));
    return {
      name: role.name,
      weight: role.weight,
      ...(role.frameworks.length === 0 ? {} : { frameworks: role.frameworks.map((value) => ({ value })) }),
      ...(resources.length === 0 ? {} : { resources }),
    };
  });
  return roles.length === 0 ? {} : { roles };
}

/** /roles. */
export function rolesV0(state: MasterState, may: May = MAY_ALL): Readonly<Record<string, unknown>> {
  const roles = roleViews(state, may).map((role) => {
    const quota = state.quotas.get(role.name);
    const unreserved = role.allocated.filter((r) => (r.role ?? '*') === '*');
    return {
      name: role.name,
      weight: role.weight,
      quota: {
        role: role.name,
        guarantee: numbers(quota?.guarantees ?? NOTHING),
        limit: numbers(quota?.limits ?? NOTHING),
        consumed: quantities([...unreserved, ...role.reserved], true),
      },
      resources: quantities([...role.allocated, ...role.offered], true),
      allocated: quantities(role.allocated, true),
      offered: quantities(role.offered, true),
      reserved: quantities(role.reserved, true),
      frameworks: role.frameworks,
    };
  });
  return { roles };
}
