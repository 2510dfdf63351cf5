import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Timer } from '../../core/clock.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { digest, hashText } from './hash.ts';
import type { LeasingBalancer } from './leasing-balancer.ts';
import { balancerOf, endpoint, fakeHealth, fresh, many, OK, shares } from './testing/balancer-kit.ts';
import type { Endpoint, PickContext } from './types.ts';

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`user-${i}`));

/** Where each key leads, with nothing running. */
function owners(balancer: LeasingBalancer): (string | undefined)[] {
  return KEYS.map((hashKey) => balancer.peek({ ...fresh, hashKey })?.key);
}

/** Counts what is put off. */
class CountingClock extends FakeClock {
  slices = 0;

  override after(ms: number, f: () => void): Timer {
    this.slices += 1;
    return super.after(ms, f);
  }
}

describe('ring hash', () => {
  it('is made in slices where it is large; until it is there the old one serves, without those who are gone', () => {
    const clock = new CountingClock(0);
    const balancer = balancerOf({ balance: 'ringhash' }, many(600), clock);
    clock.advance(0);
    clock.slices = 0;
    const before = owners(balancer);
    const all = many(10_000);
    balancer.update(all);
    expect(clock.pending).toBe(1);
    expect(owners(balancer)).toEqual(before);
    // While it is being made some go, and one comes back.
    balancer.update(all.filter((_, i) => i >= 600 || i % 2 === 1));
    const gone = (key: string | undefined): boolean =>
      Number(key?.slice(1)) < 600 && Number(key?.slice(1)) % 2 === 0;
    expect(owners(balancer).filter((key) => gone(key))).toEqual([]);
    expect(owners(balancer).filter((key, i) => key === before[i]).length).toBeGreaterThan(300);
    balancer.update(all.filter((_, i) => i >= 600 || i % 2 === 1 || i === 4));
    clock.advance(0);
    expect(clock.slices).toBeGreaterThan(5);
    const direct = balancerOf(
      { balance: 'ringhash' },
      all.filter((_, i) => i >= 600 || i % 2 === 1 || i === 4),
      clock,
    );
    clock.advance(0);
    expect(owners(balancer)).toEqual(owners(direct));
  });

  const ring = (endpoints: readonly Endpoint[]): LeasingBalancer =>
    balancerOf({ balance: 'ringhash' }, endpoints);

  it('leads a key to the same endpoint in every balancer, whatever the order of the endpoints', () => {
    expect(owners(ring(many(10)))).toEqual(owners(ring(many(10).reverse())));
    const grown = ring(many(3));
    grown.update(many(7));
    grown.update(many(10));
    expect(owners(grown)).toEqual(owners(ring(many(10))));
  });

  it('moves only the keys of the one of ten that goes: 12 % at most', () => {
    for (let gone = 0; gone < 10; gone++) {
      const balancer = ring(many(10));
      const before = owners(balancer);
      balancer.update(many(10).filter((e) => e.port !== gone));
      const after = owners(balancer);
      const moved = before.filter((key, i) => after[i] !== key);
      expect(new Set(moved)).toEqual(new Set([`t${gone}`]));
      expect(moved.length / KEYS.length).toBeLessThan(0.12);
      balancer.update(many(10));
      expect(owners(balancer)).toEqual(before);
    }
  });

  it('moves nothing when an endpoint is left out for a while but its own keys', () => {
    const before = owners(ring(many(10)));
    const balancer = balancerOf({ balance: 'ringhash' }, many(10), new FakeClock(0), fakeHealth({ t3: 10 }));
    const without = owners(balancer);
    for (const [i, key] of before.entries()) if (key !== 't3') expect(without[i]).toBe(key);
    expect(without).not.toContain('t3');
  });

  it('gives nobody more than a quarter over the average, though all ask for the same', () => {
    const balancer = ring(many(10));
    for (let i = 0; i < 1_000; i++) expect(balancer.pick({ ...fresh, hashKey: 1 })).toBeDefined();
    const running = balancer.inspect(fresh).map((v) => v.inFlight);
    expect(Math.max(...running)).toBeLessThanOrEqual(126);
  });

  it('keeps the ring sorted and complete over any changes', () => {
    const set = fc.uniqueArray(fc.record({ n: fc.nat(20), weight: fc.constantFrom(1, 2, 5) }), {
      selector: (e) => e.n,
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.array(set, { minLength: 1, maxLength: 5 }), (sets) => {
        const made = (of: (typeof sets)[number]): Endpoint[] =>
          of.map((e) => endpoint(e.n, { weight: e.weight }));
        const followed = ring(made(sets[0] ?? []));
        for (const one of sets) followed.update(made(one));
        const direct = ring(made(sets.at(-1) ?? []));
        const some = KEYS.slice(0, 50).map((hashKey) => ({ ...fresh, hashKey }));
        expect(some.map((c) => followed.peek(c)?.key)).toEqual(some.map((c) => direct.peek(c)?.key));
      }),
      { numRuns: 40 },
    );
  });

  it('spreads requests that have nothing to hash', () => {
    const balancer = ring(many(4));
    expect(new Set(Array.from({ length: 100 }, () => balancer.pick(fresh)?.endpoint.key)).size).toBe(4);
  });
});

