import type { Clock, Timer } from '../../core/clock.ts';

/** What an executor has only so much time for: to subscribe, or to end. */
export class Deadline {
  readonly #clock: Clock;
  #begin: (() => Timer) | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It has `ms` milliseconds from now, unless it has `begun`; then `missed` is called. What was to be done before counts no more. */
  set(ms: number, missed: () => void, begun = false): void {
    this.#begin = () => this.#clock.after(ms, missed);
    this.again();
    if (begun) this.hold();
  }

  /** It has begun, and may take as long as it takes. */
  hold(): void {
    this.#timer?.cancel();
  }

  /** It was broken off: the time begins anew. */
  again(): void {
    this.#timer?.cancel();
    this.#timer = this.#begin?.();
  }

  /** It is done. */
  met(): void {
    this.#timer?.cancel();
    this.#begin = undefined;
  }
}
