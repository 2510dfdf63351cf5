import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { http2Errors } from '../http2/errors.ts';
import { Attempts } from './attempts.ts';
import { lossOf, mayRetry, RetryBudget } from './retry.ts';

describe('whether a failed request may be sent again', () => {
  const base = { idempotent: true, replayable: true, sent: 1 };
  it.each([
    [
      'connect failures, always',
      { ...base, cause: 'connect-failed', idempotent: false, replayable: false, sent: 9 },
      true,
    ],
    ['a reset GET', { ...base, cause: 'upstream-reset' }, true],
    ['a reset POST', { ...base, cause: 'upstream-reset', idempotent: false }, false],
    [
      'a reset upload that is no longer at hand',
      { ...base, cause: 'upstream-reset', replayable: false },
      false,
    ],
    ['too many times', { ...base, cause: 'upstream-reset', sent: 3 }, false],
    ['a slow instance', { ...base, cause: 'first-byte-timeout' }, false],
    ['nonsense', { ...base, cause: 'bad-response' }, false],
  ] as const)('%s', (_name, failed, expected) => {
    expect(mayRetry(failed, 3)).toBe(expected);
  });
});

describe('the retry budget', () => {
  it('allows a share of the requests of ten seconds, and forgets older ones', () => {
    const budget = new RetryBudget({ budgetRatio: 0.2, minPerSecond: 0 });
    expect(budget.take(1_000)).toBe(false);
    for (let i = 0; i < 100; i++) budget.request(1_000);
    const taken = Array.from({ length: 30 }, () => budget.take(5_000)).filter(Boolean);
    expect(taken).toHaveLength(20);
    expect(budget.take(12_000)).toBe(false);
    for (let i = 0; i < 5; i++) budget.request(16_000);
    expect([budget.take(16_000), budget.take(16_000)]).toEqual([true, false]);
  });

  it('keeps to its share over any course of events, strictly for those that were answered', () => {
    const event = fc.record({
      what: fc.constantFrom('request', 'request', 'request', 'retry', 'answered'),
      after: fc.constantFrom(0, 0, 10, 900, 4_000, 30_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), (events) => {
        const budget = new RetryBudget({ budgetRatio: 0.2, minPerSecond: 0.5 });
        let now = 0;
        const requests: number[] = [];
        const retries: number[] = [];
        const recent = (times: number[]): number =>
          times.filter((t) => Math.floor(now / 1000) - Math.floor(t / 1000) < 10).length;
        for (const { what, after } of events) {
          now += after;
          if (what === 'request') {
            budget.request(now);
            requests.push(now);
            continue;
          }
          const allowed = 0.2 * recent(requests) + (what === 'answered' ? 0 : 5);
          const taken = budget.take(now, what === 'answered');
          expect(taken).toBe(recent(retries) + 1 <= allowed);
          if (taken) retries.push(now);
        }
      }),
    );
  });

  it('always allows a few', () => {
    const budget = new RetryBudget({ budgetRatio: 0, minPerSecond: 1 });
    expect(Array.from({ length: 12 }, () => budget.take(0)).filter(Boolean)).toHaveLength(10);
  });
});

describe('a connection of HTTP/2 that is lost', () => {
  const unseen = http2Errors.LB_HTTP2_NOT_PROCESSED({ reason: 'REFUSED_STREAM' });

  it('counts as never reached when the instance has not begun, and all of the request is at hand', () => {
    expect(lossOf(unseen, true)).toBe('connect-failed');
    expect(lossOf(unseen, false)).toBe('upstream-reset');
    expect(lossOf(http2Errors.LB_HTTP2_CONNECTION_LOST(), true)).toBe('upstream-reset');
    expect(lossOf(undefined, true)).toBe('upstream-reset');
  });

  it('lets its endpoint be asked again at once, but only the first time', () => {
    const attempts = new Attempts('POST', 0, undefined);
    expect(attempts.isStale('connect-failed', false, false)).toBe(false);
    expect(attempts.isStale('connect-failed', true, false)).toBe(true);
    attempts.failed('t', 'connect-failed', true);
    expect(attempts.isStale('connect-failed', true, false)).toBe(false);
    expect(attempts.isStale('upstream-reset', true, false)).toBe(false);
    expect(attempts.isStale('upstream-reset', true, true)).toBe(true);
  });
});
