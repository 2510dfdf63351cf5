import type { Random } from '../../core/random.ts';

const MAX_MS = 60_000;

/** Random delays in [0, b], b doubling from `firstMs` up to a minute (mesos-api.md §4.2). */
export class Backoff {
  readonly #firstMs: number;
  readonly #random: Random;
  #bound: number;

  constructor(firstMs: number, random: Random) {
    this.#firstMs = firstMs;
    this.#random = random;
    this.#bound = firstMs;
  }

  next(): number {
    const delay = this.#random.next() * this.#bound;
    this.#bound = Math.min(MAX_MS, Math.max(1, this.#bound) * 2);
    return delay;
  }

  reset(): void {
    this.#bound = this.#firstMs;
  }
}
