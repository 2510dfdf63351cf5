import { describe, expect, it } from 'vitest';
import { seededRandom } from '../core/random.ts';
import { decode } from '../core/config/decode.ts';
import { cookiesSchema, rateLimitSchema, rateLimitSettings } from './answer-config.ts';
import { RATE, RateLimiter, newRateTable } from './answer/rate-limit.ts';

/** How many of `n` replies of each class a limiter of this config sends at once, and after a second. */
function sent(config: object, n: number): number[][] {
  const decoded = decode(rateLimitSchema, config);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
  const limiter = new RateLimiter(newRateTable(10, seededRandom(1), 0), rateLimitSettings(decoded.value));
  const address = Uint8Array.of(192, 0, 2, 1);
  return [0, 1_000_000].map((now) =>
    ([0, 1, 2] as const).map((replyClass) => {
      const verdicts = Array.from({ length: n }, () => limiter.check(address, 0, 4, replyClass, now));
      return verdicts.filter((v) => v === RATE.send).length;
    }),
  );
}

describe('the config of rate limiting', () => {
  it('limits nothing unless told', () => {
    expect(sent({}, 1000)).toEqual([
      [1000, 1000, 1000],
      [1000, 1000, 1000],
    ]);
  });

  it('is what the limiter does', () => {
    const config = { repliesPerSecond: 100, negativePerSecond: 20, errorsPerSecond: 1, burstSeconds: 2 };
    expect(sent(config, 1000)).toEqual([
      [200, 40, 2],
      [100, 20, 1],
    ]);
  });

  it.each([
    [{ exempt: ['10.0.0.0/33'] }, 'exempt[0]'],
    [{ ipv6PrefixBits: 65 }, 'ipv6PrefixBits'],
  ])('refuses %j', (config, path) => {
    const decoded = decode(rateLimitSchema, config);
    expect(decoded.ok ? [] : decoded.issues.map((i) => i.path)).toEqual([path]);
  });

  it('takes a secret of 32 digits', () => {
    expect(decode(cookiesSchema, { secret: 'e5e973e5a6b2a43f48e7dc849e37bfcf' }).ok).toBe(true);
    expect(decode(cookiesSchema, { secret: 'e5e973' }).ok).toBe(false);
  });
});
