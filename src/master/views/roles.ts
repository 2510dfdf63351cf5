import type { Resource } from '../../mesos/index.ts';
import { fromMillis, sizeOfRanges, toMillis } from '../../mesos/index.ts';
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
  return Object.fromEntries(
    [...millis].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, fromMillis(value)]),
  );
}

interface RoleView {
  readonly name: string;
  readonly frameworks: readonly string[];
  readonly allocated: readonly Resource[];
  readonly offered: readonly Resource[];
  readonly reserved: readonly Resource[];
}

function roleViews(state: MasterState): RoleView[] {
  const names = new Set<string>();
  const frameworks = [...state.frameworks.values()];
  for (const framework of frameworks) {
    for (const role of rolesOf(framework.info)) names.add(role);
    for (const r of [...framework.used, ...framework.offered]) names.add(r.allocation_info?.role ?? '*');
  }
  const totals = [...state.agents.values()].flatMap((a) => a.total);
  const of = (resources: readonly Resource[], role: string): Resource[] =>
    resources.filter((r) => r.allocation_info?.role === role);
  return [...names].sort().map((name) => ({
    name,
    frameworks: frameworks.filter((f) => rolesOf(f.info).includes(name)).map((f) => f.id),
    allocated: frameworks.flatMap((f) => of(f.used, name)),
    offered: frameworks.flatMap((f) => of(f.offered, name)),
    reserved: name === '*' ? [] : totals.filter((r) => r.role === name),
  }));
}

/** GET_ROLES. */
export function rolesV1(state: MasterState): Readonly<Record<string, unknown>> {
  const roles = roleViews(state).map((role) => {
    const amounts = quantities([...role.allocated, ...role.offered], false);
    const resources = Object.entries(amounts).map(([name, value]) => ({
      name,
      type: 'SCALAR',
      scalar: { value },
    }));
    return {
      name: role.name,
      weight: 1,
      ...(role.frameworks.length === 0 ? {} : { frameworks: role.frameworks.map((value) => ({ value })) }),
      ...(resources.length === 0 ? {} : { resources }),
    };
  });
  return roles.length === 0 ? {} : { roles };
}

/** /roles. */
export function rolesV0(state: MasterState): Readonly<Record<string, unknown>> {
  const roles = roleViews(state).map((role) => ({
    name: role.name,
    weight: 1,
    quota: {
      role: role.name,
      guarantee: {},
      limit: {},
      consumed: quantities(
        [...role.allocated.filter((r) => (r.role ?? '*') === '*'), ...role.reserved],
        true,
      ),
    },
    resources: quantities([...role.allocated, ...role.offered], true),
    allocated: quantities(role.allocated, true),
    offered: quantities(role.offered, true),
    reserved: quantities(role.reserved, true),
    frameworks: role.frameworks,
  }));
  return { roles };
}
