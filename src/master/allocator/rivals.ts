import type { Amounts } from './amounts.ts';

/** What shares are measured by: thousandths of each scalar in the whole cluster. */
export type ClusterTotal = Amounts;

/**
 * One who competes with its siblings: a framework with the others of its role, a role with those beside it. The lower its
 * dominant share, the earlier its turn (Ghodsi et al., Dominant Resource Fairness, NSDI 2011).
 */
export class Rival {
  readonly name: string;
  readonly #weight: number;
  readonly #held: Map<string, number>;
  /** The largest part it holds of any kind of scalar, divided by its weight. */
  share: number;
  /** Since when it waits, by the count of the allocator's turns; breaks ties. */
  since = 0;

  constructor(name: string, weight: number, held: Amounts, total: ClusterTotal) {
    this.name = name;
    this.#weight = weight;
    this.#held = new Map(held);
    this.share = 0;
    for (const resource of held.keys()) this.#raise(resource, total);
  }

  /** It has been given this; its turn comes later from now on. */
  give(amounts: Amounts, total: ClusterTotal, since: number): void {
    for (const [resource, millis] of amounts) {
      this.#held.set(resource, (this.#held.get(resource) ?? 0) + millis);
      this.#raise(resource, total);
    }
    this.since = since;
  }

  #raise(resource: string, total: ClusterTotal): void {
    const whole = total.get(resource) ?? 0;
    if (whole <= 0) return;
    const share = (this.#held.get(resource) ?? 0) / whole / this.#weight;
    if (share > this.share) this.share = share;
  }
}

/** Lower share first (mesos-api.md §1.7); among equals who has waited longer. */
export function compareRivals(a: Rival, b: Rival): number {
  if (a.share !== b.share) return a.share - b.share;
  if (a.since !== b.since) return a.since - b.since;
  return a.name < b.name ? -1 : 1;
}

/** Put one that was given something back in order among its sorted siblings: it can only have moved towards the end. */
export function moveBack<T extends Rival>(sorted: T[], rival: T): void {
  let i = sorted.indexOf(rival);
  for (let next = sorted[i + 1]; next !== undefined && compareRivals(rival, next) > 0; next = sorted[i + 1]) {
    sorted[i] = next;
    sorted[++i] = rival;
  }
}
