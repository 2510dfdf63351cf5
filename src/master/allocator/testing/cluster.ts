import type { AgentInfo, Resource } from '../../../mesos/index.ts';
import { normalizeResources, parseResources, subtractResources } from '../../../mesos/index.ts';
import {
  addAmounts,
  allocate,
  amountsOf,
  isUnreserved,
  NOTHING,
  parcelOf,
  RefusalFilters,
  topOf,
  Turns,
} from '../index.ts';
import type { Allocation, Amounts, Client, FreeAgent, Outcome, Parcel, Wishes } from '../index.ts';

export function resources(text: string): Resource[] {
  const parsed = parseResources(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return [...parsed.value];
}

export const amounts = (text: string): Amounts => amountsOf(resources(text));

export const WANTS_ALL: Wishes = { minimum: [], takesAgent: () => true, takes: undefined };

interface Machine {
  readonly info: AgentInfo;
  readonly total: readonly Resource[];
  left: Parcel;
}
interface Framework {
  readonly id: string;
  readonly role: string;
  wishes: Wishes;
  competes: boolean;
  readonly held: Map<string, number>;
  /** What it holds of unreserved resources, which is what quota counts. */
  readonly unreserved: Map<string, number>;
}

/** A cluster for tests of the allocator: what is given is held until it is handed back. */
export class TestCluster {
  readonly agents = new Map<string, Machine>();
  readonly frameworks = new Map<string, Framework>();
  readonly filters = new RefusalFilters();
  readonly weights = new Map<string, number>();
  readonly quotas = new Map<string, { readonly guarantees: Amounts; readonly limits: Amounts }>();
  readonly turns = new Turns();
  now = 0;

  agent(id: string, text: string, info: Partial<AgentInfo> = {}): void {
    const total = normalizeResources(resources(text));
    const whole = { hostname: id, port: 5051, resources: total, ...info };
    this.agents.set(id, { info: whole, total, left: parcelOf(total) });
  }

  framework(id: string, role = '*', held = '', wishes: Wishes = WANTS_ALL): void {
    this.frameworks.set(id, {
      id,
      role,
      wishes,
      competes: true,
      held: new Map(amounts(held)),
      unreserved: new Map(amounts(held)),
    });
  }

  quota(role: string, guarantees: string, limits = ''): void {
    this.quotas.set(role, { guarantees: amounts(guarantees), limits: amounts(limits) });
  }

  /** One run of the allocator, agents in their order unless another one is given; what it gives is held from now on. */
  run(order: readonly string[] = [...this.agents.keys()]): Outcome {
    const outcome = this.ask(order, this.turns);
    for (const allocation of outcome.allocations) this.#change(allocation, 1);
    return outcome;
  }

  /** The same without consequences. */
  ask(order: readonly string[] = [...this.agents.keys()], turns = new Turns()): Outcome {
    const total = new Map<string, number>();
    const free = new Map<string, number>();
    for (const agent of this.agents.values()) {
      addAmounts(total, amountsOf(agent.total));
      addAmounts(free, amountsOf(agent.left.resources.filter(isUnreserved)));
    }
    const held = new Map<string, Map<string, number>>();
    for (const f of this.frameworks.values()) {
      const sum = held.get(f.role) ?? new Map<string, number>();
      held.set(f.role, sum);
      addAmounts(sum, f.held);
    }
    return allocate({
      agents: order.map((id) => this.#free(id)),
      clients: [...this.frameworks.values()].filter((f) => f.competes).map((f) => this.#client(f)),
      held,
      total,
      free,
      weights: this.weights,
      turns,
      quotas: Array.from(this.quotas, ([role, quota]) => ({ role, ...quota, consumed: this.consumed(role) })),
      now: this.now,
    });
  }

  /** What a role and all below it take up, in thousandths. */
  consumed(role: string): Map<string, number> {
    const out = new Map<string, number>();
    for (const f of this.frameworks.values()) if (topOf(f.role) === role) addAmounts(out, f.unreserved);
    for (const { total } of this.agents.values())
      addAmounts(
        out,
        amountsOf(total.filter((r) => r.role !== undefined && r.role !== '*' && topOf(r.role) === role)),
      );
    return out;
  }

  /** The framework wants none of it. */
  giveBack(allocation: Allocation): void {
    this.#change(allocation, -1);
  }

  /** It keeps only this much of it. */
  keepOnly(allocation: Allocation, kept: string): void {
    this.giveBack(allocation);
    this.#change({ ...allocation, given: parcelOf(resources(kept)) }, 1);
  }

  refuse({ client, agent, given }: Allocation, forMs: number): void {
    this.filters.refuse(client.frameworkId, client.role, agent.id, given, this.now + forMs);
  }

  /** The dominant share of a framework by all that there is. */
  share(id: string): number {
    const total = new Map<string, number>();
    for (const agent of this.agents.values()) addAmounts(total, amountsOf(agent.total));
    const held = this.frameworks.get(id)?.held ?? NOTHING;
    return Math.max(
      0,
      ...Array.from(held, ([name, value]) => value / (total.get(name) ?? Number.POSITIVE_INFINITY)),
    );
  }

  #free(id: string): FreeAgent {
    const agent = this.agents.get(id);
    if (!agent) throw new Error(`no agent ${id}`);
    const hasGpus = (amountsOf(agent.total).get('gpus') ?? 0) > 0;
    return { id, info: agent.info, hasGpus, free: agent.left };
  }

  #client(f: Framework): Client {
    const refusals = this.filters.of(f.id, f.role);
    return { frameworkId: f.id, role: f.role, held: f.held, wishes: f.wishes, refusals };
  }

  #change({ client, agent, given }: Allocation, sign: 1 | -1): void {
    const machine = this.agents.get(agent.id);
    const framework = this.frameworks.get(client.frameworkId);
    if (!machine || !framework) throw new Error('given to or of nobody');
    const rest = machine.left.resources;
    machine.left = parcelOf(
      sign === 1 ? subtractResources(rest, given.resources) : [...rest, ...given.resources],
    );
    const change = (into: Map<string, number>, more: Amounts): void => {
      for (const [name, value] of more) into.set(name, (into.get(name) ?? 0) + sign * value);
    };
    change(framework.held, given.amounts);
    change(framework.unreserved, amountsOf(given.resources.filter(isUnreserved)));
  }
}

/** `agent>framework` for each allocation. */
export const whoGot = ({ allocations }: Outcome): string[] =>
  allocations.map((a) => `${a.agent.id}>${a.client.frameworkId}`);
