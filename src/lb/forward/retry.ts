/** How an attempt failed before the instance answered a single byte. */
export type FailureCause =
  | 'connect-failed'
  | 'connect-timeout'
  | 'upstream-reset'
  | 'bad-response'
  | 'first-byte-timeout';

/** Methods that may be sent twice (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

export interface FailedAttempt {
  readonly cause: FailureCause;
  readonly idempotent: boolean;
  /** All of the request that was sent is still at hand. */
  readonly replayable: boolean;
  /** How many times bytes of the request were sent, this attempt included. */
  readonly sent: number;
}

/**
 * Whether a failed request may be sent again. A connection that never came about carried nothing, so any request may
 * try elsewhere. Once bytes were sent the instance may have acted on them: only idempotent requests that can be sent
 * again in full get another try. A slow instance is not asked twice, and neither is one that answers nonsense.
 */
export function mayRetry(failed: FailedAttempt, attempts: number): boolean {
  if (failed.cause === 'connect-failed' || failed.cause === 'connect-timeout') return true;
  return (
    failed.cause === 'upstream-reset' && failed.idempotent && failed.replayable && failed.sent < attempts
  );
}

const WINDOW_SECONDS = 10;

/**
 * Keeps retries from multiplying the load when everything fails: over ten seconds, no more retries than a share of the
 * requests, plus a few that are always allowed.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #minPerSecond: number;
  readonly #requests = new Float64Array(WINDOW_SECONDS);
  readonly #retries = new Float64Array(WINDOW_SECONDS);
  #second = 0;

  constructor(policy: { readonly budgetRatio: number; readonly minPerSecond: number }) {
    this.#ratio = policy.budgetRatio;
    this.#minPerSecond = policy.minPerSecond;
  }

  /** A request has come. */
  request(now: number): void {
    const slot = this.#slot(now);
    this.#requests[slot] = (this.#requests[slot] ?? 0) + 1;
  }

  /** Take one retry from the budget; false when there is none left. */
  take(now: number): boolean {
    const slot = this.#slot(now);
    if (sum(this.#retries) + 1 > this.#minPerSecond * WINDOW_SECONDS + this.#ratio * sum(this.#requests))
      return false;
    this.#retries[slot] = (this.#retries[slot] ?? 0) + 1;
    return true;
  }

  #slot(now: number): number {
    const second = Math.floor(now / 1000);
    const passed = Math.min(second - this.#second, WINDOW_SECONDS);
    for (let i = 0; i < passed; i++) {
      const slot = (second - i) % WINDOW_SECONDS;
      this.#requests[slot] = 0;
      this.#retries[slot] = 0;
    }
    this.#second = Math.max(this.#second, second);
    return this.#second % WINDOW_SECONDS;
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const v of values) total += v;
  return total;
}
