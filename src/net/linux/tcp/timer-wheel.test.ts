import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { LoopClock } from './loop-clock.ts';
import { TimerWheel } from './timer-wheel.ts';

const fails = (error: unknown): void => {
  throw error;
};

/** Delays that meet the borders of all wheels. */
const delay = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 300_000 }),
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -2, max: 2 })).map(([n, d]) => 64 ** n + d),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant('after' as const), ms: delay, next: fc.option(delay) }),
  fc.record({ kind: fc.constant('every' as const), ms: fc.integer({ min: 3_000, max: 100_000 }) }),
  fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(30) }),
  fc.record({ kind: fc.constant('advance' as const), ms: delay.map((ms) => ms % 2 ** 24) }),
);

describe('TimerWheel', () => {
  it('does what a sorted list would: same timers, same order, same times', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.array(step, { maxLength: 60 }), (start, steps) => {
        const model = new FakeClock(start);
        const wheel = new TimerWheel(start, fails);
        let tick = start;
        const runs: string[][] = [[], []];
        const timers: { cancel(): void }[][] = [[], []];
        const set = [
          (ms: number, f: () => void) => model.after(ms, f),
          (ms: number, f: () => void) => wheel.add(tick + ms, 0, f),
        ];
        for (const [n, s] of steps.entries()) {
          if (s.kind === 'advance') {
            // The model has timers see the time they are due at; the wheel of a loop the time of its turn. So go in steps.
            const end = tick + s.ms;
            while (tick < end) {
              tick = Math.min(end, Math.max(tick + 1, wheel.next()));
              model.advance(tick - model.monotonic());
              wheel.advance(tick);
            }
          } else if (s.kind === 'cancel') {
            for (const side of timers) side[s.which]?.cancel();
          } else if (s.kind === 'every') {
            timers[0]?.push(model.every(s.ms, () => runs[0]?.push(`every ${n} at ${model.monotonic()}`)));
            timers[1]?.push(wheel.add(tick + s.ms, s.ms, () => runs[1]?.push(`every ${n} at ${tick}`)));
          } else {
            for (const side of [0, 1] as const) {
              const time = (): number => (side === 0 ? model.monotonic() : tick);
              const f = (): void => {
                runs[side]?.push(`${n} at ${time()}`);
                const { next } = s;
                if (next !== null)
                  set[side]?.(Math.max(1, next), () => runs[side]?.push(`${n} then ${time()}`));
              };
              const timer = set[side]?.(Math.max(1, s.ms), f);
              if (timer) timers[side]?.push(timer);
            }
          }
          // A timer that repeats is set again each time: among those of the same tick only the others keep their order.
          const once = (all: readonly string[] = []): string[] =>
            all.filter((run) => !run.startsWith('every'));
          expect(once(runs[1])).toEqual(once(runs[0]));
          expect(runs[1]?.toSorted()).toEqual(runs[0]?.toSorted());
          expect(wheel.pending).toBe(model.pending);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a timer that throws costs only itself, and one may cancel its neighbour of the same tick', () => {
    const faults: unknown[] = [];
    const wheel = new TimerWheel(0, (error) => faults.push(error));
    const seen: number[] = [];
    wheel.add(5, 0, () => {
      throw new Error('bug');
    });
    wheel.add(5, 0, () => {
      seen.push(1);
      neighbour.cancel();
      neighbour.cancel();
    });
    const neighbour = wheel.add(5, 0, () => seen.push(2));
    const again = wheel.add(5, 1, () => {
      seen.push(3);
      if (seen.length > 3) again.cancel();
    });
    wheel.advance(4);
    expect(seen).toEqual([]);
    wheel.advance(100); // what repeats is not made up for
    expect(seen).toEqual([1, 3]);
    wheel.advance(101);
    wheel.advance(102);
    wheel.advance(200);
    expect(seen).toEqual([1, 3, 3, 3]);
    expect(faults).toHaveLength(1);
    expect(wheel.pending).toBe(0);
    expect(wheel.next()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('LoopClock', () => {
  it('never fires early, says how long to sleep, and stands still between refreshes', () => {
    let time = 1000.7;
    const clock = new LoopClock({ now: () => 5, monotonic: () => time }, fails);
    let fired = 0;
    clock.after(10, () => fired++);
    expect(clock.wait(1_000)).toBe(11);
    time = 1010.6;
    expect(clock.monotonic()).toBe(1000.7);
    clock.refresh();
    clock.runDue();
    expect([fired, clock.wait(1_000)]).toEqual([0, 1]);
    time = 1011;
    clock.refresh();
    clock.runDue();
    expect([fired, clock.wait(1_000), clock.pending, clock.now()]).toEqual([1, 1_000, 0, 5]);
  });
});
