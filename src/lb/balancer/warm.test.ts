import { describe, expect, it } from 'vitest';
import { balancerOf, endpoint, fresh, many, OK, shares, simulate } from './testing/balancer-kit.ts';
import type { Balancer, Lease, Outcome, PickContext } from './types.ts';

const P2C = { balance: 'p2c' } as const;
const IN_A_ROW = 32;

/** Who gets `n` requests that come one after the other. */
function one(balancer: Balancer, n: number, outcome: Outcome = OK, ctx: Partial<PickContext> = {}): string[] {
  return Array.from({ length: n }, (_, i) => {
    const lease = balancer.pick({ ...fresh, now: i, ...ctx });
    lease?.settle(outcome, i);
    return lease?.endpoint.key ?? 'none';
  });
}

/** How often the same endpoint is asked as before. */
const repeats = (keys: readonly string[]): number => keys.filter((key, i) => key === keys[i - 1]).length;

describe('among thousands of endpoints', () => {
  it('who has answered is asked again, a few times, and in the end all as often', () => {
    const keys = one(balancerOf(P2C, many(1_000)), 640_000);
    let row = 0;
    const rows = keys.map((key, i) => (row = key === keys[i - 1] ? row + 1 : 1));
    expect(Math.max(...rows.slice(0, 10_000))).toBeGreaterThanOrEqual(IN_A_ROW);
    // By chance the next row may be with the same one.
    expect(rows.filter((n) => n > IN_A_ROW).length).toBeLessThan(keys.length / 100);
    const counts = [...shares(keys).values()];
    expect(counts.length).toBe(1_000);
    expect([Math.min(...counts) > 200, Math.max(...counts) < 1_400]).toEqual([true, true]);
  });

  it('the more there are, the longer: by turns of up to 256', () => {
    const longest = (n: number): number => {
      const keys = one(balancerOf(P2C, many(n)), 5_000);
      let row = 0;
      return Math.max(...keys.map((key, i) => (row = key === keys[i - 1] ? row + 1 : 1)));
    };
    expect([longest(2_000), longest(4_000), longest(20_000)]).toEqual([50, 100, 256]);
  });

  it('but not who is busy, failed, or is slow', () => {
    const balancer = balancerOf(P2C, many(2_000));
    const running: Lease[] = [];
    for (let i = 0; i < 50; i++) {
      const lease = balancer.pick(fresh) as Lease;
      running.push(lease);
      one(balancer, 20);
      expect(balancer.inspect(fresh).every(({ inFlight }) => inFlight <= 1)).toBe(true);
    }
    for (const lease of running) lease.settle(OK, 0);
    expect(repeats(one(balancerOf(P2C, many(2_000)), 1_000, { kind: 'response', status: 503 }))).toBeLessThan(
      10,
    );
    const counts = simulate(balancerOf(P2C, many(1_000)), {
      requests: 200_000,
      perMs: 10,
      takes: (key) => (key.endsWith('0') ? 100 : 10),
    });
    const slow = [...counts].filter(([key]) => key.endsWith('0')).reduce((sum, [, n]) => sum + n, 0);
    expect(slow / 200_000).toBeLessThan(0.06);
  });

  it('nor who left, drains, was tried, or where the request wants somebody', () => {
    const balancer = balancerOf(P2C, many(2_000));
    const lease = balancer.pick(fresh) as Lease;
    const { key } = lease.endpoint;
    balancer.change({ gone: [key], come: [] });
    lease.settle(OK, 0);
    expect(one(balancer, 100)).not.toContain(key);
    const [last = ''] = one(balancer, 1);
    expect(one(balancer, 10, OK, { tried: [last] })).not.toContain(last);
    const [drains = ''] = one(balancer, 1);
    balancer.change({ gone: [], come: [endpoint(Number(drains.slice(1)), { phase: 'draining' })] });
    expect(one(balancer, 100)).not.toContain(drains);
  });

  it('what would be picked is told without a change', () => {
    const balancer = balancerOf(P2C, many(2_000));
    one(balancer, 5);
    for (let i = 0; i < 10; i++) balancer.peek(fresh);
    expect(repeats(one(balancer, 5))).toBeGreaterThanOrEqual(4);
  });

  it('of few, nobody is asked again for having been asked', () => {
    expect(repeats(one(balancerOf(P2C, many(900)), 10_000))).toBeLessThan(50);
    expect(repeats(one(balancerOf({ balance: 'random' }, many(2_000)), 10_000))).toBeLessThan(50);
  });
});
