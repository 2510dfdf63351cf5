import { describe, expect, it } from 'vitest';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { parseRate } from './config.ts';
import { GivingUp } from './giving-up.ts';

function line(everyMs: number | undefined): {
  clock: FakeClock;
  givingUp: GivingUp;
  gone: string[];
  missing: Set<string>;
  counts: string[];
} {
  const clock = new FakeClock();
  const gone: string[] = [];
  const counts: string[] = [];
  const missing = new Set(['a', 'b', 'c', 'd']);
  const givingUp = new GivingUp({
    clock,
    rate: everyMs === undefined ? undefined : { everyMs },
    missing: (id) => missing.has(id),
    giveUp: (id) => void gone.push(id),
    count: (what) => void counts.push(what),
  });
  return { clock, givingUp, gone, missing, counts };
}

describe('agents that do not answer', () => {
  it('are given up one by one at the rate, in the order in which they fell silent', () => {
    const { clock, givingUp, gone, counts } = line(60_000);
    for (const id of ['a', 'b', 'c', 'b']) givingUp.schedule(id);
    expect(gone).toEqual(['a']);
    clock.advance(59_999);
    expect(gone).toEqual(['a']);
    clock.advance(1);
    expect(gone).toEqual(['a', 'b']);
    clock.advance(60_000);
    expect(gone).toEqual(['a', 'b', 'c']);
    expect(clock.pending).toBe(0);
    expect(counts.filter((c) => c === 'scheduled')).toHaveLength(3);
  });

  it('stay when they answer before their turn, and give it to the next', () => {
    const { clock, givingUp, gone, missing, counts } = line(60_000);
    for (const id of ['a', 'b', 'c', 'd']) givingUp.schedule(id);
    missing.delete('b');
    givingUp.cancel('b');
    missing.delete('c'); // nobody said so
    clock.advance(60_000);
    expect(gone).toEqual(['a', 'd']);
    expect(counts.filter((c) => c === 'canceled')).toHaveLength(2);
    givingUp.cancel('d');
    expect(counts.filter((c) => c === 'canceled')).toHaveLength(2);
  });

  it('all go at once without a rate; nobody goes after the end', () => {
    const fast = line(undefined);
    for (const id of ['a', 'b', 'c']) fast.givingUp.schedule(id);
    expect(fast.gone).toEqual(['a', 'b', 'c']);
    const slow = line(1000);
    for (const id of ['a', 'b']) slow.givingUp.schedule(id);
    slow.givingUp.stop();
    slow.clock.advance(10_000);
    expect(slow.gone).toEqual(['a']);
  });

  it('the rate is written as in Apache Mesos', () => {
    expect(['1/10mins', '2/1hrs', ' 5 / 500ms ', '1/1.5secs'].map(parseRate)).toEqual([
      600_000, 1_800_000, 100, 1500,
    ]);
  });
});
