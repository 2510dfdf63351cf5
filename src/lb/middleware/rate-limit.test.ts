import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { RateLimitMiddleware } from '../router/middleware.ts';
import { rateLimit } from './rate-limit.ts';
import { bucketMemory } from './token-buckets.ts';
import type { Visit } from './types.ts';

const limit: RateLimitMiddleware = { kind: 'rateLimit', perSecond: 1, burst: 2, by: { of: 'client' } };

/** A limit at a plane whose clock began so many milliseconds after the machine's: who asks when (of the machine) is let through. */
function plane(name: string, memory = bucketMemory(seededRandom(1), 16), aheadMs = 0, given = limit) {
  const step = rateLimit(given, name, { rates: { memory, aheadMs } });
  return (client: string, at: number): boolean =>
    step.check({ client, now: at - aheadMs, resumed: false } as Visit) === undefined;
}

describe('a rate limit', () => {
  it('holds for all planes together: a client has its whole rate, wherever its connections are', () => {
    const memory = bucketMemory(seededRandom(1), 16);
    const [one, other] = [plane('a', memory), plane('a', memory, 5_000)];
    expect([one('x', 9_000), other('x', 9_000), one('x', 9_000), other('x', 9_999)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([other('x', 10_000), one('x', 10_000)]).toEqual([true, false]);
    expect([one('y', 9_000), one('y', 9_000), one('y', 9_000)]).toEqual([true, true, false]);
  });

  it('is for itself: another route, another place in the row, other numbers count on their own', () => {
    const memory = bucketMemory(seededRandom(1), 16);
    const one = plane('a', memory);
    expect([one('x', 0), one('x', 0), one('x', 0)]).toEqual([true, true, false]);
    expect(plane('b', memory)('x', 0)).toBe(true);
    expect(plane('a', memory, 0, { ...limit, burst: 3 })('x', 0)).toBe(true);
    // The same again after a change of the route goes on where it was.
    expect(plane('a', memory)('x', 0)).toBe(false);
  });
});
