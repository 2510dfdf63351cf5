import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { seededRandom } from '../../core/random.ts';
import { runBalancerContract } from './balancer.contract.ts';
import { hashText } from './hash.ts';
import { LazyBalancer } from './lazy-balancer.ts';
import { LeasingBalancer } from './leasing-balancer.ts';
import type { BackendPolicy, BalanceMethod } from './policy.ts';
import {
  balancerOf,
  endpoint,
  fakeHealth,
  fresh,
  many,
  OK,
  shares,
  simulate,
} from './testing/balancer-kit.ts';
import type { Endpoint } from './types.ts';

const methods: readonly BalanceMethod[] = ['roundrobin', 'leastconn', 'p2c', 'random', 'ringhash'];
for (const balance of methods) {
  const exact = balance === 'roundrobin' || balance === 'leastconn';
  runBalancerContract(
    balance,
    exact,
    (health) => new LeasingBalancer({ policy: { balance }, health, clock: new FakeClock(0), seed: 5 }),
  );
}

runBalancerContract('lazy', true, (health) => {
  const policy = { balance: 'roundrobin' } as const;
  return new LazyBalancer(() => new LeasingBalancer({ policy, health, clock: new FakeClock(0), seed: 5 }));
});

describe('a balancer that is made with the first request', () => {
  it('is not made by updates and by being looked at', () => {
    let made = 0;
    const lazy = new LazyBalancer(() => {
      made += 1;
      return balancerOf({ balance: 'p2c' });
    });
    lazy.update(many(3));
    lazy.update(many(2));
    expect([made, lazy.overflowed]).toEqual([0, false]);
    expect(lazy.inspect(fresh).map((v) => v.eligibility)).toEqual(['eligible', 'eligible']);
    expect(lazy.state(0)).toEqual({ up: 2, usable: 2, panicking: false });
    lazy.change({ gone: ['t0'], come: [] });
    lazy.change({ gone: [], come: many(1) });
    expect(made).toBe(2);
    lazy.pick(fresh);
    lazy.update(many(4));
    lazy.pick(fresh);
    expect(
      lazy
        .inspect(fresh)
        .map((v) => v.inFlight)
        .reduce((a, b) => a + b),
    ).toBe(2);
    expect(made).toBe(3);
  });

  it('is made before the first request where that would take long', () => {
    let made = 0;
    const lazy = new LazyBalancer(() => {
      made += 1;
      return balancerOf({ balance: 'p2c' });
    });
    lazy.change({ gone: [], come: many(2), more: true });
    expect(made).toBe(1);
    expect(lazy.pick(fresh)).toBeUndefined();
    lazy.change({ gone: [], come: [] });
    expect(lazy.pick(fresh)).toBeDefined();
  });
});

/** `n` picks, each settled at once. */
function idlePicks(policy: BackendPolicy, endpoints: readonly Endpoint[], n: number): Map<string, number> {
  const balancer = balancerOf(policy, endpoints);
  return shares(
    (function* () {
      for (let i = 0; i < n; i++) {
        const lease = balancer.pick({ now: i, tried: [], hashKey: hashText(`k${i}`) });
        lease?.settle(OK, i);
        yield lease?.endpoint.key ?? 'none';
      }
    })(),
  );
}

