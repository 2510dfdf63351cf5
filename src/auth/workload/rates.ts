import type { Clock } from '../../core/clock.ts';

/** How much may be asked for at once, in seconds of the rate. */
const BURST_SECONDS = 10;
/** Of those who asked lately; who is forgotten begins with a full bucket. */
const MOST_KNOWN = 10_000;

/** A bucket for each who asks, filled at a steady rate (tokens a second). */
export class Rates {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #levels = new Map<string, { readonly atMs: number; readonly level: number }>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Whether there is one left; takes it. */
  take(who: string): boolean {
    const atMs = this.#clock.monotonic();
    const most = Math.max(1, this.#perSecond * BURST_SECONDS);
    const before = this.#levels.get(who) ?? { atMs, level: most };
    const level = Math.min(most, before.level + ((atMs - before.atMs) / 1000) * this.#perSecond);
    this.#levels.delete(who); // the one that has asked last stands last
    this.#levels.set(who, { atMs, level: level >= 1 ? level - 1 : level });
    if (this.#levels.size > MOST_KNOWN) this.#levels.delete(this.#levels.keys().next().value ?? '');
    return level >= 1;
  }
}
