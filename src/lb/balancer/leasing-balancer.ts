import type { Strategy } from './strategies.ts';
import type {
  Balancer,
  Eligibility,
  Endpoint,
  EndpointHealth,
  Lease,
  Outcome,
  PickContext,
} from './types.ts';

/** An endpoint and the requests that run on it. Outlives its place in the list while requests run. */
class Entry {
  endpoint: Endpoint;
  inFlight = 0;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }
}

/**
 * A balancer over any strategy. It prefers endpoints that are up, not unhealthy and not ejected. When there is none it
 * fails open: it takes any that is up, for a doubtful instance is better than a certain error. Endpoints that drain,
 * do not run yet, or have been tried by this request are never picked.
 */
export class LeasingBalancer implements Balancer {
  readonly #strategy: Strategy;
  readonly #health: EndpointHealth;
  #entries: Entry[] = [];
  #cursor: number;
  #now = 0;
  #tried: readonly string[] = [];
  readonly #preferred = (i: number): boolean => this.#eligibility(this.#entries[i]) === 'eligible';
  readonly #possible = (i: number): boolean => {
    const why = this.#eligibility(this.#entries[i]);
    return why === 'eligible' || why === 'unhealthy' || why === 'ejected';
  };

  /** `start` is where the rotation begins: a random number, so that many balancers do not move in step. */
  constructor(strategy: Strategy, health: EndpointHealth, start: number) {
    this.#strategy = strategy;
    this.#health = health;
    this.#cursor = start;
  }

  pick(ctx: PickContext): Lease | undefined {
    const i = this.#choose(ctx);
    const entry = this.#entries[i];
    if (entry === undefined) return undefined;
    this.#cursor = i + 1 < this.#entries.length ? i + 1 : 0;
    return new EntryLease(entry, this.#health);
  }

  peek(ctx: PickContext): Endpoint | undefined {
    return this.#entries[this.#choose(ctx)]?.endpoint;
  }

  #choose(ctx: PickContext): number {
    const n = this.#entries.length;
    if (n === 0) return -1;
    this.#now = ctx.now;
    this.#tried = ctx.tried;
    const cursor = this.#cursor % n;
    const i = this.#strategy(this.#entries, cursor, this.#preferred);
    return i >= 0 ? i : this.#strategy(this.#entries, cursor, this.#possible);
  }

  #eligibility(entry: Entry | undefined): Eligibility {
    if (entry === undefined) return 'waiting';
    const { endpoint } = entry;
    if (endpoint.phase !== 'up') return endpoint.phase;
    if (this.#tried.includes(endpoint.key)) return 'tried';
    if (endpoint.healthy === false) return 'unhealthy';
    return this.#health.ejected(endpoint.key, this.#now) ? 'ejected' : 'eligible';
  }

  /** Those that stay keep their order and their counts, newcomers follow; the rotation goes on where it was. */
  update(endpoints: readonly Endpoint[]): void {
    const wanted = new Map(endpoints.map((e) => [e.key, e]));
    const n = this.#entries.length;
    const next = this.#entries[n === 0 ? 0 : this.#cursor % n];
    const following = n === 0 ? [] : rotate(this.#entries, this.#cursor % n);
    const stay: Entry[] = [];
    for (const entry of this.#entries) {
      const endpoint = wanted.get(entry.endpoint.key);
      if (endpoint === undefined) continue;
      entry.endpoint = endpoint;
      wanted.delete(endpoint.key);
      stay.push(entry);
    }
    const come = [...wanted.values()].map((e) => new Entry(e));
    this.#entries = [...stay, ...come];
    if (next !== undefined) {
      const kept = new Set(stay);
      const resume = following.find((e) => kept.has(e));
      this.#cursor = resume === undefined ? 0 : this.#entries.indexOf(resume);
    }
    this.#health.retain(new Set(this.#entries.map((e) => e.endpoint.key)));
  }

  inspect(ctx: PickContext): ReturnType<Balancer['inspect']> {
    this.#now = ctx.now;
    this.#tried = ctx.tried;
    return this.#entries.map((entry) => ({
      endpoint: entry.endpoint,
      inFlight: entry.inFlight,
      eligibility: this.#eligibility(entry),
    }));
  }
}

function rotate<T>(items: readonly T[], by: number): T[] {
  return [...items.slice(by), ...items.slice(0, by)];
}

class EntryLease implements Lease {
  readonly endpoint: Endpoint;
  readonly #entry: Entry;
  readonly #health: EndpointHealth;
  #settled = false;

  constructor(entry: Entry, health: EndpointHealth) {
    this.endpoint = entry.endpoint;
    this.#entry = entry;
    this.#health = health;
    entry.inFlight += 1;
  }

  settle(outcome: Outcome, now: number): void {
    if (this.#settled) throw new Error(`lease on ${this.endpoint.key} settled twice`);
    this.#settled = true;
    this.#entry.inFlight -= 1;
    this.#health.record(this.endpoint.key, outcome, now);
  }
}
