import type { Random } from '../../core/random.ts';

/** Exponential delays with full jitter between half and the whole: 0.2 s, 0.4 s, … up to `maxMs`. */
export class Backoff {
  readonly #random: Random;
  readonly #firstMs: number;
  readonly #maxMs: number;
  #next: number;

  constructor(random: Random, firstMs = 200, maxMs = 10_000) {
    this.#random = random;
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#next = firstMs;
  }

  delay(): number {
    const whole = this.#next;
    this.#next = Math.min(this.#maxMs, whole * 2);
    return whole / 2 + (whole / 2) * this.#random.next();
  }

  reset(): void {
    this.#next = this.#firstMs;
  }
}
