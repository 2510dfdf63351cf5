import type { Clock } from '../../core/clock.ts';
import type { Entry } from './entry.ts';
import type { Endpoint } from './types.ts';

/** While weights grow they are looked at this often. */
const STEP_MS = 100;
/** A newcomer begins with this part of its weight: with nothing it would never be tried. */
const FIRST = 0.05;

/** Gives newcomers their weight little by little, linearly, so that caches and compilers can warm up. */
export class SlowStart {
  readonly #ms: number;
  readonly #clock: Clock;
  /** Endpoints are known: who comes from now on is a newcomer. */
  begun = false;

  constructor(ms: number, clock: Clock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** The entry is new, or about to become `next`: its slow start begins when it is first up. */
  changed(entry: Entry, next: Endpoint | undefined): void {
    if (this.#ms === 0) return;
    const endpoint = next ?? entry.endpoint;
    if (endpoint.phase !== 'up') return;
    const isFirstUp = next === undefined || entry.endpoint.phase === 'waiting';
    if (endpoint.firstUpAt !== undefined) {
      const age = Math.max(0, this.#clock.now() - endpoint.firstUpAt);
      entry.rampFrom = this.#clock.monotonic() - age;
    } else if (isFirstUp && this.begun) entry.rampFrom = this.#clock.monotonic();
  }

  /** Set what everybody weighs now; returns when to look again (monotonic milliseconds, infinite when all is said). */
  weigh(entries: readonly Entry[], now: number): number {
    let growing = false;
    for (const entry of entries) {
      const weight = entry.endpoint.weight ?? 1;
      const part = this.#ms === 0 ? 1 : Math.max(FIRST, (now - entry.rampFrom) / this.#ms);
      entry.share = weight * Math.min(1, part);
      growing ||= part < 1;
    }
    return growing ? now + STEP_MS : Number.POSITIVE_INFINITY;
  }
}
