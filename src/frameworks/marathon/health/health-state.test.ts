import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healthCheckSchema } from '../apps/check-schemas.ts';
import type { HealthState } from './health-state.ts';
import { healthStep } from './health-state.ts';

const BAD = { ok: false, cause: 'HTTP status 500' } as const;
const check = healthCheckSchema.parse({ gracePeriodSeconds: 10, maxConsecutiveFailures: 2 });

describe('healthStep', () => {
  it('ignores failures in the grace period until the first success', () => {
    const early = { nowMs: 9_999, startedAtMs: 0 };
    expect(healthStep(check, undefined, BAD, early)).toEqual({ state: undefined, kill: false });
    const { state } = healthStep(check, undefined, { ok: true }, early);
    expect(state).toMatchObject({ alive: true, firstSuccessMs: 9_999 });
    expect(healthStep(check, state, BAD, early).state).toMatchObject({
      alive: false,
      consecutiveFailures: 1,
    });
  });

  it('kills with the failure after the allowed ones', () => {
    const late = { nowMs: 20_000, startedAtMs: 0 };
    let state: HealthState | undefined;
    const kills = [1, 2, 3].map(() => {
      const step = healthStep(check, state, BAD, late);
      state = step.state;
      return step.kill;
    });
    expect(kills).toEqual([false, false, true]);
    expect(state?.lastFailureCause).toBe('HTTP status 500');
  });

  it('never kills with maxConsecutiveFailures 0, nor an instance that answers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.array(fc.boolean(), { maxLength: 30 }),
        (max, results) => {
          let state: HealthState | undefined;
          let inARow = 0;
          for (const [i, ok] of results.entries()) {
            const step = healthStep({ ...check, maxConsecutiveFailures: max }, state, ok ? { ok } : BAD, {
              nowMs: 20_000 + i,
              startedAtMs: 0,
            });
            state = step.state;
            inARow = ok ? 0 : inARow + 1;
            expect(step.kill).toBe(max > 0 && inARow > max);
            expect(state?.alive).toBe(ok);
          }
        },
      ),
    );
  });
});
