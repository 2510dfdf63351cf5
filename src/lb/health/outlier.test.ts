import { describe, expect, it } from 'vitest';
import { OutlierDetector } from './outlier.ts';

const policy = { consecutiveFailures: 3, ejectMs: 1_000, maxEjectMs: 4_000, maxEjectedRatio: 0.5 };
const FAILED = { kind: 'failed' } as const;
const OK = { kind: 'response', status: 200 } as const;

function detector(n: number): OutlierDetector {
  const d = new OutlierDetector(policy);
  d.retain(new Set(Array.from({ length: n }, (_, i) => `t${i}`)));
  return d;
}
const fail = (d: OutlierDetector, key: string, now: number, times = 3): void => {
  for (let i = 0; i < times; i++) d.record(key, FAILED, now);
};

describe('outlier ejection', () => {
  it('takes failures in a row; a good answer, even a 500, starts the count again', () => {
    const d = detector(4);
    fail(d, 't0', 0, 2);
    d.record('t0', { kind: 'response', status: 500 }, 0);
    fail(d, 't0', 0, 2);
    expect(d.ejected('t0', 0)).toBe(false);
    d.record('t0', { kind: 'response', status: 503 }, 0);
    expect([d.ejected('t0', 0), d.ejected('t0', 999), d.ejected('t0', 1_000)]).toEqual([true, true, false]);
  });

  it('lasts longer each time, up to a limit; one failure on probation is enough', () => {
    const d = detector(4);
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
    const d = detector(4);
    fail(d, 't0', 0);
    d.record('t0', OK, 3_000);
    fail(d, 't0', 3_000);
    expect(d.ejected('t0', 4_000)).toBe(false);
    expect(d.ejected('t0', 3_999)).toBe(true);
  });

  it('never takes more than its share, and never the only one', () => {
    const d = detector(4);
    for (const key of ['t0', 't1', 't2', 't3']) fail(d, key, 0);
    expect(d.ejectedCount(0)).toBe(2);
    const lone = detector(1);
    fail(lone, 't0', 0, 10);
    expect(lone.ejected('t0', 0)).toBe(false);
  });

  it('forgets endpoints that are gone, and gives no weight to clients that left', () => {
    const d = detector(4);
    fail(d, 't0', 0);
    d.retain(new Set(['t1']));
    expect(d.ejected('t0', 0)).toBe(false);
    for (let i = 0; i < 9; i++) d.record('t1', { kind: 'cancelled' }, 0);
    expect(d.ejected('t1', 0)).toBe(false);
  });
});
