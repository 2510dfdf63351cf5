import { describe, expect, it } from 'vitest';
import { mayRetry, RetryBudget } from './retry.ts';

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

  it('always allows a few', () => {
    const budget = new RetryBudget({ budgetRatio: 0, minPerSecond: 1 });
    expect(Array.from({ length: 12 }, () => budget.take(0)).filter(Boolean)).toHaveLength(10);
  });
});
