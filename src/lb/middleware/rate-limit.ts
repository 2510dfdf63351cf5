import type { RateLimitMiddleware } from '../router/middleware.ts';
import { fieldOf } from './field.ts';
import { TokenBuckets } from './token-buckets.ts';
import type { MiddlewareParts, Refusal, Step, Visit } from './types.ts';

/** Of a value that a client may make as long as it likes. */
const KEY_CHARS = 128;

/** A token bucket for each client, which all planes take from. `name` says which limit this is. */
export function rateLimit(
  { perSecond, burst, by }: RateLimitMiddleware,
  name: string,
  { rates }: Pick<MiddlewareParts, 'rates'>,
): Step {
  const buckets = new TokenBuckets(rates.memory, name, { perSecond, burst });
  const keyOf = (visit: Visit): string => {
    if (by.of === 'client') return visit.client;
    return fieldOf(visit.head.fields, by.name)?.slice(0, KEY_CHARS) ?? '';
  };
  const refusal = (waitMs: number): Refusal | undefined => {
    if (waitMs === 0) return undefined;
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    return {
      reason: 'rate-limited',
      fields: `Retry-After: ${seconds}\r\n`,
      detail: `the next one in ${seconds} s`,
    };
  };
  return {
    // A request that was held was counted before that.
    check: (visit) =>
      visit.resumed ? undefined : refusal(buckets.take(keyOf(visit), visit.now + rates.aheadMs)),
    peek: (visit) => refusal(buckets.wait(keyOf(visit), visit.now + rates.aheadMs)),
  };
}
