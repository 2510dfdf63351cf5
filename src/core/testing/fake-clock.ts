import type { Clock, Timer } from '../clock.ts';

interface Entry {
  at: number;
  readonly order: number;
  readonly every: number | undefined;
  readonly run: () => void;
}

/** A clock that moves only when told. Timers fire in time order, ties in the order they were set. */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  readonly #entries = new Set<Entry>();

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, f: () => void): Timer {
    return this.#add(ms, undefined, f);
  }

  every(ms: number, f: () => void): Timer {
    return this.#add(ms, ms, f);
  }

  /** How many timers are waiting (for leak checks). */
  get pending(): number {
    return this.#entries.size;
  }

  /** Move time on by `ms`, firing what falls due on the way at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#now = Math.max(this.#now, next.at);
      if (next.every === undefined) this.#entries.delete(next);
      else next.at += next.every;
      next.run();
    }
    this.#now = end;
  }

  /** As `advance`, letting promises settle between steps of `stepMs`. */
  async advanceAsync(ms: number, stepMs = ms): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left));
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
  }

  #due(end: number): Entry | undefined {
    let best: Entry | undefined;
    for (const e of this.#entries) {
      if (e.at > end) continue;
      if (!best || e.at < best.at || (e.at === best.at && e.order < best.order)) best = e;
    }
    return best;
  }

  #add(ms: number, every: number | undefined, run: () => void): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, ms), order: this.#order++, every, run };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }
}
