import type { EndpointHealth, HealthState, Outcome } from '../balancer/index.ts';

export interface OutlierPolicy {
  readonly consecutiveFailures: number;
  /** Share of failures over about ten seconds; 1 or more: failures in a row alone count. */
  readonly failureRatio: number;
  /** With fewer requests than this in that time their share says nothing. */
  readonly failureRatioRequests: number;
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  readonly maxEjectedRatio: number;
}

/** Two of these are looked at: the running one and the one before. */
const WINDOW_MS = 5_000;

/** Answers by which a backend (or a proxy in front of it) says that it cannot do its work. */
const isFailure = (outcome: Outcome): boolean =>
  outcome.kind === 'failed' ||
  (outcome.kind === 'response' && outcome.status >= 502 && outcome.status <= 504);

class FailureRecord implements HealthState {
  ejectedUntil = 0;
  failures = 0;
  /** How many times it was ejected without being well since: the next time is longer. */
  ejections = 0;
  /** The endpoint is gone; requests may still run on it. */
  gone = false;
  readonly #detector: OutlierDetector;
  #windowFrom = 0;
  #requests = 0;
  #failed = 0;
  #requestsBefore = 0;
  #failedBefore = 0;

  constructor(detector: OutlierDetector) {
    this.#detector = detector;
  }

  record(outcome: Outcome, now: number): void {
    if (outcome.kind === 'cancelled' || this.gone) return;
    const failed = isFailure(outcome);
    if (now - this.#windowFrom >= WINDOW_MS) this.#turn(now);
    this.#requests += 1;
    if (failed) {
      this.#failed += 1;
      this.failures += 1;
      this.#detector.failed(this, now);
    } else {
      this.failures = 0;
      if (this.ejections > 0) this.#detector.succeeded(this, now);
    }
  }

  #turn(now: number): void {
    const isNext = now - this.#windowFrom < 2 * WINDOW_MS;
    this.#requestsBefore = isNext ? this.#requests : 0;
    this.#failedBefore = isNext ? this.#failed : 0;
    this.#requests = 0;
    this.#failed = 0;
    this.#windowFrom = now;
  }

  failsTooOften(ratio: number, least: number): boolean {
    const requests = this.#requests + this.#requestsBefore;
    return requests >= least && this.#failed + this.#failedBefore >= requests * ratio;
  }

  /** What happened before it was left out does not count when it comes back. */
  forgetWindow(): void {
    this.#requests = this.#failed = this.#requestsBefore = this.#failedBefore = 0;
  }
}

/**
 * Passive health of the endpoints of one backend: an endpoint that fails several times in a row, or too large a share of
 * its requests, is left out for a while, each time for longer, never more than a share of all. When its time is over
 * the next request tries it again.
 */
export class OutlierDetector implements EndpointHealth {
  readonly #policy: OutlierPolicy;
  readonly #records = new Map<string, FailureRecord>();
  /** Those that are left out, and some whose time is over. */
  readonly #ejected = new Set<FailureRecord>();
  changes = 0;

  constructor(policy: OutlierPolicy) {
    this.#policy = policy;
  }

  stateOf(key: string): HealthState {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = new FailureRecord(this);
      this.#records.set(key, record);
    }
    return record;
  }

  nextReturn(now: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { ejectedUntil } of this.#ejected)
      if (ejectedUntil > now && ejectedUntil < first) first = ejectedUntil;
    return first;
  }

  /** For its records: one more failure. */
  failed(record: FailureRecord, now: number): void {
    const { consecutiveFailures, failureRatio, failureRatioRequests, maxEjectedRatio } = this.#policy;
    if (now < record.ejectedUntil) return;
    const inRow = record.failures >= consecutiveFailures;
    if (!inRow && (failureRatio >= 1 || !record.failsTooOften(failureRatio, failureRatioRequests))) return;
    if (this.ejectedCount(now) + 1 > this.#records.size * maxEjectedRatio) return;
    // On probation: when it comes back, one more failure is enough, one success clears it.
    record.failures = consecutiveFailures - 1;
    record.forgetWindow();
    record.ejections += 1;
    record.ejectedUntil = now + this.#duration(record.ejections);
    this.#ejected.add(record);
    this.changes += 1;
  }

  /** For its records: it was ejected before and answers well. Well for as long as it was last left out: forgive one step. */
  succeeded(record: FailureRecord, now: number): void {
    if (now < record.ejectedUntil + this.#duration(record.ejections)) return;
    record.ejections -= 1;
    record.ejectedUntil = now;
  }

  /** How many are left out now. */
  ejectedCount(now: number): number {
    for (const record of this.#ejected) if (now >= record.ejectedUntil) this.#ejected.delete(record);
    return this.#ejected.size;
  }

  forget(key: string): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    record.gone = true;
    this.#records.delete(key);
    this.#ejected.delete(record);
  }

  #duration(ejections: number): number {
    if (ejections <= 0) return 0;
    return Math.min(this.#policy.ejectMs * 2 ** (ejections - 1), this.#policy.maxEjectMs);
  }
}
