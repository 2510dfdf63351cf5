import { RimrockError } from '../../core/errors.ts';

/** How an attempt failed before the instance answered a single byte. */
export type FailureCause =
  | 'connect-failed'
  | 'connect-timeout'
  | 'upstream-tls-failed'
  | 'upstream-not-trusted'
  | 'upstream-reset'
  | 'bad-response'
  | 'first-byte-timeout'
  | 'stream-timeout';

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

/** How a connection that never came about failed. */
export function connectFailure(error: Error | undefined): FailureCause {
  return (error instanceof RimrockError && UNREACHED.get(error.code)) || 'connect-failed';
}

const UNREACHED: ReadonlyMap<string, FailureCause> = new Map([
  ['NET_CONNECT_TIMEOUT', 'connect-timeout'],
  ['NET_TLS_FAILED', 'upstream-tls-failed'],
  ['LB_NO_UPSTREAM_TLS', 'upstream-tls-failed'],
  ['NET_PEER_NOT_TRUSTED', 'upstream-not-trusted'],
]);

/** In TLS 1.3 a server says after the handshake that it does not take our certificate; it has read nothing of the request then. */
const OUR_CERTIFICATE = /alert (?:(?:bad |unsupported )?certificate|unknown ca)/;

/**
 * How a connection failed that the request was sent on. When the instance says that it has not begun with it (GOAWAY,
 * REFUSED_STREAM: RFC 9113 §8.7), that is as good as not having sent it. `replayable`: all of it is still at hand.
 */
export function lossOf(error: Error | undefined, replayable: boolean): FailureCause {
  if (error === undefined || !replayable) return 'upstream-reset';
  if (error instanceof RimrockError && error.code === 'LB_HTTP2_NOT_PROCESSED') return 'connect-failed';
  return OUR_CERTIFICATE.test(error.message) ? 'upstream-tls-failed' : 'upstream-reset';
}

const UNSENT: ReadonlySet<FailureCause> = new Set(['connect-failed', ...UNREACHED.values()]);

/** Nothing of the request was sent, or nothing of it was looked at. */
export function isUnsent(cause: FailureCause): boolean {
  return UNSENT.has(cause);
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
  if (isUnsent(failed.cause)) return true;
  return (
    failed.cause === 'upstream-reset' && failed.idempotent && failed.replayable && failed.sent < attempts
  );
}

const WINDOW_SECONDS = 10;

/**
 * Whether a request that was answered with 502, 503 or 504 may be sent elsewhere: by these a proxy or an overloaded server
 * says that it did not do its work, which only requests that may be sent twice can rely on.
 */
export function mayAskElsewhere(asked: Omit<FailedAttempt, 'cause'>, attempts: number): boolean {
  return asked.idempotent && asked.replayable && asked.sent < attempts;
}

/**
 * Keeps retries from multiplying the load when everything fails: over ten seconds, no more retries than a share of the
 * requests. A few more are always allowed where an instance broke off, so that services with few requests have them, too;
 * not where it answered, for then it is overloaded rather than gone.
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

  /** Take one retry from the budget; false when there is none left. `answered`: the instance gave an answer. */
  take(now: number, answered = false): boolean {
    const slot = this.#slot(now);
    const always = answered ? 0 : this.#minPerSecond * WINDOW_SECONDS;
    if (sum(this.#retries) + 1 > always + this.#ratio * sum(this.#requests)) return false;
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
