import type { Entry, Scene } from './entry.ts';
import type { Endpoint, Lease, Outcome } from './types.ts';

/** Of the average over all endpoints a single answer moves so much. */
const MEAN_WEIGHT = 1 / 64;
/** A failure counts as this many times the average latency, or it would make a broken endpoint look quick. */
const FAILURE_FACTOR = 8;

/** What all leases of one balancer share. */
export interface LeaseBook {
  readonly scene: Scene;
  /** Requests on all endpoints, also on those that are gone. */
  running: number;
  /** An endpoint has answered as it should. */
  rested(entry: Entry): void;
}

/** One request on one endpoint. */
export class EntryLease implements Lease {
  readonly endpoint: Endpoint;
  readonly #entry: Entry;
  readonly #book: LeaseBook;
  readonly #at: number;
  #settled = false;
  #answered = false;

  constructor(entry: Entry, book: LeaseBook, now: number) {
    this.endpoint = entry.endpoint;
    this.#entry = entry;
    this.#book = book;
    this.#at = now;
    entry.inFlight += 1;
    book.running += 1;
  }

  get stickyKey(): string {
    return this.#entry.stickyKey;
  }

  began(now: number): void {
    if (this.#answered) return;
    this.#answered = true;
    const ms = now - this.#at;
    const { scene } = this.#book;
    this.#entry.observe(ms, now);
    scene.meanLatency += scene.meanLatency === 0 ? ms : (ms - scene.meanLatency) * MEAN_WEIGHT;
  }

  settle(outcome: Outcome, now: number): void {
    if (this.#settled) throw new Error(`lease on ${this.endpoint.key} settled twice`);
    this.#settled = true;
    const entry = this.#entry;
    entry.inFlight -= 1;
    this.#book.running -= 1;
    if (outcome.kind === 'response') this.began(now);
    else if (outcome.kind === 'failed' && !this.#answered)
      entry.observe(Math.max(now - this.#at, this.#book.scene.meanLatency * FAILURE_FACTOR), now);
    entry.health.record(outcome, now);
    if (outcome.kind === 'response' && outcome.status < 500) this.#book.rested(entry);
  }
}
