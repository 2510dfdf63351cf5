import type { Clock, Timer } from '../../../core/clock.ts';
import { TimerWheel } from './timer-wheel.ts';

/**
 * Time as the event loop has it: `monotonic` stands still during a turn, so asking costs nothing and a timer set early in a
 * long turn counts from its beginning. Timers run on the loop.
 */
export class LoopClock implements Clock {
  readonly #time: Pick<Clock, 'now' | 'monotonic'>;
  readonly #wheel: TimerWheel;
  #now: number;

  constructor(time: Pick<Clock, 'now' | 'monotonic'>, onFault: (error: unknown) => void) {
    this.#time = time;
    this.#now = time.monotonic();
    this.#wheel = new TimerWheel(Math.floor(this.#now), onFault);
  }

  now(): number {
    return this.#time.now();
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, f: () => void): Timer {
    return this.#wheel.add(Math.ceil(this.#now + ms), 0, f);
  }

  every(ms: number, f: () => void): Timer {
    const period = Math.max(1, Math.round(ms));
    return this.#wheel.add(Math.ceil(this.#now + period), period, f);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#wheel.pending;
  }

  /** Look at the time again: at the beginning of a turn. */
  refresh(): void {
    this.#now = this.#time.monotonic();
  }

  runDue(): void {
    this.#wheel.advance(Math.floor(this.#now));
  }

  /** Milliseconds until a timer may be due, at most `most`. */
  wait(most: number): number {
    return Math.max(0, Math.min(most, Math.ceil(this.#wheel.next() - this.#now)));
  }
}
