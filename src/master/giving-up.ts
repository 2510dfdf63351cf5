import type { Clock, Timer } from '../core/clock.ts';

/** So many agents in so long, spread evenly: one token, and the time in which there is another one. */
export interface RemovalRate {
  readonly everyMs: number;
}

interface GivingUpParts {
  readonly clock: Clock;
  /** Undefined: as fast as the registry writes. */
  readonly rate: RemovalRate | undefined;
  /** Whether the agent is still missing. */
  readonly missing: (agentId: string) => boolean;
  /** Write it to the registry and act on it; asked for one agent after the other. */
  readonly giveUp: (agentId: string) => void;
  readonly count: (what: 'scheduled' | 'canceled') => void;
}

/**
 * Agents that do not answer wait here for their turn to be marked unreachable, so that a broken network or a mistake does
 * not make a whole cluster's tasks move at once (`agentRemovalRateLimit`). An agent that answers leaves the line.
 */
export class GivingUp {
  readonly #parts: GivingUpParts;
  readonly #waiting = new Set<string>();
  #nextAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(parts: GivingUpParts) {
    this.#parts = parts;
  }

  schedule(agentId: string): void {
    if (this.#waiting.has(agentId)) return;
    this.#waiting.add(agentId);
    this.#parts.count('scheduled');
    this.#serve();
  }

  /** It has answered, or left in another way. */
  cancel(agentId: string): void {
    if (this.#waiting.delete(agentId)) this.#parts.count('canceled');
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #serve(): void {
    const { clock, rate, missing, giveUp } = this.#parts;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const agentId of this.#waiting) {
      if (!missing(agentId)) {
        this.cancel(agentId);
        continue;
      }
      const now = clock.monotonic();
      if (now < this.#nextAt) {
        this.#timer = clock.after(this.#nextAt - now, () => this.#serve());
        return;
      }
      this.#nextAt = now + (rate?.everyMs ?? 0);
      this.#waiting.delete(agentId);
      giveUp(agentId);
    }
  }
}
