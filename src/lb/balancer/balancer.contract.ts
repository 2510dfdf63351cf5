import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpoint, FAILED, fakeHealth, fresh, many, OK, shares } from './testing/balancer-kit.ts';
import type { Balancer, Endpoint, EndpointHealth, Lease, PickContext } from './types.ts';
import { hashText } from './hash.ts';

/** What every balancer promises, whatever its strategy. `exact`: equals get exactly the same, not only by chance. */
export function runBalancerContract(
  name: string,
  exact: boolean,
  make: (health: EndpointHealth) => Balancer,
): void {
  let asked = 0;
  /** Another request: hash rings see another key. */
  const another = (given: Partial<PickContext> = {}): PickContext => ({
    ...fresh,
    hashKey: hashText(`key ${(asked += 1)}`),
    ...given,
  });
  const keys = (balancer: Balancer, n: number, given: Partial<PickContext> = {}): string[] =>
    Array.from({ length: n }, () => {
      const lease = balancer.pick(another(given));
      lease?.settle(OK, 0);
      return lease?.endpoint.key ?? 'none';
    });
  const made = (endpoints: readonly Endpoint[], health = fakeHealth()): Balancer => {
    const balancer = make(health);
    balancer.update(endpoints);
    return balancer;
  };
  const picked = (balancer: Balancer, given: Partial<PickContext> = {}): Set<string> =>
    new Set(keys(balancer, 200, given));

  describe(`${name}: whom it picks`, () => {
    it('nobody out of none', () => {
      expect(made([]).pick(another())).toBeUndefined();
      expect(made([]).overflowed).toBe(false);
    });

    it('equals equally often', () => {
      const counts = shares(keys(made(many(7)), 7_000));
      for (const e of many(7)) {
        const off = Math.abs((counts.get(e.key) ?? 0) - 1_000);
        expect(off).toBeLessThanOrEqual(exact ? 0 : 150);
      }
    });

    it('never who drains, waits or was tried, not even when nobody else is left', () => {
      const balancer = made([
        endpoint(0, { phase: 'draining' }),
        endpoint(1, { phase: 'waiting' }),
        endpoint(2),
      ]);
      expect(picked(balancer)).toEqual(new Set(['t2']));
      expect(picked(balancer, { tried: ['t2'] })).toEqual(new Set(['none']));
      expect(balancer.overflowed).toBe(false);
    });

    it('the unhealthy and ejected only when the others are tried, or too few', () => {
      const health = fakeHealth({ t1: 10 });
      const some = made([endpoint(0, { healthy: false }), endpoint(1), endpoint(2), endpoint(3)], health);
      expect(picked(some)).toEqual(new Set(['t2', 't3']));
      expect(picked(some, { tried: ['t2', 't3'] })).toEqual(new Set(['t0', 't1']));
      const most = made([endpoint(0, { healthy: false }), endpoint(1), endpoint(2)], health);
      expect(picked(most)).toEqual(new Set(['t0', 't1', 't2']));
      expect(most.state(0)).toEqual({ up: 3, usable: 1, panicking: true });
      // The ejection is over.
      expect(picked(most, { now: 10 })).toEqual(new Set(['t1', 't2']));
      expect(most.state(10)).toEqual({ up: 3, usable: 2, panicking: false });
    });

    it('who waits for the first result of a check only when all do', () => {
      const unproven = { unproven: true };
      const some = made([endpoint(0, unproven), endpoint(1, unproven), endpoint(2, unproven), endpoint(3)]);
      expect(picked(some)).toEqual(new Set(['t3']));
      expect(some.state(0)).toEqual({ up: 1, usable: 1, panicking: false });
      expect(picked(made([endpoint(0, unproven), endpoint(1, unproven)]))).toEqual(new Set(['t0', 't1']));
    });

    it('nobody without weight', () => {
      const balancer = made([endpoint(0, { weight: 0 }), endpoint(1)]);
      expect(picked(balancer)).toEqual(new Set(['t1']));
      expect(made([endpoint(0, { weight: 0 })]).pick(another())).toBeUndefined();
    });

    it('the one it said it would', () => {
      const balancer = made(many(5).map((e, i) => ({ ...e, weight: 1 + i, zone: i < 2 ? 'a' : 'b' })));
      for (const given of [{}, { zone: 'a' }]) {
        for (let i = 0; i < 50; i++) {
          const ctx = another(given);
          const said = balancer.peek(ctx)?.key;
          expect(balancer.peek(ctx)?.key).toBe(said);
          expect(balancer.pick(ctx)?.endpoint.key).toBe(said);
        }
      }
    });
  });

  describe(`${name}: what it counts`, () => {
    it('a lease is settled once, and its outcome recorded', () => {
      const health = fakeHealth();
      const balancer = made(many(1), health);
      const lease = balancer.pick(another());
      expect(balancer.inspect(fresh)[0]?.inFlight).toBe(1);
      lease?.settle(FAILED, 1);
      expect(() => lease?.settle(OK, 1)).toThrow('twice');
      expect(balancer.inspect(fresh)[0]?.inFlight).toBe(0);
      expect(health.recorded).toEqual(['t0 failed']);
    });

    it('keeps its counts over any order of picks, settlements and changes', () => {
      const step = fc.oneof(
        fc.constant('pick' as const),
        fc.constant('settle' as const),
        fc.uniqueArray(fc.nat(6), { maxLength: 6 }),
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const balancer = made(many(3));
          const leases: Lease[] = [];
          for (const s of steps) {
            if (s === 'pick') {
              const lease = balancer.pick(another());
              if (lease) leases.push(lease);
            } else if (s === 'settle') leases.shift()?.settle(OK, 0);
            else balancer.update(s.map((n) => endpoint(n)));
            for (const i of balancer.inspect(fresh)) expect(i.inFlight).toBeGreaterThanOrEqual(0);
          }
          for (const lease of leases) lease.settle(OK, 0);
          expect(balancer.inspect(fresh).every((i) => i.inFlight === 0)).toBe(true);
        }),
      );
    });

    it('is told by what has changed as well as by all there is', () => {
      const state = fc.record({
        n: fc.nat(6),
        weight: fc.constantFrom(0, 1, 3),
        phase: fc.constantFrom('up' as const, 'draining' as const),
      });
      const sets = fc.array(fc.uniqueArray(state, { selector: ({ n }) => n, maxLength: 6 }), {
        maxLength: 6,
      });
      fc.assert(
        fc.property(sets, fc.boolean(), (all, inPieces) => {
          const [byAll, byChange] = [made([]), make(fakeHealth())];
          let before: readonly Endpoint[] = [];
          const seen = (balancer: Balancer): unknown =>
            new Map(
              balancer
                .inspect(fresh)
                .map(({ endpoint: e, share, eligibility }) => [e.key, [e.weight, share, eligibility]]),
            );
          for (const set of all) {
            const now = set.map(({ n, weight, phase }) => endpoint(n, { weight, phase }));
            const keep = new Set(now.map((e) => e.key));
            const gone = before.map((e) => e.key).filter((key) => !keep.has(key));
            byAll.update(now);
            if (inPieces) {
              for (const come of now) byChange.change({ gone: [], come: [come], more: true });
              byChange.change({ gone, come: [] });
            } else byChange.change({ gone, come: now });
            before = now;
            expect(seen(byChange)).toEqual(seen(byAll));
            expect(byChange.state(0)).toEqual(byAll.state(0));
            expect(byChange.pick(another()) === undefined).toBe(byAll.pick(another()) === undefined);
          }
        }),
      );
    });

    it('picks somebody usable whenever there is somebody, whatever their state', () => {
      const state = fc.record({
        phase: fc.constantFrom('up' as const, 'up' as const, 'draining' as const),
        healthy: fc.constantFrom(undefined, true, false),
        unproven: fc.boolean(),
        weight: fc.constantFrom(0, 1, 3, 256),
        zone: fc.constantFrom('a', 'b'),
        ejected: fc.boolean(),
        tried: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(state, { maxLength: 8 }), fc.constantFrom(undefined, 'a', 'c'), (all, zone) => {
          const ejected = all.flatMap((s, i) => (s.ejected ? [[`t${i}`, 1] as const] : []));
          const tried = all.flatMap((s, i) => (s.tried ? [`t${i}`] : []));
          const balancer = made(
            all.map((s, i) => endpoint(i, s)),
            fakeHealth(Object.fromEntries(ejected)),
          );
          const possible = all.filter((s) => s.phase === 'up' && s.weight > 0 && !s.tried);
          const key = balancer.pick(another({ zone, tried }))?.endpoint.key;
          if (possible.length === 0) expect(key).toBeUndefined();
          else expect(possible).toContain(all[Number(key?.slice(1))]);
        }),
      );
    });

    it('stays even while endpoints come and go', () => {
      const balancer = made(many(10));
      const counts = new Map<string, number>();
      for (let i = 0; i < 10_000; i++) {
        if (i % 7 === 0) balancer.update(many(10 + ((i / 7) % 2)));
        const key = keys(balancer, 1)[0] ?? '';
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      const lasting = many(10).map((e) => counts.get(e.key) ?? 0);
      expect(Math.max(...lasting) - Math.min(...lasting)).toBeLessThan(exact ? 30 : 250);
    });
  });
}
