import type { Clock } from '../../core/clock.ts';

/** Calls are handled for so long in one turn of the event loop; the others wait for the next. */
const SLICE_MS = 8;

/** Who calls. */
export type Caller = 'agent' | 'scheduler';

/**
 * The calls of agents and of schedulers, those of each kind in the order in which they came. Thousands may come with one look at the sockets:
 * a framework that was offered a whole cluster answers in one breath. What is not a call (other requests, timers, streams) must not wait for
 * all of them, nor must what agents tell wait for what schedulers want: they take turns.
 */
export class CallLine {
  readonly #clock: Clock;
  readonly #later: (f: () => void) => void;
  readonly #waiting = { agent: new Fifo(), scheduler: new Fifo() };
  /** Monotonic time at which this turn began; undefined: no call came in it. */
  #began: number | undefined;

  /** `later` runs a function when the event loop has gone round: setImmediate. */
  constructor(clock: Clock, later: (f: () => void) => void) {
    this.#clock = clock;
    this.#later = later;
  }

  /** What `handle` returns, or a promise of it when it has to wait. */
  take(caller: Caller, handle: () => unknown): unknown {
    const waiting = this.#waiting[caller];
    if (waiting.length === 0 && this.#hasTime()) return handle();
    return new Promise((resolve, reject) => {
      waiting.push(() => {
        try {
          resolve(handle());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #hasTime(): boolean {
    const now = this.#clock.monotonic();
    if (this.#began === undefined) {
      this.#began = now;
      this.#later(() => this.#goOn());
    }
    return now - this.#began < SLICE_MS;
  }

  #goOn(): void {
    this.#began = undefined;
    const { agent, scheduler } = this.#waiting;
    while (agent.length + scheduler.length > 0 && this.#hasTime()) {
      agent.next()?.();
      scheduler.next()?.();
    }
  }
}

/** First in, first out; `Array.shift` moves all that is behind. */
class Fifo {
  #items: (() => void)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: () => void): void {
    this.#items.push(item);
  }

  next(): (() => void) | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#first += 1;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    }
    return item;
  }
}
