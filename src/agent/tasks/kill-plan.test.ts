import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planKill } from './kill-plan.ts';
import type { KillPlan } from './kill-plan.ts';

describe('the plan of a kill', () => {
  it('is drain, SIGTERM, grace, SIGKILL', () => {
    expect(planKill(undefined, 100, { graceMs: 3000, drainMs: 1000 })).toEqual({
      termAt: 1100,
      killAt: 4100,
    });
  });

  it('does not drain when there is no grace', () => {
    expect(planKill(undefined, 100, { graceMs: 0, drainMs: 1000 })).toEqual({ termAt: 100, killAt: 100 });
  });

  it('is only ever shortened', () => {
    const request = fc.record({ graceMs: fc.nat(10_000), drainMs: fc.nat(2000), later: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 6 }), (requests) => {
        let plan: KillPlan | undefined;
        let now = 0;
        for (const r of requests) {
          now += r.later;
          const next = planKill(plan, now, r);
          expect(next.termAt).toBeLessThanOrEqual(next.killAt);
          if (plan) {
            expect(next.killAt).toBeLessThanOrEqual(plan.killAt);
            expect(next.termAt).toBeLessThanOrEqual(plan.termAt);
          }
          plan = next;
        }
      }),
    );
  });
});
