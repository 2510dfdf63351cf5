import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Backoff } from './backoff.ts';
import { seededRandom } from './random.ts';

it('doubles up to its end, each wait shortened by at most the jitter, and begins anew after a reset', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(0, 0.25, 0.5, 1), (seed, jitter) => {
      const backoff = new Backoff(seededRandom(seed), { firstMs: 100, maxMs: 1_000, jitter });
      for (const whole of [100, 200, 400, 800, 1_000, 1_000]) {
        const ms = backoff.next();
        expect(ms).toBeGreaterThanOrEqual(whole * (1 - jitter));
        expect(ms).toBeLessThanOrEqual(whole);
      }
      backoff.reset();
      expect(backoff.next()).toBeLessThanOrEqual(100);
    }),
  );
});
