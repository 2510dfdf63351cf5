import type { Clock } from './clock.ts';

/**
 * Long work that can be interrupted: a generator that yields wherever it may rest. The same code runs at once where
 * that is wanted (tests, small inputs), or in slices between which the event loop gets its turn.
 */
export type Work<T> = Generator<undefined, T, undefined>;

/** Decides when work has run for long enough, and lets everything else have its turn. */
export interface Rest {
  /** Whether this slice has lasted long enough. */
  due(): boolean;
  /** Resolves when the event loop has gone round; the next slice begins then. */
  take(): Promise<void>;
}

/** Do all of it now. */
export function runAtOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Do all of it, with a rest whenever one is due. */
export async function runInSlices<T>(work: Work<T>, rest: Rest): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (rest.due()) await rest.take();
  }
}

/** Rests after `ms` of work. `later` runs a function when the event loop has gone round: setImmediate. */
export function restEvery(ms: number, clock: Clock, later: (f: () => void) => void): Rest {
  let began = clock.monotonic();
  return {
    due: () => clock.monotonic() - began >= ms,
    take: () =>
      new Promise((resolve) => {
        later(() => {
          began = clock.monotonic();
          resolve();
        });
      }),
  };
}

/**
 * Rests for works that go on side by side and share the time: together they have `ms` of a turn of the event loop, one after the other. `later` runs
 * a function when the loop has gone round: setImmediate.
 */
export function sharedRest(ms: number, clock: Clock, later: (f: () => void) => void): Rest {
  const waiting: (() => void)[] = [];
  /** Monotonic time at which the works of this turn began; undefined: there were none. */
  let began: number | undefined;
  const begin = (): number => {
    later(() => {
      began = undefined;
      const next = waiting.shift();
      if (!next) return;
      began = begin();
      next();
    });
    return clock.monotonic();
  };
  return {
    due() {
      began ??= begin();
      return clock.monotonic() - began >= ms;
    },
    take: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        began ??= begin();
      }),
  };
}
