import { expect, it } from 'vitest';
import { restEvery, runAtOnce, runInSlices } from './slices.ts';
import type { Work } from './slices.ts';
import { FakeClock } from './testing/fake-clock.ts';

function* counting(upTo: number, step: () => void): Work<number> {
  let n = 0;
  for (; n < upTo; n++) {
    step();
    yield;
  }
  return n;
}

it('gives the event loop its turn whenever a slice has lasted long enough, and begins a new one after it', async () => {
  const clock = new FakeClock();
  const waiting: (() => void)[] = [];
  let steps = 0;
  const rest = restEvery(3, clock, (f) => waiting.push(f));
  const done = runInSlices(
    counting(7, () => {
      steps++;
      clock.advance(1);
    }),
    rest,
  );
  const seen: number[] = [];
  while (waiting.length > 0) {
    seen.push(steps);
    clock.advance(50); // what others do meanwhile is not our slice
    waiting.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  }
  expect(await done).toBe(7);
  expect(seen).toEqual([3, 6]);
});

it('runs at once where that is wanted', () => {
  let steps = 0;
  expect(runAtOnce(counting(5, () => steps++))).toBe(5);
  expect(steps).toBe(5);
});
