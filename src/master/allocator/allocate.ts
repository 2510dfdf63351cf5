import type { AgentInfo, Resource } from '../../mesos/index.ts';
import { addResources } from '../../mesos/index.ts';
import { reaches } from './amounts.ts';
import type { Amounts } from './amounts.ts';
import { Budgets } from './budget.ts';
import type { QuotaClaim } from './budget.ts';
import type { Refusals } from './filters.ts';
import { atMost, EMPTY, isEmptyParcel, keep, parcelOf, without } from './parcel.ts';
import type { Parcel } from './parcel.ts';
import { Contender, isBelow, RoleTree } from './role-tree.ts';
import type { RoleNode, RoleStandings } from './role-tree.ts';

/** An agent that takes part. */
export interface FreeAgent {
  readonly id: string;
  readonly info: AgentInfo;
  readonly hasGpus: boolean;
  /** What is neither used nor offered. */
  readonly free: Parcel;
}

/** A framework in one role that may get offers now (active and not suppressed). */
export interface Client {
  readonly frameworkId: string;
  readonly role: string;
  /** What the framework holds in this role, used or offered. */
  readonly held: Amounts;
  readonly wishes: Wishes;
  readonly refusals: Refusals | undefined;
}

/** What makes an offer worthwhile to a framework in a role. The same object as long as nothing of it has changed. */
export interface Wishes {
  /** Any of these amounts must be reached; empty: anything goes. */
  readonly minimum: readonly Amounts[];
  /** Whether this agent may be offered at all (capabilities, constraints). */
  takesAgent(agent: FreeAgent): boolean;
  /** Whether it understands such a resource; undefined: all of them. Not asked of plain ones. */
  readonly takes: ((r: Resource) => boolean) | undefined;
}

export interface AllocationInput extends RoleStandings {
  /** In the order in which they are to be considered (shuffled by the caller). */
  readonly agents: readonly FreeAgent[];
  readonly clients: readonly Client[];
  readonly quotas: readonly QuotaClaim[];
  /** Free and unreserved on all agents that may be offered, also those that are not considered this time. */
  readonly free: Amounts;
  /** Monotonic milliseconds. */
  readonly now: number;
}

export interface Allocation {
  readonly client: Client;
  readonly agent: FreeAgent;
  readonly given: Parcel;
}

export interface Outcome {
  readonly allocations: readonly Allocation[];
  /** What is left of the agents of which something was given. */
  readonly left: ReadonlyMap<FreeAgent, Parcel>;
  /** Nobody wants anything of these before that time, unless they or the clients change. */
  readonly unwanted: ReadonlyMap<FreeAgent, number>;
}

/**
 * One run of the allocator: hierarchical dominant resource fairness (mesos-api.md §1.7). First roles get what they are
 * guaranteed, then everybody: for every agent, roles in the order of their shares and frameworks within a role likewise;
 * the first that wants and may have it gets all that is left of the agent for its role. What a role cannot take
 * (reservations of others, more than its quota) goes on to the next.
 */
export function allocate(input: AllocationInput): Outcome {
  return new Run(input).outcome();
}

