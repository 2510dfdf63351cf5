import type { Random } from './random.ts';

export interface BackoffOptions {
  /** The first wait, milliseconds. */
  readonly firstMs: number;
  /** Waits double up to this. */
  readonly maxMs: number;
  /** Each wait is shortened by chance by up to this share (0 to 1), so that many who wait do not march in step. */
  readonly jitter: number;
}

/** Growing waits between attempts. */
export class Backoff {
  readonly #random: Random;
  readonly #options: BackoffOptions;
  #whole: number;

  constructor(random: Random, options: BackoffOptions) {
    this.#random = random;
    this.#options = options;
    this.#whole = options.firstMs;
  }

  /** How long to wait now, milliseconds; the next wait is up to twice as long. */
  next(): number {
    const whole = this.#whole;
    this.#whole = Math.min(this.#options.maxMs, Math.max(1, whole) * 2);
    return whole * (1 - this.#options.jitter * this.#random.next());
  }

  /** The attempt went well: begin with the first wait again. */
  reset(): void {
    this.#whole = this.#options.firstMs;
  }
}
