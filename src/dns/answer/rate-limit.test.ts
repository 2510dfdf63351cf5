import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { ipBytes } from '../../core/ip.ts';
import { RATE, REPLY_CLASS, RateLimiter, ageRateTable, newRateTable } from './rate-limit.ts';
import type { RateLimitSettings, ReplyClass } from './rate-limit.ts';

const SETTINGS: RateLimitSettings = {
  limits: [
    { perSecond: 100, burst: 10 },
    { perSecond: 20, burst: 5 },
    { perSecond: 0, burst: 1 },
  ],
  ipv4PrefixBits: 24,
  ipv6PrefixBits: 56,
  slipEvery: 2,
};
const SECOND = 1_000_000;

class Tester {
  readonly table: Int32Array;
  readonly limiter: RateLimiter;
  now: number;

  constructor(settings: Partial<RateLimitSettings> = {}, now = 0, slotsLog2 = 16) {
    this.now = now;
    this.table = newRateTable(slotsLog2, seededRandom(3), now);
    this.limiter = new RateLimiter(this.table, { ...SETTINGS, ...settings });
  }

  check(ip: string | Uint8Array, replyClass: ReplyClass = REPLY_CLASS.positive): number {
    const bytes = typeof ip === 'string' ? (ipBytes(ip) as Uint8Array) : ip;
    const padded = Uint8Array.from([9, ...bytes, 9]);
    return this.limiter.check(padded, 1, bytes.length, replyClass, this.now);
  }

  /** How many of `n` at this moment are sent. */
  sent(n: number, ip: string, replyClass?: ReplyClass): number {
    return Array.from({ length: n }, () => this.check(ip, replyClass)).filter((v) => v === RATE.send).length;
  }
}

describe('rate limiting', () => {
  it('sends a burst, then what the rate gives back', () => {
    const t = new Tester();
    expect(t.sent(50, '192.0.2.1')).toBe(10);
    t.now += 9_999;
    expect(t.sent(50, '192.0.2.1')).toBe(0);
    t.now += 1;
    expect(t.sent(50, '192.0.2.1')).toBe(1);
    t.now += 50_000;
    expect(t.sent(50, '192.0.2.1')).toBe(5);
    t.now += SECOND;
    expect(t.sent(50, '192.0.2.1')).toBe(10);
  });

  it('counts by prefix', () => {
    const t = new Tester();
    expect(t.sent(20, '192.0.2.1')).toBe(10);
    expect(t.sent(20, '192.0.2.254')).toBe(0);
    expect(t.sent(20, '192.0.3.1')).toBe(10);
    expect(t.sent(20, '2001:db8:0:1200::1')).toBe(10);
    expect(t.sent(20, '2001:db8:0:12ff:ffff::1')).toBe(0);
    expect(t.sent(20, '2001:db8:0:1300::1')).toBe(10);
  });

  it.each([
    [{ ipv4PrefixBits: 32 }, '192.0.2.1', '192.0.2.2', 10],
    [{ ipv4PrefixBits: 8 }, '192.0.2.1', '192.9.9.9', 0],
    [{ ipv4PrefixBits: 0 }, '192.0.2.1', '1.9.9.9', 0],
    [{ ipv6PrefixBits: 64 }, '2001:db8::1', '2001:db8:0:1::1', 10],
    [{ ipv6PrefixBits: 64 }, '2001:db8::1', '2001:db8::1:0:0:1', 0],
    [{ ipv6PrefixBits: 32 }, '2001:db8::1', '2001:db8:ffff::', 0],
    [{ ipv6PrefixBits: 32 }, '2001:db8::1', '2001:db9::', 10],
  ])('%j: %s and %s', (settings, one, other, sent) => {
    const t = new Tester(settings);
    t.sent(10, one);
    expect(t.sent(10, other)).toBe(sent);
  });

  it('has a limit for each class, and none where the rate is 0', () => {
    const t = new Tester();
    expect(t.sent(50, '192.0.2.1', REPLY_CLASS.positive)).toBe(10);
    expect(t.sent(50, '192.0.2.1', REPLY_CLASS.negative)).toBe(5);
    expect(t.sent(50, '192.0.2.1', REPLY_CLASS.error)).toBe(50);
  });

  it('lets every second of the limited ones slip', () => {
    const t = new Tester();
    t.sent(10, '192.0.2.1');
    const verdicts = Array.from({ length: 6 }, () => t.check('192.0.2.1'));
    expect(verdicts).toEqual([RATE.drop, RATE.slip, RATE.drop, RATE.slip, RATE.drop, RATE.slip]);
  });

  it.each([
    [0, RATE.drop],
    [1, RATE.slip],
  ])('slipEvery %i', (slipEvery, verdict) => {
    const t = new Tester({ slipEvery });
    t.sent(10, '192.0.2.1');
    expect([t.check('192.0.2.1'), t.check('192.0.2.1')]).toEqual([verdict, verdict]);
  });

  it('is one limit for all limiters on one table', () => {
    const t = new Tester();
    const other = new RateLimiter(t.table, SETTINGS);
    expect(t.sent(6, '192.0.2.1')).toBe(6);
    const address = ipBytes('192.0.2.1') as Uint8Array;
    const verdicts = Array.from({ length: 6 }, () => other.check(address, 0, 4, REPLY_CLASS.positive, t.now));
    expect(verdicts.filter((v) => v === RATE.send)).toHaveLength(4);
  });
});