class Run {
  readonly #input: AllocationInput;
  readonly #tree: RoleTree<Client>;
  readonly #budgets: Budgets;
  readonly #given = new Map<FreeAgent, Map<Client, Parcel>>();
  readonly #left = new Map<FreeAgent, Parcel>();
  readonly #unwanted = new Map<FreeAgent, number>();
  /** Of the agent that is being looked at. */
  #free = EMPTY;
  #takers: [RoleNode<Client>, Contender<Client>, Parcel][] = [];
  /** The first of the refusals that stood against it ends then. */
  #blockedUntil = Number.POSITIVE_INFINITY;
  /** Somebody would have been offered more of it but for a quota. */
  #capped = false;
  #judged: { readonly parcel: Parcel; readonly minimum: readonly Amounts[]; readonly enough: boolean } = {
    parcel: EMPTY,
    minimum: [],
    enough: false,
  };

  constructor(input: AllocationInput) {
    this.#input = input;
    this.#tree = new RoleTree(contendersOf(input), input);
    this.#budgets = new Budgets(input.quotas, input.free);
  }

  outcome(): Outcome {
    if (this.#budgets.owing) for (const agent of this.#input.agents) this.#offer(agent, true);
    for (const agent of this.#input.agents) this.#offer(agent, false);
    const allocations: Allocation[] = [];
    for (const [agent, clients] of this.#given)
      for (const [client, given] of clients) allocations.push({ client, agent, given });
    return { allocations, left: this.#left, unwanted: this.#unwanted };
  }

  /** Give an agent away. Those who get something take their new places only then, so the order holds for one agent. */
  #offer(agent: FreeAgent, guaranteed: boolean): void {
    const before = this.#left.get(agent) ?? agent.free;
    if (isEmptyParcel(before)) return;
    this.#free = before;
    this.#blockedUntil = Number.POSITIVE_INFINITY;
    this.#capped = false;
    this.#walk(this.#tree.root, agent, guaranteed);
    if (this.#free !== before) this.#left.set(agent, this.#free);
    else if (!guaranteed && !this.#capped && before === agent.free)
      this.#unwanted.set(agent, this.#blockedUntil);
    for (const [leaf, contender, given] of this.#takers) this.#tree.give(leaf, contender, given.amounts);
    this.#takers = [];
  }

  #walk(node: RoleNode<Client>, agent: FreeAgent, guaranteed: boolean): void {
    for (const child of node.children) {
      if (isEmptyParcel(this.#free)) return;
      if (child.children.length > 0) this.#walk(child, agent, guaranteed);
      else if (!guaranteed || this.#budgets.owes(child.role)) this.#offerRole(child, agent, guaranteed);
    }
  }

  #offerRole(leaf: RoleNode<Client>, agent: FreeAgent, guaranteed: boolean): void {
    const { role } = leaf;
    const allowed = this.#free.plain ? this.#free : keep(this.#free, (r) => mayUse(role, r));
    if (guaranteed && !this.#budgets.isOwed(role, allowed)) return;
    let usable = atMost(allowed, this.#budgets.limitsFor(role, guaranteed));
    if (usable !== allowed) this.#capped = true;
    if (isEmptyParcel(usable)) return;
    for (const contender of leaf.contenders) {
      const { client } = contender;
      const given = this.#accepted(client, agent, usable);
      if (given === undefined) continue;
      this.#takers.push([leaf, contender, given]);
      this.#budgets.take(role, given);
      this.#free = without(this.#free, given);
      this.#note(agent, client, given);
      // What it does not understand may be for the next one of the role.
      if (given === usable) return;
      usable = without(usable, given);
      if (isEmptyParcel(usable)) return;
    }
  }

  /** What of this the framework gets, if anything. */
  #accepted(client: Client, agent: FreeAgent, usable: Parcel): Parcel | undefined {
    const { wishes, refusals } = client;
    if (!wishes.takesAgent(agent)) return undefined;
    const given = usable.plain || wishes.takes === undefined ? usable : keep(usable, wishes.takes);
    if (isEmptyParcel(given) || !this.#isEnough(given, wishes.minimum)) return undefined;
    const until = refusals?.blockedUntil(agent.id, given, this.#input.now) ?? 0;
    if (until === 0) return given;
    if (until < this.#blockedUntil) this.#blockedUntil = until;
    return undefined;
  }

  /** Most ask for the same minimum of the same parcel, one after the other. */
  #isEnough(given: Parcel, minimum: readonly Amounts[]): boolean {
    if (this.#judged.parcel !== given || this.#judged.minimum !== minimum)
      this.#judged = { parcel: given, minimum, enough: reachesMinimum(given, minimum) };
    return this.#judged.enough;
  }

  #note(agent: FreeAgent, client: Client, given: Parcel): void {
    const clients = this.#given.get(agent) ?? new Map<Client, Parcel>();
    this.#given.set(agent, clients);
    const before = clients.get(client);
    clients.set(client, before ? parcelOf(addResources(before.resources, given.resources)) : given);
  }
}

function contendersOf({ clients, total }: AllocationInput): Map<string, Contender<Client>[]> {
  const out = new Map<string, Contender<Client>[]>();
  for (const client of clients) {
    const rivals = out.get(client.role) ?? [];
    out.set(client.role, rivals);
    rivals.push(new Contender(client.frameworkId, client.held, total, client));
  }
  return out;
}

function reachesMinimum({ amounts }: Parcel, minimum: readonly Amounts[]): boolean {
  return minimum.length === 0 || minimum.some((all) => reaches(amounts, all));
}

/** Unreserved resources may go to any role, reserved ones to their role and the roles below it. */
function mayUse(role: string, resource: Resource): boolean {
  const reserved = resource.role ?? '*';
  return reserved === '*' || reserved === role || isBelow(role, reserved);
}
