/**
 * How much of something a peer may do: so much at once, more as time passes, and more by honest work. The clock is asked
 * only when all is used up, so that spending costs nothing.
 */
export class Bucket {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #now: () => number;
  #left: number;
  #filledAt: number;

  /** `now`: monotonic milliseconds. */
  constructor(burst: number, perSecond: number, now: () => number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#now = now;
    this.#left = burst;
    this.#filledAt = now();
  }

  /** Take one; false when there is none left. */
  spend(): boolean {
    if (this.#left >= 1) {
      this.#left -= 1;
      return true;
    }
    const now = this.#now();
    this.earn(((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  earn(n: number): void {
    this.#left = Math.min(this.#burst, this.#left + n);
  }
}