describe('the clock of 32 bits', () => {
  const WRAP = 2 ** 32;
  it.each([0, 2 ** 31 - 50_000, WRAP - 50_000, 3 * WRAP - 1, 2 ** 52])('starts anywhere: %i', (now) => {
    const t = new Tester({}, now);
    expect(t.sent(50, '192.0.2.1')).toBe(10);
    t.now += 100_000;
    expect(t.sent(50, '192.0.2.1')).toBe(10);
  });

  it('limits nobody because the clock has wrapped, as long as the table is aged', () => {
    const t = new Tester({}, 123_456);
    for (let step = 0; step < 30; step++) {
      t.now += 600 * SECOND;
      ageRateTable(t.table, t.now);
      for (const ms of [-5, 0, 5, 50, 90]) {
        const fresh = `10.${step}.${ms + 10}.1`;
        t.now += 1;
        expect(t.sent(11, fresh)).toBe(10);
      }
    }
  });

  it('ages only what is full again', () => {
    const t = new Tester();
    t.sent(10, '192.0.2.1');
    ageRateTable(t.table, t.now);
    expect(t.sent(10, '192.0.2.1')).toBe(0);
  });

  it('without aging, a slot from before the wrap is seen through', () => {
    const t = new Tester();
    t.sent(10, '192.0.2.1');
    t.now += 2 ** 31 + 5 * SECOND;
    expect(t.sent(50, '192.0.2.1')).toBe(10);
  });
});

/** Arrivals: how much later than the one before, and from which of a few prefixes. */
const arrivals = (prefixes: number) =>
  fc.array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(3_000), fc.nat(200_000)), fc.nat(prefixes - 1)), {
    minLength: 1,
    maxLength: 400,
  });

describe('for any traffic', () => {
  it('no prefix gets more than its rate and a burst, in any window, however crowded the table', () => {
    const limit = fc.record({
      perSecond: fc.integer({ min: 1, max: 5000 }),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(
        limit,
        fc.integer({ min: 1, max: 4 }),
        arrivals(12),
        fc.nat(2 ** 32),
        (limit, log2, list, now) => {
          const t = new Tester({ limits: [limit, limit, limit] }, now, log2);
          const passed = new Map<number, number[]>();
          for (const [later, prefix] of list) {
            t.now += later;
            if (t.check(`10.0.${prefix}.1`) !== RATE.send) continue;
            passed.set(prefix, [...(passed.get(prefix) ?? []), t.now]);
          }
          for (const times of passed.values()) {
            for (let i = 0; i < times.length; i++) {
              for (let j = i; j < times.length; j++) {
                const seconds = ((times[j] as number) - (times[i] as number)) / SECOND;
                expect(j - i + 1).toBeLessThanOrEqual(limit.burst + limit.perSecond * seconds + 1e-9);
              }
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('who stays within the rate is never limited, whatever one other prefix does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 100 }), (flood) => {
        const t = new Tester();
        for (const n of flood) {
          t.now += 10_000;
          t.sent(n, '203.0.113.9');
          expect(t.check('192.0.2.1')).toBe(RATE.send);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('hardly any of many quiet prefixes suffers from a hundred busy ones', () => {
    const t = new Tester();
    for (let i = 0; i < 100; i++) t.sent(30, `203.0.${i}.1`);
    let limited = 0;
    for (let i = 0; i < 20_000; i++) {
      if (t.check(Uint8Array.of(10, i >> 8, i & 255, 1)) !== RATE.send) limited++;
    }
    expect(limited).toBeLessThan(10);
  });
});

describe('newRateTable', () => {
  it('takes only sizes that its hash is good for', () => {
    expect(() => newRateTable(18, seededRandom(1), 0)).toThrow('slots');
    expect(() => newRateTable(0, seededRandom(1), 0)).toThrow('slots');
  });

  it('hashes differently with every seed', () => {
    const charged = [1, 2].map((seed) => {
      const table = newRateTable(8, seededRandom(seed), 0);
      new RateLimiter(table, SETTINGS).check(Uint8Array.of(10, 0, 0, 1), 0, 4, 0, 0);
      return [...table.subarray(12)].flatMap((v, i) => (v === 0 ? [] : [i]));
    });
    expect(charged[0]).toHaveLength(2);
    expect(charged[0]).not.toEqual(charged[1]);
  });
});
