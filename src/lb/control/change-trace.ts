import type { Clock } from '../../core/clock.ts';

/** A change that all planes route by. Times are monotonic milliseconds of the main thread. */
export interface ChangeApplied {
  readonly version: number;
  /** When the catalog had changed. */
  readonly since: number;
  /** When the planes had been told. */
  readonly sent: number;
  /** When the last of them had said that it routes by it. */
  readonly applied: number;
}

interface Sent {
  readonly since: number;
  readonly sent: number;
  readonly missing: Set<number>;
}

/** Follows each change until every plane routes by it. */
export class ChangeTrace {
  readonly #clock: Clock;
  readonly #onApplied: (change: ChangeApplied) => void;
  readonly #open = new Map<number, Sent>();

  constructor(clock: Clock, onApplied: (change: ChangeApplied) => void) {
    this.#clock = clock;
    this.#onApplied = onApplied;
  }

  sent(version: number, since: number, planes: readonly number[]): void {
    this.#open.set(version, { since, sent: this.#clock.monotonic(), missing: new Set(planes) });
  }

  /** A plane that has applied a version has applied all before it. */
  applied(plane: number, version: number): void {
    for (const [open, change] of this.#open) {
      if (open > version) break;
      this.#without(plane, open, change);
    }
  }

  /** A plane is gone: nothing is served by what it does not know. */
  gone(plane: number): void {
    for (const [open, change] of this.#open) this.#without(plane, open, change);
  }

  #without(plane: number, version: number, { since, sent, missing }: Sent): void {
    missing.delete(plane);
    if (missing.size > 0) return;
    this.#open.delete(version);
    this.#onApplied({ version, since, sent, applied: this.#clock.monotonic() });
  }
}
