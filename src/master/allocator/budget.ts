import { amountsOf, increase, NOTHING } from './amounts.ts';
import type { Amounts } from './amounts.ts';
import { isUnreserved } from './parcel.ts';
import type { Parcel } from './parcel.ts';
import { topOf } from './role-tree.ts';

/** The quota of a role, and how much of it is taken (mesos-api.md App. E). It holds for all roles below, too. */
export interface QuotaClaim {
  readonly role: string;
  readonly guarantees: Amounts;
  /** What is not named is not limited. */
  readonly limits: Amounts;
  /** Reserved for the role or below, and unreserved resources in use or offered there. */
  readonly consumed: Amounts;
}

class Budget {
  readonly guarantees: Amounts;
  readonly limits: Amounts;
  readonly #consumed: Map<string, number>;

  constructor({ guarantees, limits, consumed }: QuotaClaim) {
    this.guarantees = guarantees;
    this.limits = limits;
    this.#consumed = new Map(consumed);
  }

  /** How much of its guarantee it has not got yet. */
  unsatisfied(name: string): number {
    return Math.max(0, (this.guarantees.get(name) ?? 0) - (this.#consumed.get(name) ?? 0));
  }

  isSatisfied(): boolean {
    for (const name of this.guarantees.keys()) if (this.unsatisfied(name) > 0) return false;
    return true;
  }

  /** Infinity where there is no limit. */
  room(name: string): number {
    const limit = this.limits.get(name);
    return limit === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(0, limit - (this.#consumed.get(name) ?? 0));
  }

  take(amounts: Amounts): void {
    for (const [name, millis] of amounts) increase(this.#consumed, name, millis);
  }
}

/** Which resources a run of the allocator may still give to whom, by the quotas. */
export class Budgets {
  readonly #byRole: ReadonlyMap<string, Budget>;
  /** What is free of each kind and not reserved, in the whole cluster. */
  readonly #free: Map<string, number>;
  readonly #kinds: ReadonlySet<string>;
  /** What `limitsFor` has said since something was last given. */
  readonly #said = new Map<string, Amounts>();

  constructor(quotas: readonly QuotaClaim[], free: Amounts) {
    this.#byRole = new Map(quotas.map((q) => [q.role, new Budget(q)]));
    this.#free = new Map(free);
    this.#kinds = new Set(quotas.flatMap((q) => [...q.guarantees.keys(), ...q.limits.keys()]));
  }

  /** Whether some role has not got its guarantee. */
  get owing(): boolean {
    for (const budget of this.#byRole.values()) if (!budget.isSatisfied()) return true;
    return false;
  }

  owes(role: string): boolean {
    return this.#byRole.get(topOf(role))?.isSatisfied() === false;
  }

  /** Whether some of this is owed to the role by its guarantee. */
  isOwed(role: string, parcel: Parcel): boolean {
    const budget = this.#byRole.get(topOf(role));
    if (budget === undefined) return false;
    return parcel.resources.some((r) => isUnreserved(r) && budget.unsatisfied(r.name) > 0);
  }

  /**
   * The most that a role may be given of each kind without reservation: within its limits, and without what has to stay
   * free for guarantees. In the first stage (`guaranteed`) a role may take what it is owed.
   */
  limitsFor(role: string, guaranteed: boolean): Amounts {
    if (this.#byRole.size === 0) return NOTHING;
    const top = topOf(role);
    const key = guaranteed ? `${top} guaranteed` : top;
    let limits = this.#said.get(key);
    if (limits === undefined) this.#said.set(key, (limits = this.#limits(this.#byRole.get(top), guaranteed)));
    return limits;
  }

  #limits(budget: Budget | undefined, guaranteed: boolean): Amounts {
    const out = new Map<string, number>();
    for (const name of this.#kinds) {
      const owed = guaranteed ? (budget?.unsatisfied(name) ?? 0) : 0;
      const most = Math.min(
        budget?.room(name) ?? Number.POSITIVE_INFINITY,
        owed > 0 ? owed : this.#spare(name),
      );
      if (most !== Number.POSITIVE_INFINITY) out.set(name, most);
    }
    return out;
  }

  take(role: string, parcel: Parcel): void {
    if (this.#byRole.size === 0) return;
    this.#said.clear();
    const amounts = amountsOf(parcel.resources.filter(isUnreserved));
    this.#byRole.get(topOf(role))?.take(amounts);
    for (const [name, millis] of amounts) increase(this.#free, name, -millis);
  }

  /** What is free beyond all that is owed. */
  #spare(name: string): number {
    let owed = 0;
    for (const budget of this.#byRole.values()) owed += budget.unsatisfied(name);
    return owed === 0 ? Number.POSITIVE_INFINITY : Math.max(0, (this.#free.get(name) ?? 0) - owed);
  }
}
