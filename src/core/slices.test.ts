import { expect, it } from 'vitest';
import { restEvery, runAtOnce, runInSlices, sharedRest } from './slices.ts';
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

it('works that go on side by side share the time of a turn, and take turns', async () => {
  const clock = new FakeClock();
  const waiting: (() => void)[] = [];
  const steps: string[] = [];
  const rest = sharedRest(3, clock, (f) => waiting.push(f));
  const run = async (name: string, upTo: number): Promise<number> => {
    if (rest.due()) await rest.take();
    return runInSlices(
      counting(upTo, () => {
        steps.push(name);
        clock.advance(1);
      }),
      rest,
    );
  };
  const done = [run('a', 5), run('b', 4), run('c', 1)];
  const turns = [steps.splice(0).join('')];
  while (waiting.length > 0) {
    clock.advance(50);
    for (const f of waiting.splice(0)) f();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    turns.push(steps.splice(0).join(''));
  }
  expect(await Promise.all(done)).toEqual([5, 4, 1]);
  expect(turns.filter((turn) => turn !== '')).toEqual(['aaa', 'aa', 'bbb', 'c', 'b']);
});