describe('sticky clients', () => {
  const policy = { balance: 'p2c', sticky: { cookie: 'id' } } as const;
  const key = (n: number): string => digest(`t${n}`);

  it('come back to their instance, and get its key where they had none', () => {
    const balancer = balancerOf(policy, many(10));
    for (let i = 0; i < 100; i++) {
      const lease = balancer.pick({ ...fresh, stickyKey: key(4) });
      expect([lease?.endpoint.key, lease?.stickyKey]).toEqual(['t4', key(4)]);
    }
    const lease = balancer.pick(fresh);
    expect(lease?.stickyKey).toBe(digest(lease?.endpoint.key ?? ''));
  });

  it('go elsewhere when it is gone, drains, waits, is unhealthy, ejected, full or was tried', () => {
    const stuck = (
      first: Partial<Endpoint> | undefined,
      ctx: Partial<PickContext> = {},
      full = false,
    ): void => {
      const breakers = full ? { breakers: { requests: 1 } } : {};
      const health = fakeHealth(ctx.now === 5 ? { t0: 10 } : {});
      const endpoints = first === undefined ? many(4).slice(1) : [endpoint(0, first), ...many(4).slice(1)];
      const balancer = balancerOf({ ...policy, ...breakers }, endpoints, new FakeClock(0), health);
      const asks = { ...fresh, ...ctx, stickyKey: key(0) };
      if (full) expect(balancer.pick(asks)?.endpoint.key).toBe('t0');
      const lease = balancer.pick(asks);
      expect(lease?.endpoint.key).toMatch(/^t[123]$/);
      expect(lease?.stickyKey).not.toBe(key(0));
    };
    stuck(undefined);
    stuck({ phase: 'draining' });
    stuck({ phase: 'waiting' });
    stuck({ healthy: false });
    stuck({ unproven: true });
    stuck({}, { now: 5 });
    stuck({}, {}, true);
    stuck({}, { tried: ['t0'] });
  });

  it('stay with an instance that gets nothing new', () => {
    const balancer = balancerOf(policy, [endpoint(0, { weight: 0 }), endpoint(1)]);
    expect(balancer.pick({ ...fresh, stickyKey: key(0) })?.endpoint.key).toBe('t0');
    expect(balancer.pick(fresh)?.endpoint.key).toBe('t1');
  });

  it('are nobody to a balancer that is not sticky', () => {
    const balancer = balancerOf({ balance: 'roundrobin' }, many(2));
    const picks = Array.from({ length: 10 }, () => balancer.pick({ ...fresh, stickyKey: key(0) }));
    expect(shares(picks.map((l) => l?.endpoint.key ?? '')).get('t1')).toBe(5);
    expect(picks[0]?.stickyKey).toBe('');
  });
});