describe('how requests are spread', () => {
  it.each(methods)('%s: 100,000 requests over ten equal endpoints, within a tenth', (balance) => {
    const noise = seededRandom(2);
    const counts = simulate(balancerOf({ balance }, many(10)), {
      requests: 100_000,
      perMs: 1,
      // Exponential, as the answers of real services more or less are.
      takes: () => -20 * Math.log(1 - noise.next()),
      ctx: (i) => ({ hashKey: hashText(`k${i}`) }),
    });
    expect(counts.size).toBe(10);
    for (const n of counts.values()) expect(Math.abs(n - 10_000)).toBeLessThan(1_000);
  });

  it.each(['p2c', 'leastconn'] as const)('%s: one ten times slower gets less than a third', (balance) => {
    const counts = simulate(balancerOf({ balance }, many(10)), {
      requests: 30_000,
      perMs: 1,
      takes: (key) => (key === 't0' ? 200 : 20),
    });
    expect(counts.get('t0')).toBeLessThan(1_000);
    // Never so little that nobody would see it get well.
    expect(counts.get('t0')).toBeGreaterThan(60);
  });

  it('p2c: one that got well has its share again', () => {
    const balancer = balancerOf({ balance: 'p2c' }, many(10));
    const arrivals = { requests: 10_000, perMs: 1 };
    simulate(balancer, { ...arrivals, takes: (key) => (key === 't0' ? 500 : 20) });
    simulate(balancer, { ...arrivals, takes: () => 20 });
    const counts = simulate(balancer, { ...arrivals, takes: () => 20 });
    expect(counts.get('t0')).toBeGreaterThan(800);
  });

  it('p2c: a newcomer without any answer yet is not flooded', () => {
    const balancer = balancerOf({ balance: 'p2c' }, many(9));
    simulate(balancer, { requests: 5_000, perMs: 1, takes: () => 50 });
    balancer.update(many(10));
    const leases = Array.from({ length: 100 }, () => balancer.pick({ now: 6_000, tried: [] }));
    expect(shares(leases.map((l) => l?.endpoint.key ?? '')).get('t9')).toBeLessThan(20);
  });

  it('p2c: one that fails at once does not look quick', () => {
    const balancer = balancerOf({ balance: 'p2c' }, many(4));
    const counts = new Map<string, number>();
    for (let i = 0; i < 4_000; i++) {
      const lease = balancer.pick({ now: i * 20, tried: [] });
      const key = lease?.endpoint.key ?? '';
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (key === 't0') lease?.settle({ kind: 'failed' }, i * 20);
      else lease?.settle(OK, i * 20 + 15);
    }
    expect(counts.get('t0')).toBeLessThan(4_000 / 4 / 3);
  });

  it.each([2, 5, 9, 14, 22])(
    'leastconn: with %s requests on ten that are a little faster or slower, all get a tenth',
    (running) => {
      const noise = seededRandom(running);
      const counts = simulate(balancerOf({ balance: 'leastconn' }, many(10)), {
        requests: 20_000,
        perMs: running / 20,
        takes: (key) => (18 + (Number(key.slice(1)) * 4) / 9) * (0.5 + noise.next()),
      });
      for (const n of counts.values()) expect(Math.abs(n - 2_000)).toBeLessThan(100);
    },
  );

  it('leastconn: who was left out is not owed all that it missed', () => {
    const ejected: Record<string, number> = { t0: 10_000 };
    const health = fakeHealth(ejected);
    const balancer = balancerOf({ balance: 'leastconn' }, many(4), new FakeClock(0), health);
    const first = (requests: number, now: number): number =>
      Array.from({ length: requests }, () => {
        const lease = balancer.pick({ now, tried: [] });
        lease?.settle(OK, now);
        return lease?.endpoint.key;
      }).filter((key) => key === 't0').length;
    expect(first(4_000, 0)).toBe(0);
    // A quarter, and what it is owed.
    expect(first(400, 10_000)).toBeLessThan(150);
    expect(first(400, 10_000)).toBe(100);
  });

  it('leastconn: over more endpoints than it looks at, the busy ones are left alone all the same', () => {
    const balancer = balancerOf({ balance: 'leastconn' }, many(1_000));
    const isBusy = (port: number): boolean => port % 2 === 0;
    for (let i = 0; i < 1_000; i++) {
      const lease = balancer.pick(fresh);
      if (!isBusy(lease?.endpoint.port ?? 0)) lease?.settle(OK, 0);
    }
    let toBusy = 0;
    for (let i = 0; i < 4_000; i++) {
      const lease = balancer.pick(fresh);
      if (isBusy(lease?.endpoint.port ?? 0)) toBusy += 1;
      lease?.settle(OK, 0);
    }
    // One in 2^8 where the turn and seven draws all meet busy ones.
    expect(toBusy).toBeLessThan(60);
  });

  it.each(methods)('%s: weights are kept to', (balance) => {
    const weights = [1, 2, 3, 10];
    const counts = idlePicks(
      { balance },
      weights.map((weight, i) => endpoint(i, { weight })),
      32_000,
    );
    for (const [i, weight] of weights.entries()) {
      const share = (counts.get(`t${i}`) ?? 0) / 2_000 / weight;
      expect(Math.abs(share - 1)).toBeLessThan(balance === 'ringhash' ? 0.25 : 0.1);
    }
  });

  it.each(['roundrobin', 'random', 'p2c', 'leastconn'] as const)(
    '%s: one of 256 beside many of 1 is no burden, also when it is left out',
    (balance) => {
      const endpoints = [endpoint(0, { weight: 256 }), ...many(257).slice(1)];
      const counts = idlePicks({ balance }, endpoints, 51_200);
      expect(Math.abs((counts.get('t0') ?? 0) - 25_600)).toBeLessThan(1_500);
      const without = balancerOf({ balance }, [endpoint(0, { weight: 256 }), endpoint(1), endpoint(2)]);
      const picks = Array.from(
        { length: 100 },
        () => without.pick({ ...fresh, tried: ['t0'] })?.endpoint.key,
      );
      expect(shares(picks.map(String)).get('t1')).toBeGreaterThan(20);
      expect(shares(picks.map(String)).get('t2')).toBeGreaterThan(20);
    },
  );

  it('round robin spreads weights out instead of sending rows of requests', () => {
    const balancer = balancerOf({ balance: 'roundrobin' }, [endpoint(0, { weight: 2 }), endpoint(1)]);
    const row = Array.from({ length: 300 }, () => balancer.pick(fresh)?.endpoint.key).join(' ');
    expect(row).not.toContain('t0 t0 t0');
    expect(row).not.toContain('t1 t1');
  });
});

