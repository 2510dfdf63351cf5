import type { InverseOfferStatus, Unavailability } from '../../mesos/index.ts';

/** An inverse offer that waits for an answer. */
export interface InverseOfferEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly unavailability: Unavailability;
  readonly expiresAt: number | undefined;
}

/** What was asked of frameworks because of planned maintenance, and what they said. */
export class InverseOffers {
  readonly offers = new Map<string, InverseOfferEntry>();
  /** By agent and framework. */
  readonly statuses = new Map<string, Map<string, InverseOfferStatus>>();
  readonly #filters = new Map<string, number>();

  /** Ask a framework nothing about an agent until then (monotonic milliseconds). */
  refuse(frameworkId: string, agentId: string, until: number): void {
    this.#filters.set(`${frameworkId}\n${agentId}`, until);
  }

  /** Whether a framework may be asked about an agent now: it has no question open and did not ask for quiet. */
  mayAsk(frameworkId: string, agentId: string, now: number): boolean {
    if ((this.#filters.get(`${frameworkId}\n${agentId}`) ?? now) > now) return false;
    for (const offer of this.offers.values())
      if (offer.frameworkId === frameworkId && offer.agentId === agentId) return false;
    return true;
  }

  /** Answers and refusals of an agent count no more: it is gone, or other times are planned for it. */
  forgetAgent(agentId: string): void {
    this.statuses.delete(agentId);
    for (const key of this.#filters.keys()) if (key.endsWith(`\n${agentId}`)) this.#filters.delete(key);
  }

  forgetFramework(frameworkId: string): void {
    for (const answers of this.statuses.values()) answers.delete(frameworkId);
    for (const key of this.#filters.keys()) if (key.startsWith(`${frameworkId}\n`)) this.#filters.delete(key);
  }

  prune(now: number): void {
    for (const [key, until] of this.#filters) if (until <= now) this.#filters.delete(key);
  }
}
