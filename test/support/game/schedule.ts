import { seededRandom } from '../../../src/core/random.ts';

/** Milliseconds. */
export interface Times {
  readonly totalMs: number;
  readonly betweenMs: readonly [number, number];
  readonly lastsMs: readonly [number, number];
}

export interface Step<Fault extends string> {
  /** Milliseconds to wait after the step before. */
  readonly afterMs: number;
  readonly fault: Fault;
  /** How long it lasts, milliseconds. */
  readonly forMs: number;
  /** From 0 to 1: which of those it may hit. */
  readonly pick: number;
}

/** What the nemesis will do: a function of the seed and of how long it may go on. Every fault comes once before any comes twice. */
export function schedule<Fault extends string>(
  seed: number,
  faults: readonly Fault[],
  times: Times,
): Step<Fault>[] {
  const random = seededRandom(seed);
  const within = ([least, most]: readonly [number, number]): number => least + random.int(most - least + 1);
  const steps: Step<Fault>[] = [];
  let left = times.totalMs;
  let bag: Fault[] = [];
  while (left > 0) {
    if (bag.length === 0) bag = [...faults];
    const [fault] = bag.splice(random.int(bag.length), 1);
    if (fault === undefined) break;
    const step = {
      afterMs: within(times.betweenMs),
      fault,
      forMs: within(times.lastsMs),
      pick: random.int(1_000_000) / 1_000_000,
    };
    steps.push(step);
    left -= step.afterMs + step.forMs;
  }
  return steps;
}
