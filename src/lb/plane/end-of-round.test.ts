import { describe, expect, it } from 'vitest';
import type { Timer } from '../../core/clock.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { endOfRound } from './end-of-round.ts';

/** Timers of that engine wait for its next tick at least. */
class TickingClock extends FakeClock {
  override after(ms: number, f: () => void): Timer {
    return super.after(Math.max(1, ms), f);
  }
}

const immediate = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const microtasks = async (): Promise<void> => {
  for (let i = 0; i < 1_000; i++) await Promise.resolve();
};

describe('the end of a round of the linux engine', () => {
  it('comes after the handlers that run now, in order, without a timer', async () => {
    const clock = new FakeClock();
    const defer = endOfRound({ engine: 'linux', clock });
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) defer(() => seen.push(name));
    expect(seen).toEqual([]);
    await microtasks();
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(clock.pending).toBe(0);
  });

  it('what is put off then comes after all that was put off before', async () => {
    const defer = endOfRound({ engine: 'linux', clock: new FakeClock() });
    const seen: string[] = [];
    defer(() => {
      seen.push('a');
      defer(() => seen.push('a again'));
    });
    defer(() => seen.push('b'));
    await microtasks();
    expect(seen).toEqual(['a', 'b', 'a again']);
  });

  it('who puts something off again and again lets the engine have its turns', async () => {
    const clock = new TickingClock();
    const defer = endOfRound({ engine: 'linux', clock });
    let times = 0;
    const again = (): void => {
      times += 1;
      defer(again);
    };
    defer(again);
    await microtasks();
    const first = times;
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(100);
    expect(clock.pending).toBe(1);
    // The next turn of the engine: its clock has moved on.
    clock.advance(1);
    await microtasks();
    expect(times).toBeGreaterThan(first);
    expect(times).toBeLessThan(first + 100);
    expect(clock.pending).toBe(1);
  });
});

describe('the end of a round of the portable engine', () => {
  it('is that of the event loop', async () => {
    const defer = endOfRound({ engine: 'portable', clock: new FakeClock() });
    const seen: string[] = [];
    defer(() => seen.push('a'));
    defer(() => seen.push('b'));
    await microtasks();
    expect(seen).toEqual([]);
    await immediate();
    expect(seen).toEqual(['a', 'b']);
  });
});
