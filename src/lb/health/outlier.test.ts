import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../balancer/index.ts';
import { OutlierDetector } from './outlier.ts';

const policy = {
  consecutiveFailures: 3,
  failureRatio: 1,
  failureRatioRequests: 10,
  ejectMs: 1_000,
  maxEjectMs: 4_000,
  maxEjectedRatio: 0.5,
};
const FAILED = { kind: 'failed' } as const;
const OK = { kind: 'response', status: 200 } as const;

/** A detector with endpoints t0, t1, … as a balancer would use it. */
class Watched extends OutlierDetector {
  constructor(n: number, given: Partial<typeof policy> = {}) {
    super({ ...policy, ...given });
    for (let i = 0; i < n; i++) this.stateOf(`t${i}`);
  }

  ejected(key: string, now: number): boolean {
    return now < this.stateOf(key).ejectedUntil;
  }

  record(key: string, outcome: Outcome, now: number, times = 1): void {
    for (let i = 0; i < times; i++) this.stateOf(key).record(outcome, now);
  }
}
const fail = (d: Watched, key: string, now: number, times = 3): void => d.record(key, FAILED, now, times);

describe('outlier ejection', () => {
  it('takes failures in a row; a good answer, even a 500, starts the count again', () => {
    const d = new Watched(4);
    fail(d, 't0', 0, 2);
    d.record('t0', { kind: 'response', status: 500 }, 0);
    fail(d, 't0', 0, 2);
    expect(d.ejected('t0', 0)).toBe(false);
    d.record('t0', { kind: 'response', status: 503 }, 0);
    expect([d.ejected('t0', 0), d.ejected('t0', 999), d.ejected('t0', 1_000)]).toEqual([true, true, false]);
    expect([d.changes, d.nextReturn(0), d.nextReturn(1_000)]).toEqual([1, 1_000, Infinity]);
  });

  it('lasts longer each time, up to a limit; one failure on probation is enough', () => {
    const d = new Watched(4);
    const lengths = [];
    let now = 0;
    fail(d, 't0', now);
    for (let i = 0; i < 5; i++) {
      const began = now;
      while (d.ejected('t0', now)) now += 100;
      lengths.push(now - began);
      d.record('t0', FAILED, now);
    }
    expect(lengths).toEqual([1_000, 2_000, 4_000, 4_000, 4_000]);
  });

  it('forgets step by step what was long ago', () => {
    const d = new Watched(4);
    fail(d, 't0', 0);
    d.record('t0', OK, 3_000);
    fail(d, 't0', 3_000);
    expect(d.ejected('t0', 4_000)).toBe(false);
    expect(d.ejected('t0', 3_999)).toBe(true);
  });

  it('never takes more than its share, and never the only one', () => {
    const d = new Watched(4);
    for (const key of ['t0', 't1', 't2', 't3']) fail(d, key, 0);
    expect(d.ejectedCount(0)).toBe(2);
    const lone = new Watched(1);
    fail(lone, 't0', 0, 10);
    expect(lone.ejected('t0', 0)).toBe(false);
  });

  it('forgets endpoints that are gone, and gives no weight to clients that left', () => {
    const d = new Watched(4);
    const gone = d.stateOf('t0');
    fail(d, 't0', 0);
    d.forget('t0');
    d.forget('t3');
    expect([d.ejected('t0', 0), d.ejectedCount(0)]).toEqual([false, 0]);
    for (let i = 0; i < 9; i++) gone.record(FAILED, 2_000);
    expect(d.ejectedCount(2_000)).toBe(0);
    d.record('t1', { kind: 'cancelled' }, 0, 9);
    expect(d.ejected('t1', 0)).toBe(false);
  });

  it('takes too large a share of failures between good answers, over about ten seconds', () => {
    const mixed = (d: Watched, at: (i: number) => number, n: number): void => {
      for (let i = 0; i < n; i++) d.record('t0', i % 2 === 0 ? OK : FAILED, at(i));
    };
    const d = new Watched(4, { failureRatio: 0.5 });
    mixed(d, () => 100, 9);
    expect(d.ejected('t0', 100)).toBe(false);
    fail(d, 't0', 100, 1);
    expect(d.ejected('t0', 100)).toBe(true);
    // When it comes back the share is counted from nothing.
    d.record('t0', OK, 1_100);
    fail(d, 't0', 1_100, 1);
    expect(d.ejected('t0', 1_100)).toBe(false);
    // Too few at a time: what is older than ten seconds does not count.
    const slow = new Watched(4, { failureRatio: 0.5 });
    mixed(slow, (i) => i * 2_000, 200);
    expect(slow.changes).toBe(0);
  });

  it('keeps its promises over any course of events', () => {
    const event = fc.record({
      key: fc.constantFrom('t0', 't1', 't2', 't3', 't4'),
      outcome: fc.constantFrom<Outcome>(
        OK,
        FAILED,
        FAILED,
        { kind: 'response', status: 503 },
        { kind: 'cancelled' },
      ),
      after: fc.constantFrom(0, 1, 300, 1_000, 9_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const d = new Watched(5, { failureRatio: 0.6 });
        let now = 0;
        for (const { key, outcome, after } of events) {
          now += after;
          const before = d.stateOf(key).ejectedUntil;
          const changes = d.changes;
          d.record(key, outcome, now);
          const out = ['t0', 't1', 't2', 't3', 't4'].filter((k) => d.ejected(k, now));
          expect(out).toHaveLength(d.ejectedCount(now));
          expect(out.length).toBeLessThanOrEqual(2);
          const until = d.stateOf(key).ejectedUntil;
          expect(until - now).toBeLessThanOrEqual(policy.maxEjectMs);
          if (d.changes > changes) expect(outcome === FAILED || outcome.kind === 'response').toBe(true);
          // Nothing ends an ejection before its time.
          if (before > now) expect(until).toBe(before);
          expect(d.nextReturn(now)).toBe(Math.min(...out.map((k) => d.stateOf(k).ejectedUntil)));
        }
      }),
    );
  });
});
