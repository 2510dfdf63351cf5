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
  /** Run `f` every `ms`, first after `ms`. */
  every(ms: number, f: () => void): Timer;
}

/** The machine's clock. Its timers do not keep the process alive on their own. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, f) {
    const handle = setTimeout(f, ms);
    return { cancel: () => clearTimeout(handle) };
  },
  every(ms, f) {
    const handle = setInterval(f, ms);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

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
