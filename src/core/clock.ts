/** A timer that can be cancelled; cancelling twice is harmless. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as a dependency. Everything that waits or stamps takes a Clock, so that a test (or a simulation) owns time.
 * Nothing but this file calls `Date.now` or sets a timer (lint enforces it).
 */
export interface Clock {
  /** Wall-clock time, milliseconds since the epoch. Use for timestamps that leave the process. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. Use for intervals and deadlines. */
  monotonic(): number;
  /** Run `f` once after `ms`. */
  after(ms: number, f: () => void): Timer;
  /** Run `f` every `ms` (every 24 days at least), first after `ms`. */
  every(ms: number, f: () => void): Timer;
}

/** The longest time that setTimeout can wait; with a longer one it would not wait at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** Taken once: the global goes through a getter at each use, and threads that answer look at the clock for every batch. */
const { performance } = globalThis;

/** The machine's clock. What repeats does not keep the process alive on its own; what happens once does. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, f) {
    let handle: NodeJS.Timeout;
    const wait = (left: number): void => {
      if (left > LONGEST_MS) handle = setTimeout(() => wait(left - LONGEST_MS), LONGEST_MS);
      else handle = setTimeout(f, left);
    };
    wait(ms);
    return { cancel: () => clearTimeout(handle) };
  },
  every(ms, f) {
    const handle = setInterval(f, Math.min(ms, LONGEST_MS));
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/**
 * A clock whose time of day goes on evenly from now, whatever happens to that of the machine: for durations between times
 * that are written down. A step of the machine's clock must make nothing early or late.
 */
export function steadyClock(clock: Clock): Clock {
  const offset = clock.now() - clock.monotonic();
  return {
    now: () => Math.round(offset + clock.monotonic()),
    monotonic: () => clock.monotonic(),
    after: (ms, f) => clock.after(ms, f),
    every: (ms, f) => clock.every(ms, f),
  };
}

/** Resolve after `ms`, or at once when `signal` aborts (it never rejects: a stop is not an error). */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
