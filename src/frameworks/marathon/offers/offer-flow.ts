import type { Clock, Timer } from '../../../core/clock.ts';
import type { CallOutcome, SchedulerCall } from '../../driver/index.ts';

const RETRY_MS = 1_000;

export interface OfferFlowParts {
  readonly clock: Clock;
  readonly call: (call: SchedulerCall) => Promise<CallOutcome>;
  readonly kick: () => void;
}

/** Asks the master for offers when something new waits, and for none when nothing does. */
export class OfferFlow {
  readonly #parts: OfferFlowParts;
  #suppressed = false;
  #timer: Timer | undefined;

  constructor(parts: OfferFlowParts) {
    this.#parts = parts;
  }

  /** A new subscription begins with offers, and without filters. */
  subscribed(): void {
    this.#suppressed = false;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** `waiting`: something could be launched now. `rose`: since the last time there is more of it. */
  demand(waiting: boolean, rose: boolean): void {
    if (waiting && (rose || this.#suppressed)) void this.#revive();
    else if (!waiting && !this.#suppressed) {
      this.#suppressed = true;
      void this.#parts.call({ type: 'SUPPRESS' });
    }
  }

  async #revive(): Promise<void> {
    this.#suppressed = false;
    const outcome = await this.#parts.call({ type: 'REVIVE' });
    if (outcome.kind !== 'unknown') return;
    // The call got lost, which must not leave an app waiting for ever: take it for suppressed and try again.
    this.#suppressed = true;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(RETRY_MS, this.#parts.kick);
  }
}
