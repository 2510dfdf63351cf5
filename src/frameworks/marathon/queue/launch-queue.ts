import type { Clock } from '../../../core/clock.ts';
import type { App } from '../apps/app.ts';
import { LaunchDelays } from './delays.ts';
import { OfferStatistics } from './offer-statistics.ts';

export interface QueueEntry {
  readonly app: App;
  /** Instances still to be launched. */
  readonly count: number;
  readonly sinceMs: number;
  readonly statistics: OfferStatistics;
}

/** What waits to be launched, and why it still waits. */
export class LaunchQueue {
  readonly #clock: Clock;
  readonly #entries = new Map<string, QueueEntry>();
  readonly delays = new LaunchDelays();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Set how many instances of `app` are to be launched; 0 takes it out. True when there is more to do than before. */
  want(app: App, count: number): boolean {
    const before = this.#entries.get(app.id);
    if (count <= 0) {
      this.#entries.delete(app.id);
      return false;
    }
    this.#entries.set(app.id, {
      app,
      count,
      sinceMs: before?.sinceMs ?? this.#clock.now(),
      statistics: before?.statistics ?? new OfferStatistics(),
    });
    return before === undefined || count > before.count || before.app.version !== app.version;
  }

  drop(appId: string): void {
    this.#entries.delete(appId);
  }

  /** One of the wanted instances is on its way. */
  launched(appId: string): void {
    const entry = this.#entries.get(appId);
    if (!entry) return;
    if (entry.count <= 1) this.#entries.delete(appId);
    else this.#entries.set(appId, { ...entry, count: entry.count - 1 });
  }

  get(appId: string): QueueEntry | undefined {
    return this.#entries.get(appId);
  }

  /** Longest waiting first. */
  entries(): QueueEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.sinceMs - b.sinceMs);
  }

  /** Those that may be launched at `now`, milliseconds. */
  ready(now = this.#clock.now()): QueueEntry[] {
    return this.entries().filter((e) => this.delays.untilMs(e.app) <= now);
  }

  /** When the next delay is over of those that are not at `now`; undefined when nothing is delayed. */
  nextReadyAtMs(now: number): number | undefined {
    let next: number | undefined;
    for (const { app } of this.#entries.values()) {
      const until = this.delays.untilMs(app);
      if (until > now && (next === undefined || until < next)) next = until;
    }
    return next;
  }
}
