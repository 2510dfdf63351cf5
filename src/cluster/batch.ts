import type { Clock, Timer } from '../core/clock.ts';
import type { Change } from './model/index.ts';
import type { ClusterEvent } from './watch/index.ts';

/**
 * Gathers events so that a burst makes few catalog versions. The first event after a quiet time goes on at once, those
 * that follow within `windowMs` wait for its end together; deltas that wait become one.
 */
export class EventBatcher {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #deliver: (events: readonly ClusterEvent[]) => void;
  #waiting: ClusterEvent[] = [];
  #window: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, windowMs: number, deliver: (events: readonly ClusterEvent[]) => void) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#deliver = deliver;
  }

  add(event: ClusterEvent): void {
    if (this.#stopped) return;
    if (!this.#window) {
      this.#open();
      this.#deliver([event]);
      return;
    }
    // A snapshot stands for everything before it.
    if (event.kind === 'snapshot') this.#waiting = [];
    this.#waiting.push(event);
  }

  /** Deliver nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#window?.cancel();
    this.#waiting = [];
  }

  #open(): void {
    this.#window = this.#clock.after(this.#windowMs, () => {
      this.#window = undefined;
      if (this.#waiting.length === 0) return;
      const events = this.#waiting;
      this.#waiting = [];
      this.#open();
      this.#deliver(merged(events));
    });
  }
}

/** Deltas that follow each other as one. */
function merged(events: readonly ClusterEvent[]): ClusterEvent[] {
  const out: ClusterEvent[] = [];
  let changes: Change[] = [];
  const flush = (): void => {
    if (changes.length > 0) out.push({ kind: 'delta', changes });
    changes = [];
  };
  for (const event of events) {
    if (event.kind === 'delta') {
      for (const change of event.changes) changes.push(change);
      continue;
    }
    flush();
    out.push(event);
  }
  flush();
  return out;
}
