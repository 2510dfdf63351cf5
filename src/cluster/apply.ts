import type { Clock } from '../core/clock.ts';
import { runInSlices } from '../core/slices.ts';
import type { Rest } from '../core/slices.ts';
import type { CatalogBuilder, CatalogInput, CatalogStep } from './catalog/index.ts';
import type { ClusterEvent } from './watch/index.ts';

/** What comes from the watch, or from a scheduler past the master. */
export type Applied = ClusterEvent | Extract<CatalogInput, { readonly kind: 'declared' }>;

export interface ApplierParts {
  readonly builder: CatalogBuilder;
  readonly clock: Clock;
  readonly rest: Rest;
  /** Before an event is taken into the catalog, and after. */
  begin(event: Applied): void;
  end(event: Applied): void;
  publish(step: CatalogStep): void;
  failed(error: unknown): void;
}

/**
 * Takes events into the catalog, one after another and in their order: small ones at once, large ones with rests, while
 * those behind them wait.
 */
export class Applier {
  readonly #parts: ApplierParts;
  #waiting: Applied[] = [];
  #working = false;
  #stopped = false;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
  }

  add(events: readonly Applied[]): void {
    this.#waiting.push(...events);
    if (!this.#working) this.#go();
  }

  /** Take nothing more in, and show nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
  }

  #go(): void {
    for (;;) {
      const event = this.#waiting.shift();
      if (!event) return;
      const later = this.#take(event);
      if (!later) continue;
      this.#working = true;
      void later.finally(() => {
        this.#working = false;
        this.#go();
      });
      return;
    }
  }

  /** A promise when it takes longer than one slice. */
  #take(event: Applied): Promise<void> | undefined {
    const { builder, clock, rest } = this.#parts;
    this.#parts.begin(event);
    const work = builder.steps(event, clock.now());
    try {
      for (;;) {
        const step = work.next();
        if (step.done) return this.#done(event, step.value);
        if (rest.due()) break;
      }
    } catch (error) {
      return this.#failed(event, error);
    }
    return rest
      .take()
      .then(() => runInSlices(work, rest))
      .then(
        (step) => this.#done(event, step),
        (error: unknown) => this.#failed(event, error),
      );
  }

  #done(event: Applied, step: CatalogStep | undefined): undefined {
    if (this.#stopped) return;
    if (step) this.#parts.publish(step);
    this.#parts.end(event);
  }

  #failed(event: Applied, error: unknown): undefined {
    this.#parts.failed(error);
    this.#parts.end(event);
  }
}