describe('panic', () => {
  it('begins below half, is told once at each change, and ends', () => {
    const told: boolean[] = [];
    const balancer = new LeasingBalancer({
      policy: { balance: 'p2c' },
      health: fakeHealth(),
      clock: new FakeClock(0),
      seed: 1,
      onPanic: ({ panicking }) => void told.push(panicking),
    });
    const sick = (n: number): Endpoint[] => many(10).map((e, i) => ({ ...e, healthy: i >= n }));
    const picked = (): number =>
      new Set(Array.from({ length: 500 }, () => balancer.pick(fresh)?.endpoint.key)).size;
    balancer.update(sick(5));
    expect(picked()).toBe(5);
    balancer.update(sick(6));
    expect(picked()).toBe(10);
    balancer.update(sick(7));
    expect(picked()).toBe(10);
    expect(told).toEqual([true]);
    balancer.update(sick(0));
    expect(picked()).toBe(10);
    expect(told).toEqual([true, false]);
  });

  it('spreads evenly over all that are up', () => {
    const counts = idlePicks(
      { balance: 'p2c' },
      many(10).map((e, i) => ({ ...e, healthy: i >= 6 })),
      20_000,
    );
    for (const n of counts.values()) expect(Math.abs(n - 2_000)).toBeLessThan(200);
  });

  it('can be switched off: then the good ones carry it alone', () => {
    const endpoints = many(10).map((e, i) => ({ ...e, healthy: i === 9 }));
    const counts = idlePicks({ balance: 'random', panicBelow: 0 }, endpoints, 100);
    expect([...counts.keys()]).toEqual(['t9']);
  });
});

describe('slow start', () => {
  it('gives a newcomer its share little by little', () => {
    const clock = new FakeClock(0);
    const balancer = balancerOf({ balance: 'roundrobin', slowStartMs: 10_000 }, many(9), clock);
    clock.advance(60_000);
    balancer.update(many(10));
    const share = (): number => {
      const ctx = { now: clock.monotonic(), tried: [] };
      const picks = Array.from({ length: 9_000 }, () => balancer.pick(ctx)?.endpoint.key ?? '');
      return (shares(picks).get('t9') ?? 0) / (9_000 / 10);
    };
    const seen = Array.from({ length: 6 }, () => {
      const now = share();
      clock.advance(2_000);
      return now;
    });
    // Of the whole: w / (9 + w), where w grows from 0.05 to 1 over ten seconds.
    const expected = [0.05, 0.2, 0.4, 0.6, 0.8, 1].map((w) => (w / (9 + w)) * 10);
    for (const [i, w] of expected.entries()) expect(Math.abs((seen[i] ?? 0) - w)).toBeLessThan(0.06);
  });

  it('goes by when the instance was first seen up, not by when this balancer was made', () => {
    const clock = new FakeClock(1_000_000);
    const balancer = balancerOf(
      { balance: 'random', slowStartMs: 10_000 },
      [endpoint(0), endpoint(1, { firstUpAt: 1_000_000 - 5_000 }), endpoint(2, { firstUpAt: 1 })],
      clock,
    );
    const ctx = { now: clock.monotonic(), tried: [] };
    balancer.pick(ctx);
    expect(balancer.inspect(ctx).map((v) => v.share)).toEqual([1, 0.5, 1]);
    clock.advance(5_000);
    const later = { now: clock.monotonic(), tried: [] };
    balancer.pick(later);
    expect(balancer.inspect(later).map((v) => v.share)).toEqual([1, 1, 1]);
  });

  it('begins when a waiting instance comes up, and not for those that were there first', () => {
    const clock = new FakeClock(0);
    const first = [endpoint(0), endpoint(1, { phase: 'waiting' })];
    const balancer = balancerOf({ balance: 'random', slowStartMs: 1_000 }, first, clock);
    clock.advance(5_000);
    balancer.update(many(2));
    balancer.pick({ now: clock.monotonic(), tried: [] });
    expect(balancer.inspect(fresh).map((v) => v.share)).toEqual([1, 0.05]);
  });
});