describe('fault domains', () => {
  const zones = (...sizes: readonly number[]): Endpoint[] =>
    sizes.flatMap((size, z) =>
      Array.from({ length: size }, (_, i) => endpoint(z * 100 + i, { zone: `z${z}` })),
    );
  const inZone = (endpoints: readonly Endpoint[], balance: 'p2c' | 'roundrobin' = 'roundrobin'): number => {
    const balancer = balancerOf({ balance }, endpoints);
    let local = 0;
    for (let i = 0; i < 9_000; i++) {
      const lease = balancer.pick({ ...fresh, zone: 'z0' });
      if (lease?.endpoint.zone === 'z0') local += 1;
      lease?.settle(OK, 0);
    }
    return local / 9_000;
  };

  it('keep requests inside while they have their part of the capacity', () => {
    expect(inZone(zones(3, 3, 3))).toBe(1);
    expect(inZone(zones(5, 2, 2), 'p2c')).toBe(1);
  });

  it('let go what they have no capacity for, and no more', () => {
    expect(inZone(zones(1, 2))).toBeCloseTo(2 / 3, 3);
    const sick = zones(3, 3, 3).map((e) => (e.port === 0 ? { ...e, healthy: false } : e));
    expect(inZone(sick)).toBeCloseTo(0.75, 3);
    const weighty = zones(3, 3).map((e) => (e.zone === 'z1' ? { ...e, weight: 2 } : e));
    expect(inZone(weighty)).toBeCloseTo(2 / 3, 3);
  });

  it('do not count where the zone has nobody, or nobody has a zone', () => {
    expect(inZone(zones(0, 3, 3))).toBe(0);
    expect(inZone(many(4))).toBe(0);
  });

  it('are left when all inside are tried or full', () => {
    const balancer = balancerOf({ balance: 'p2c', breakers: { requests: 1 } }, zones(2, 2));
    const ctx = { ...fresh, zone: 'z0' };
    const picked = Array.from({ length: 4 }, () => balancer.pick(ctx)?.endpoint.zone);
    expect(picked).toEqual(['z0', 'z0', 'z1', 'z1']);
    expect(balancer.pick(ctx)).toBeUndefined();
    expect(balancer.overflowed).toBe(true);
  });
});

describe('circuit breakers', () => {
  it.each(['roundrobin', 'leastconn', 'p2c', 'random', 'ringhash'] as const)(
    '%s: nobody gets more than it takes, everybody all that it takes, and overflow says so',
    (balance) => {
      const limits = { connections: 2, pending: 1 };
      const balancer = balancerOf({ balance, breakers: limits }, many(4));
      const ctx = { ...fresh, hashKey: 7 };
      const leases = Array.from({ length: 12 }, () => balancer.pick(ctx));
      expect(leases.every((l) => l !== undefined)).toBe(true);
      expect(balancer.inspect(ctx).map((v) => [v.inFlight, v.eligibility])).toEqual(
        many(4).map(() => [3, 'full']),
      );
      expect(balancer.pick(ctx)).toBeUndefined();
      expect(balancer.overflowed).toBe(true);
      leases[5]?.settle(OK, 0);
      expect(balancer.pick(ctx)?.endpoint.key).toBe(leases[5]?.endpoint.key);
    },
  );

  it('are no reason to overrun those that are unhealthy', () => {
    const endpoints = [endpoint(0, { healthy: false }), endpoint(1)];
    const balancer = balancerOf({ balance: 'p2c', breakers: { requests: 1 } }, endpoints);
    expect(balancer.pick(fresh)?.endpoint.key).toBe('t1');
    expect(balancer.pick(fresh)).toBeUndefined();
    expect(balancer.overflowed).toBe(true);
  });
});
