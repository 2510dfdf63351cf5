import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import type { Quantities } from '../launcher.ts';
import type { Changes } from './changes.ts';
import type { Engine } from './engine.ts';
import { isDown } from './engine.ts';
import { changedLimits } from './limits.ts';

/** How soon it is tried again: at first, and at most, and at most where the engine refuses, which it writes into its log. */
const RETRY_MS = 200;
const RETRY_MAX_MS = 5_000;
const REFUSED_MAX_MS = 60_000;

/** What came of one try. `later`: all but memory, which is to be given back first. */
type Outcome = 'done' | 'later' | 'down' | 'refused';

/** What it needs of the container that it limits. */
export interface LimiterParts {
  readonly engine: Pick<Engine, 'soon'>;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly id: string;
  readonly containerId: string;
  /** Aborts when the container is over, or the launcher is closed. */
  readonly over: AbortSignal;
}

/** Holds one container to what was asked for last, one change at a time, and tries again until the engine has taken it. */
export class Limiter {
  readonly #parts: LimiterParts;
  /** What the engine is known to hold it to. */
  #held: string | undefined;
  #wanted: Quantities | undefined;
  /** Who has asked since the last try began. */
  #asking: PromiseWithResolvers<void>[] = [];
  /** Aborts when somebody asks for something else. */
  #news = new AbortController();
  #busy = false;

  /** `created`: what it was created with, where that is known. */
  constructor(parts: LimiterParts, created: Quantities | undefined) {
    this.#parts = parts;
    this.#held = created && keyOf(created);
  }

  /**
   * Resolves when it has this, or what was asked for since; but for memory that it has to give back first. Rejects where the engine refuses, or is
   * silent for a few seconds: it follows when the engine can.
   */
  async hold(quantities: Quantities): Promise<void> {
    const { engine, over } = this.#parts;
    if (over.aborted) return;
    const asked = Promise.withResolvers<void>();
    this.#wanted = quantities;
    this.#asking.push(asked);
    this.#news.abort();
    if (!this.#busy) void this.#work();
    await engine.soon(() => asked.promise);
  }

  async #work(): Promise<void> {
    const { clock, over } = this.#parts;
    this.#busy = true;
    let wait = RETRY_MS;
    let before: Outcome = 'done';
    while (this.#wanted && !over.aborted) {
      const news = new AbortController();
      this.#news = news;
      const wanted = this.#wanted;
      const outcome = await this.#try(wanted, before);
      if (this.#wanted !== wanted) wait = RETRY_MS;
      else if (outcome === 'done') this.#wanted = undefined;
      else {
        await sleep(clock, wait, AbortSignal.any([over, news.signal]));
        wait = Math.min(2 * wait, outcome === 'refused' ? REFUSED_MAX_MS : RETRY_MAX_MS);
      }
      before = this.#wanted === wanted ? outcome : 'done';
    }
    this.#busy = false;
    for (const asked of this.#asking.splice(0)) asked.resolve(); // nothing is left to be limited
  }

  async #try(quantities: Quantities, before: Outcome): Promise<Outcome> {
    const { changes, log, id, containerId, over } = this.#parts;
    const asking = this.#asking.splice(0);
    try {
      const key = keyOf(quantities);
      if (this.#held !== key) {
        this.#held = undefined;
        if (await changes.make(id, quantities, before === 'later')) this.#held = key;
      }
      for (const asked of asking) asked.resolve();
      return this.#held === key ? 'done' : 'later';
    } catch (error) {
      const outcome = isDown(error) ? 'down' : 'refused';
      if (outcome !== before && !over.aborted)
        log.warn(
          { containerId, error: errorText(error) },
          'failed to change the limits of a container; trying again',
        );
      // an engine that starts again may be back before they have waited for long
      if (outcome === 'down') this.#asking.unshift(...asking);
      else for (const asked of asking) asked.reject(error);
      return outcome;
    }
  }
}

const keyOf = (quantities: Quantities): string => JSON.stringify(changedLimits(quantities));
