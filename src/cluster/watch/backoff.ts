import type { Random } from '../../core/random.ts';

const FIRST_MS = 100;
const MAX_MS = 5_000;
/** A connection that lived this long was a good one. */
const GOOD_MS = 5_000;

/** Waits between attempts: 100 ms first, doubling to 5 s, each less up to a quarter so that edges do not march in step. */
export class Backoff {
  readonly #random: Random;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** How long to wait after an attempt that was connected for `livedMs`. */
  next(livedMs: number): number {
    if (livedMs >= GOOD_MS) this.#failures = 0;
    const base = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    return base * (1 - this.#random.next() / 4);
  }
}
