import { describe, expect, it } from 'vitest';
import { SharedCounts } from './shared-counts.ts';

describe('counting connections over planes', () => {
  const limits = { maxConnections: 4, connectionsPerClient: 3 };

  it('holds the limits for all planes together', () => {
    const memory = SharedCounts.memory(2);
    const [one, two] = [new SharedCounts(memory, 0, 2), new SharedCounts(memory, 1, 2)];
    expect([one.open('a', limits), two.open('a', limits), one.open('a', limits)]).toEqual([true, true, true]);
    expect([one.open('a', limits), two.open('a', limits)]).toEqual([false, false]);
    expect([two.open('b', limits), two.open('c', limits)]).toEqual([true, false]);
    expect([one.own, two.own]).toEqual([2, 2]);
    one.close('a');
    expect([two.open('a', limits), one.open('c', limits)]).toEqual([true, false]);
  });

  it('forgets the connections of a plane that is gone', () => {
    const memory = SharedCounts.memory(2);
    const [one, two] = [new SharedCounts(memory, 0, 2), new SharedCounts(memory, 1, 2)];
    for (let i = 0; i < 3; i++) one.open('a', limits);
    expect(two.open('a', limits)).toBe(false);
    SharedCounts.clear(memory, 0);
    expect(two.open('a', limits)).toBe(true);
    for (let i = 0; i < 2; i++) expect(two.open('a', limits)).toBe(true);
    expect(new SharedCounts(memory, 0, 2).open('a', limits)).toBe(false);
  });
});
