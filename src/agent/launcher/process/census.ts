import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import type { ProcessStat, ProcessTable } from './process-table.ts';

/** At most so often are all processes looked at, however many trees are dying: a look costs milliseconds. */
const INTERVAL_MS = 20;

/** Looks at all processes of the machine, one look shared by everyone who waits for it. */
export class Census {
  readonly table: ProcessTable;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #next: Promise<readonly ProcessStat[]> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(table: ProcessTable, clock: Clock, signal: AbortSignal) {
    this.table = table;
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
    return this.table.all();
  }
}
