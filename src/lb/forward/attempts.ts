import type { Endpoint, PickContext } from '../balancer/index.ts';
import type { AccessAttempt } from '../log/record.ts';
import type { Backend, ForwardContext } from './context.ts';
import { isIdempotent, isUnsent, mayAskElsewhere, mayRetry } from './retry.ts';
import type { FailureCause } from './retry.ts';

const NOBODY: readonly string[] = [];

/**
 * What one request has tried so far, which is also what the next pick depends on. No endpoint that was sent the request is
 * tried again, but where a kept connection turned out dead; one that could not be reached is, after a while.
 */
export class Attempts implements PickContext {
  now: number;
  tried: readonly string[] = NOBODY;
  hashKey: number | undefined = undefined;
  stickyKey: string | undefined = undefined;
  readonly zone: string | undefined;
  readonly idempotent: boolean;
  /** All of the request that was sent is still at hand. */
  replayable = true;
  /** How many times bytes of the request were sent. */
  sent = 0;
  /** A kept connection was dead: others may be, too. */
  freshOnly = false;
  lastCause: FailureCause | undefined = undefined;
  /** The endpoint of the last try, and when (monotonic milliseconds) it had room, was sent the request, began to answer. */
  endpoint: Endpoint | undefined = undefined;
  pickedAt = 0;
  roomAt = 0;
  sentAt = 0;
  firstByteAt = 0;
  /** The tries before the last one. */
  history: AccessAttempt[] | undefined = undefined;
  /** Those of `tried` where a kept connection turned out dead, which is not the endpoint's fault. */
  #stale: readonly string[] = NOBODY;
  /** Those of `tried` that could not be reached. */
  #unreached: readonly string[] = NOBODY;

  constructor(method: string, now: number, zone: string | undefined) {
    this.idempotent = isIdempotent(method);
    this.now = now;
    this.zone = zone;
  }

  mayRetry(cause: FailureCause, most: number): boolean {
    const { idempotent, replayable, sent } = this;
    return mayRetry({ cause, idempotent, replayable, sent }, most);
  }

  mayAskElsewhere(most: number): boolean {
    return mayAskElsewhere(this, most);
  }

  /** Go to somebody else than the endpoint `key`, which answered that it cannot; false: there is nobody, or it may not be. */
  goesElsewhere(
    key: string,
    { balancer, budget }: Pick<Backend, 'balancer' | 'budget'>,
    { config }: Pick<ForwardContext, 'config'>,
    now: number,
  ): boolean {
    if (!this.mayAskElsewhere(config.retry.attempts)) return false;
    const before = this.tried;
    this.exclude(key);
    if (balancer.peek(this) !== undefined && budget.take(now, true)) return true;
    this.tried = before;
    return false;
  }

  /** A lease on this endpoint was had. */
  picked(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.pickedAt = this.now;
    this.sentAt = 0;
  }

  /** It comes to another try. */
  note(outcome: string, now: number): void {
    const { endpoint, pickedAt } = this;
    if (endpoint === undefined) return;
    (this.history ??= []).push({ endpoint: addressOf(endpoint), outcome, ms: now - pickedAt });
  }

  /** Not there again. */
  exclude(key: string): void {
    this.tried = [...this.tried, key];
  }

  /**
   * Whether a failure is that of one connection and not of its endpoint, which may be asked again: a kept connection was dead,
   * or (where a request was sent that was not begun with) is being ended by the other side, the first time that happens.
   */
  isStale(cause: FailureCause, sent: boolean, reused: boolean): boolean {
    if (!sent) return false;
    return isUnsent(cause) ? !this.freshOnly : reused && cause === 'upstream-reset';
  }

  failed(key: string, cause: FailureCause, stale: boolean): void {
    this.lastCause = cause;
    this.exclude(key);
    if (stale) this.#stale = [...this.#stale, key];
    else if (isUnsent(cause)) this.#unreached = [...this.#unreached, key];
    this.freshOnly ||= stale;
  }

  /** Nobody else is left: those with a dead connection may be asked again. False when there are none. */
  allowStale(): boolean {
    if (this.#stale.length === 0) return false;
    this.#allow(this.#stale);
    this.#stale = NOBODY;
    return true;
  }

  /** Time has passed: those that could not be reached may be up by now. */
  allowUnreached(): void {
    this.#allow(this.#unreached);
    this.#unreached = NOBODY;
  }

  #allow(keys: readonly string[]): void {
    if (keys.length > 0) this.tried = this.tried.filter((key) => !keys.includes(key));
  }
}

/** `address:port`. */
export function addressOf({ ip, port }: Endpoint): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
