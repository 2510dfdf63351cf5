import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import { allProcesses } from './proc.ts';
import type { ProcessStat } from './proc.ts';

/** At most so often is /proc read as a whole, however many trees are dying: a look costs milliseconds. */
const INTERVAL_MS = 20;

/** Looks at all processes of the machine, one look shared by everyone who waits for it. */
export class Census {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #next: Promise<readonly ProcessStat[]> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** A look taken after this call, as soon as one is due. */
  next(): Promise<readonly ProcessStat[]> {
    this.#next ??= this.#look();
    return this.#next;
  }

  async #look(): Promise<readonly ProcessStat[]> {
    const wait = Math.max(0, this.#lastAt + INTERVAL_MS - this.#clock.monotonic());
    await sleep(this.#clock, wait, this.#signal);
    this.#next = undefined;
    this.#lastAt = this.#clock.monotonic();
    return allProcesses();
  }
}
