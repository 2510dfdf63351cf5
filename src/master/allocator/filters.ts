import { covers } from './parcel.ts';
import type { Parcel } from './parcel.ts';

const DEFAULT_REFUSE_SECONDS = 5;
const MAX_REFUSE_SECONDS = 365 * 24 * 3600;

interface Filter {
  readonly parcel: Parcel;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** How long a refusal holds (mesos-api.md §1.7): 5 s when unsaid or invalid, at most a year; 0 means not at all. */
export function refuseMs(refuseSeconds: number | undefined): number {
  if (refuseSeconds === undefined || Number.isNaN(refuseSeconds) || refuseSeconds < 0)
    return DEFAULT_REFUSE_SECONDS * 1000;
  return Math.min(refuseSeconds, MAX_REFUSE_SECONDS) * 1000;
}

/**
 * What one framework has refused in one role. A filter blocks later offers of the same agent as long as they hold no more
 * than what was refused; once the agent has more free, it is offered again.
 */
export class Refusals {
  readonly #agents = new Map<string, readonly Filter[]>();
  /** No filter ends before. */
  #earliest = Number.POSITIVE_INFINITY;

  add(agentId: string, parcel: Parcel, until: number): void {
    // What is refused anew for longer need not be remembered twice.
    const others = this.#agents.get(agentId)?.filter((f) => f.until > until || !covers(parcel, f.parcel));
    this.#agents.set(agentId, others ? [...others, { parcel, until }] : [{ parcel, until }]);
    this.#earliest = Math.min(this.#earliest, until);
  }

  /** Until when this may not be offered; 0 if it may be now. */
  blockedUntil(agentId: string, parcel: Parcel, now: number): number {
    let until = 0;
    for (const f of this.#agents.get(agentId) ?? [])
      if (f.until > now && f.until > until && covers(f.parcel, parcel)) until = f.until;
    return until;
  }

  forget(agentId: string): void {
    this.#agents.delete(agentId);
  }

  /** Drop what has expired. */
  prune(now: number): void {
    if (this.#earliest > now) return;
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const [agentId, filters] of this.#agents) {
      const live = filters.every((f) => f.until > now) ? filters : filters.filter((f) => f.until > now);
      if (live.length === 0) this.#agents.delete(agentId);
      else if (live !== filters) this.#agents.set(agentId, live);
      for (const f of live) this.#earliest = Math.min(this.#earliest, f.until);
    }
  }

  get size(): number {
    let n = 0;
    for (const filters of this.#agents.values()) n += filters.length;
    return n;
  }
}

/** What all frameworks have refused. */
export class RefusalFilters {
  readonly #frameworks = new Map<string, Map<string, Refusals>>();
  /** How often something was forgotten before its time: what nobody wanted may be wanted then. */
  clears = 0;

  refuse(frameworkId: string, role: string, agentId: string, refused: Parcel, until: number): void {
    const roles = this.#frameworks.get(frameworkId) ?? new Map<string, Refusals>();
    this.#frameworks.set(frameworkId, roles);
    const refusals = roles.get(role) ?? new Refusals();
    roles.set(role, refusals);
    refusals.add(agentId, refused, until);
  }

  of(frameworkId: string, role: string): Refusals | undefined {
    return this.#frameworks.get(frameworkId)?.get(role);
  }

  /** Forget the refusals of a framework, in one role or in all. */
  clear(frameworkId: string, role?: string): void {
    this.clears++;
    if (role === undefined) this.#frameworks.delete(frameworkId);
    else this.#frameworks.get(frameworkId)?.delete(role);
  }

  forgetAgent(agentId: string): void {
    this.clears++;
    for (const refusals of this.#all()) refusals.forget(agentId);
  }

  prune(now: number): void {
    for (const refusals of this.#all()) refusals.prune(now);
  }

  get size(): number {
    let n = 0;
    for (const refusals of this.#all()) n += refusals.size;
    return n;
  }

  *#all(): Generator<Refusals> {
    for (const roles of this.#frameworks.values()) yield* roles.values();
  }
}
