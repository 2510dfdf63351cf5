import {
  addResources,
  containsResources,
  holdsResources,
  isTerminal,
  normalizeResources,
} from '../../src/mesos/index.ts';
import type { Resource } from '../../src/mesos/index.ts';
import type { Master } from '../../src/master/index.ts';

/** What a master believes. */
export type MasterView = Master['state'];

const total = (lists: Iterable<readonly Resource[]>): readonly Resource[] =>
  [...lists].reduce<readonly Resource[]>((a, b) => addResources(a, b), []);

const scalars = (resources: readonly Resource[]): readonly Resource[] =>
  resources.filter((r) => r.type === 'SCALAR');

const text = (resources: readonly Resource[]): string =>
  normalizeResources(resources)
    .map((r) => JSON.stringify(Object.entries(r).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort()
    .join();

/** What does not add up in the books of a master; undefined when all is well. */
export function sumsProblem(state: MasterView): string | undefined {
  for (const agent of state.agents.values()) {
    const live = [...agent.tasks].filter((t) => holdsResources(t.state));
    const executors = [...agent.executors.values()].map((e) => e.info.resources ?? []);
    const held = total([...live.map((t) => t.info.resources), ...executors]);
    if (text(agent.used) !== text(held))
      return `${text(agent.used)} used on ${agent.id}, where there is ${text(held)}`;
    const offers = [...agent.offers].flatMap((id) => state.offers.get(id) ?? []);
    if (text(agent.offered) !== text(total(offers.map((o) => o.resources)))) return `offered of ${agent.id}`;
    const all = total([agent.used, agent.offered]).map(({ allocation_info, ...r }) => r);
    if (!containsResources(agent.total, all)) return `more given than there is on ${agent.id}`;
    if (agent.streamId === undefined && agent.offers.size > 0) return `${agent.id} is away and offered`;
  }
  for (const framework of state.frameworks.values()) {
    const live = [...framework.tasks.values()].filter((t) => holdsResources(t.state));
    // ports of several agents do not add up: as in Mesos, their sum over a framework is only for show
    const executors = [...state.agents.values()]
      .flatMap((a) => [...a.executors.values()])
      .flatMap((e) => (e.frameworkId === framework.id ? [e.info.resources ?? []] : []));
    const held = text(scalars(total([...live.map((t) => t.info.resources), ...executors])));
    if (text(scalars(framework.used)) !== held)
      return `${framework.id} is said to use ${text(scalars(framework.used))}, and uses ${held}`;
    if (framework.completedTasks.some((t) => !isTerminal(t.state)))
      return `${framework.id} completed what runs`;
  }
  return undefined;
}
