import type { MasterView } from './sums.ts';

const ROOT = 'master/registry/';

/** An entry of a list, as far as it is looked at. */
interface Listed {
  readonly role: string;
  readonly weight: number;
}

/** What is stored, by the keys of the store. */
export type Stored = ReadonlyMap<string, string>;

/** What the registry would tell the next master and the one that leads does not know, or the other way round; undefined when they agree. */
export function registryProblem(state: MasterView, stored: Stored): string | undefined {
  const below = (folder: string): string[] =>
    [...stored.keys()].filter((key) => key.startsWith(`${ROOT}${folder}/`)).map((key) => lastOf(key));
  const gone = below('gone');
  const agents = below('agents').filter((id) => !gone.includes(id));
  const unreachable = below('unreachable').filter((id) => !gone.includes(id) && !agents.includes(id));
  const known = [...agents, ...unreachable];
  const orders = below('orders').filter((id) => known.includes(id));
  return (
    unlike('agents', agents, [...state.agents.keys(), ...state.recoveredAgents.keys()]) ??
    unlike('unreachable agents', unreachable, state.unreachableAgents.keys()) ??
    unlike('agents that are gone', gone, state.goneAgents.keys()) ??
    unlike('agents with orders', orders, state.orders.keys()) ??
    unlike(
      'roles with quota',
      listOf(stored, 'quotas', 'configs').map((c) => c.role),
      state.quotas.keys(),
    ) ??
    unlike(
      'weights',
      listOf(stored, 'weights', 'weights').map((w) => text(w.role, w.weight)),
      Array.from(state.weights, ([role, weight]) => text(role, weight)),
    ) ??
    unlike(
      'windows of maintenance',
      listOf(stored, 'maintenance', 'windows').map((w) => JSON.stringify(w)),
      state.maintenance.windows.map((w) => JSON.stringify(w)),
    )
  );
}

function unlike(what: string, stored: readonly string[], believed: Iterable<string>): string | undefined {
  const [a, b] = [stored.toSorted().join(), [...believed].sort().join()];
  return a === b ? undefined : `${what} of the registry are [${a}], those of the master [${b}]`;
}

function listOf(stored: Stored, key: string, field: string): readonly Listed[] {
  const value = stored.get(`${ROOT}${key}`);
  return value === undefined ? [] : ((JSON.parse(value) as Record<string, readonly Listed[]>)[field] ?? []);
}

const text = (role: string, weight: number): string => `${role}=${weight}`;
const lastOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
