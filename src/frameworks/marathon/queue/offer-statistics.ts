import type { Offer } from '../../../mesos/index.ts';
import type { ReasonCount, RejectReason } from '../offers/reasons.ts';
import { funnel } from '../offers/reasons.ts';

export interface UnusedOffer {
  readonly offer: Offer;
  readonly reasons: readonly [RejectReason, ...RejectReason[]];
  readonly atMs: number;
}

/** Agents whose last unused offer is remembered, at most. */
const MAX_REMEMBERED = 100;

/** What the offers that an app has seen since it waits came to. */
export class OfferStatistics {
  #processed = 0;
  #unused = 0;
  readonly #firstReasons = new Map<RejectReason, number>();
  readonly #lastByAgent = new Map<string, UnusedOffer>();
  lastUsedAtMs: number | undefined;
  lastUnusedAtMs: number | undefined;

  used(offer: Offer, atMs: number): void {
    this.#processed++;
    this.lastUsedAtMs = atMs;
    this.#lastByAgent.delete(offer.agent_id.value);
  }

  unused(offer: Offer, reasons: UnusedOffer['reasons'], atMs: number): void {
    this.#processed++;
    this.#unused++;
    this.lastUnusedAtMs = atMs;
    this.#firstReasons.set(reasons[0], (this.#firstReasons.get(reasons[0]) ?? 0) + 1);
    this.#lastByAgent.delete(offer.agent_id.value);
    this.#lastByAgent.set(offer.agent_id.value, { offer, reasons, atMs });
    if (this.#lastByAgent.size > MAX_REMEMBERED) {
      const [oldest] = this.#lastByAgent.keys();
      if (oldest !== undefined) this.#lastByAgent.delete(oldest);
    }
  }

  get processed(): number {
    return this.#processed;
  }

  get unusedCount(): number {
    return this.#unused;
  }

  lastUnused(): UnusedOffer[] {
    return [...this.#lastByAgent.values()];
  }

  /** The funnel over the last offer of each agent. */
  lastOffersFunnel(): ReasonCount[] {
    const declined = new Map<RejectReason, number>();
    for (const { reasons } of this.#lastByAgent.values())
      declined.set(reasons[0], (declined.get(reasons[0]) ?? 0) + 1);
    return funnel(this.#lastByAgent.size, declined);
  }

  /** The funnel over every offer seen. */
  launchAttemptFunnel(): ReasonCount[] {
    return funnel(this.#processed, this.#firstReasons);
  }
}
