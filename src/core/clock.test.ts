import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sleep, steadyClock, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { FakeClock } from './testing/fake-clock.ts';

describe('systemClock', () => {
  it('fires once after the time, repeats until cancelled, and can be cancelled', async () => {
    const begun = systemClock.monotonic();
    const seen: string[] = [];
    systemClock.after(1, () => seen.push('never')).cancel();
    await new Promise<void>((done) => {
      const timer = systemClock.every(2, () => {
        seen.push('tick');
        if (seen.length === 3) {
          timer.cancel();
          timer.cancel();
          systemClock.after(5, done);
        }
      });
      systemClock.after(1_000, () => {}).cancel();
      systemClock.after(60, () => {}); // holds the loop open: intervals alone do not
    });
    expect(seen).toEqual(['tick', 'tick', 'tick']);
    expect(systemClock.monotonic() - begun).toBeGreaterThan(5);
    expect(systemClock.now()).toBeGreaterThan(1_600_000_000_000);
  });
});

const DAY = 24 * 3600 * 1000;

describe('systemClock with times beyond what the system can wait', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits them out', () => {
    const f = vi.fn();
    systemClock.after(60 * DAY, f);
    vi.advanceTimersByTime(60 * DAY - 1);
    expect(f).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(f).toHaveBeenCalledTimes(1);
    const cancelled = systemClock.after(60 * DAY, f);
    vi.advanceTimersByTime(30 * DAY);
    cancelled.cancel();
    vi.advanceTimersByTime(60 * DAY);
    expect(f).toHaveBeenCalledTimes(1);
  });

  it('repeats too often rather than without pause', () => {
    const f = vi.fn();
    const timer = systemClock.every(60 * DAY, f);
    vi.advanceTimersByTime(24 * DAY);
    expect(f).not.toHaveBeenCalled();
    vi.advanceTimersByTime(DAY);
    expect(f).toHaveBeenCalledTimes(1);
    timer.cancel();
  });
});

describe('FakeClock', () => {
  it('fires in time order, ties in the order they were set, each at its own time', () => {
    const clock = new FakeClock(0);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.every(10, () => seen.push(`every@${clock.now()}`));
    clock.after(10, () => seen.push(`a@${clock.now()}`));
    clock.advance(25);
    expect(seen).toEqual(['every@10', 'a@10', 'b@20', 'every@20']);
    expect(clock.now()).toBe(25);
  });

  it('fires what a timer sets while it is being moved on', () => {
    const clock = new FakeClock(0);
    const seen: number[] = [];
    clock.after(1, () => clock.after(1, () => seen.push(clock.now())));
    clock.advance(5);
    expect(seen).toEqual([2]);
    expect(clock.pending).toBe(0);
  });
});

describe('sleep', () => {
  it('ends after the time, or at once when told, and leaves no timer', async () => {
    const clock = new FakeClock();
    let over = false;
    const slept = sleep(clock, 100).then(() => (over = true));
    await clock.advanceAsync(99);
    expect(over).toBe(false);
    await clock.advanceAsync(1);
    await slept;
    const controller = new AbortController();
    const cut = sleep(clock, 1_000_000, controller.signal);
    controller.abort();
    await cut;
    await sleep(clock, 1_000_000, controller.signal);
    expect(clock.pending).toBe(0);
  });
});

describe('the steady clock', () => {
  it('goes on evenly when the clock of the machine is set', () => {
    const clock = new FakeClock(1_000);
    let step = 0;
    const stepped: Clock = {
      now: () => clock.now() + step,
      monotonic: () => clock.monotonic(),
      after: (ms, f) => clock.after(ms, f),
      every: (ms, f) => clock.every(ms, f),
    };
    const steady = steadyClock(stepped);
    clock.advance(500);
    step = 3_600_000;
    expect(steady.now()).toBe(1_500);
    step = -3_600_000;
    clock.advance(500);
    expect(steady.now()).toBe(2_000);
  });
});
