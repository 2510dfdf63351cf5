import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Balancer, Endpoint, EndpointHealth, Lease } from './types.ts';

const endpoint = (n: number, given: Partial<Endpoint> = {}): Endpoint => ({
  key: `t${n}`,
  taskId: `t${n}`,
  ip: '10.0.0.1',
  port: n,
  phase: 'up',
  healthy: undefined,
  ...given,
});
const many = (n: number): Endpoint[] => Array.from({ length: n }, (_, i) => endpoint(i));
const fresh = { now: 0, tried: [] };
const OK = { kind: 'response', status: 200 } as const;

/** What every balancer promises, whatever its strategy. */
export function runBalancerContract(name: string, make: (health: EndpointHealth) => Balancer): void {
  const healthy: EndpointHealth = { ejected: () => false, record: () => {}, retain: () => {} };
  const keys = (balancer: Balancer, n: number, tried: string[] = []): string[] =>
    Array.from({ length: n }, () => {
      const lease = balancer.pick({ now: 0, tried });
      lease?.settle(OK, 0);
      return lease?.endpoint.key ?? 'none';
    });
  const made = (endpoints: readonly Endpoint[], health = healthy): Balancer => {
    const balancer = make(health);
    balancer.update(endpoints);
    return balancer;
  };

  describe(`${name}: whom it picks`, () => {
    it('nobody out of none', () => {
      expect(made([]).pick(fresh)).toBeUndefined();
    });

    it('equals equally often', () => {
      const picked = keys(made(many(7)), 700);
      for (const e of many(7)) expect(picked.filter((k) => k === e.key)).toHaveLength(100);
    });

    it('never who drains, waits or was tried, not even when nobody else is left', () => {
      const balancer = made([
        endpoint(0, { phase: 'draining' }),
        endpoint(1, { phase: 'waiting' }),
        endpoint(2),
      ]);
      expect(new Set(keys(balancer, 10))).toEqual(new Set(['t2']));
      expect(keys(balancer, 1, ['t2'])).toEqual(['none']);
    });

    it('the unhealthy and ejected only when all are', () => {
      const ejecting = { ...healthy, ejected: (key: string) => key === 't1' };
      const some = made([endpoint(0, { healthy: false }), endpoint(1), endpoint(2)], ejecting);
      expect(new Set(keys(some, 10))).toEqual(new Set(['t2']));
      const all = made([endpoint(0, { healthy: false }), endpoint(1)], ejecting);
      expect(new Set(keys(all, 10))).toEqual(new Set(['t0', 't1']));
    });

    it('the one it said it would', () => {
      const balancer = made(many(5));
      for (let i = 0; i < 12; i++) expect(balancer.peek(fresh)?.key).toBe(balancer.pick(fresh)?.endpoint.key);
    });
  });

  describe(`${name}: what it counts`, () => {
    it('a lease is settled once, and its outcome recorded', () => {
      const recorded: string[] = [];
      const balancer = made(many(1), {
        ...healthy,
        record: (key, o) => void recorded.push(`${key} ${o.kind}`),
      });
      const lease = balancer.pick(fresh);
      expect(balancer.inspect(fresh)[0]?.inFlight).toBe(1);
      lease?.settle({ kind: 'failed' }, 1);
      expect(() => lease?.settle(OK, 1)).toThrow('twice');
      expect(balancer.inspect(fresh)[0]?.inFlight).toBe(0);
      expect(recorded).toEqual(['t0 failed']);
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
              const lease = balancer.pick(fresh);
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

    it('stays even while endpoints come and go', () => {
      const balancer = made(many(10));
      const counts = new Map<string, number>();
      for (let i = 0; i < 1000; i++) {
        if (i % 7 === 0) balancer.update(many(10 + ((i / 7) % 2)));
        const key = keys(balancer, 1)[0] ?? '';
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      const lasting = many(10).map((e) => counts.get(e.key) ?? 0);
      expect(Math.max(...lasting) - Math.min(...lasting)).toBeLessThan(30);
    });
  });
}
