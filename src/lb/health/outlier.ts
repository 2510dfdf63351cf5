import type { EndpointHealth, Outcome } from '../balancer/index.ts';

export interface OutlierPolicy {
  readonly consecutiveFailures: number;
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  readonly maxEjectedRatio: number;
}

interface FailureRecord {
  failures: number;
  /** How many times it was ejected without being well since: the next time is longer. */
  ejections: number;
  ejectedUntil: number;
}

/** Answers by which a backend (or a proxy in front of it) says that it cannot do its work. */
const isFailure = (outcome: Outcome): boolean =>
  outcome.kind === 'failed' ||
  (outcome.kind === 'response' && outcome.status >= 502 && outcome.status <= 504);

/**
 * Passive health of the endpoints of one backend: an endpoint that fails several times in a row is left out for a
 * while, each time for longer, never more than a share of all. When its time is over the next request tries it again.
 */
export class OutlierDetector implements EndpointHealth {
  readonly #policy: OutlierPolicy;
  readonly #records = new Map<string, FailureRecord>();
  #known = 0;
  #latestEnd = 0;

  constructor(policy: OutlierPolicy) {
    this.#policy = policy;
  }

  ejected(key: string, now: number): boolean {
    if (now >= this.#latestEnd) return false;
    const record = this.#records.get(key);
    return record !== undefined && now < record.ejectedUntil;
  }

  record(key: string, outcome: Outcome, now: number): void {
    if (outcome.kind === 'cancelled') return;
    if (!isFailure(outcome)) {
      const record = this.#records.get(key);
      if (record === undefined) return;
      record.failures = 0;
      // Well for as long as it was last left out: forgive one step.
      if (now >= record.ejectedUntil + this.#duration(record.ejections)) {
        record.ejections -= 1;
        record.ejectedUntil = now;
        if (record.ejections <= 0) this.#records.delete(key);
      }
      return;
    }
    const record = this.#records.get(key) ?? { failures: 0, ejections: 0, ejectedUntil: 0 };
    this.#records.set(key, record);
    record.failures += 1;
    if (record.failures < this.#policy.consecutiveFailures || now < record.ejectedUntil) return;
    if (this.ejectedCount(now) + 1 > this.#known * this.#policy.maxEjectedRatio) return;
    // On probation: when it comes back, one more failure is enough, one success clears it.
    record.failures = this.#policy.consecutiveFailures - 1;
    record.ejections += 1;
    record.ejectedUntil = now + this.#duration(record.ejections);
    this.#latestEnd = Math.max(this.#latestEnd, record.ejectedUntil);
  }

  ejectedCount(now: number): number {
    let count = 0;
    for (const record of this.#records.values()) if (now < record.ejectedUntil) count += 1;
    return count;
  }

  retain(keys: ReadonlySet<string>): void {
    this.#known = keys.size;
    for (const key of this.#records.keys()) if (!keys.has(key)) this.#records.delete(key);
  }

  #duration(ejections: number): number {
    if (ejections <= 0) return 0;
    return Math.min(this.#policy.ejectMs * 2 ** (ejections - 1), this.#policy.maxEjectMs);
  }
}
