import { Dice } from './dice.ts';
import type { Endpoint, HealthState } from './types.ts';

const LATENCY_MEMORY_MS = 10_000;
const LATENCY_MEMORY_ANSWERS = 32;
/** Before so many answers a latency says nothing: the first ones open connections and warm everything up. */
const LATENCY_KNOWN_AFTER = 8;
/** Requests that an endpoint is owed at most, or has had too many of: who was away for long is not flooded. */
const OWED = 16;

/** What stands against an endpoint whatever the moment. */
export const Standing = { GOOD: 0, UNHEALTHY: 1, UNPROVEN: 2 } as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/** An endpoint and the requests that run on it. Outlives its place in the list while requests run. */
export class Entry {
  endpoint: Endpoint;
  readonly health: HealthState;
  /** Empty where clients do not stick. */
  readonly stickyKey: string;
  standing: Standing = Standing.GOOD;
  inFlight = 0;
  /** How many times it was asked again (`Warm`). */
  inRow = 0;
  /** Most requests at a time. */
  limit: number;
  /** Its weight at the moment: less than the configured one while it starts slowly. */
  share = 1;
  /** Requests it has had, for its weight, as `Scene.served` counts them. */
  served = 0;
  /** Number of the update that named it last. */
  update = 0;
  /** Its slot in a ring, -1 without one, and how many points it has there. */
  slot = -1;
  points = 0;
  /** It is among those that a ring is for; what it has there is passed over otherwise. */
  onRing = false;
  /** Monotonic milliseconds at which its slow start began; -Infinity when it has none. */
  rampFrom = Number.NEGATIVE_INFINITY;
  /** Moving average of the time to the first byte, milliseconds; negative before the first answer. */
  latency = -1;
  #latencyAt = 0;
  #latencies = 0;

  constructor(endpoint: Endpoint, health: HealthState, stickyKey: string, limit: number) {
    this.endpoint = endpoint;
    this.health = health;
    this.stickyKey = stickyKey;
    this.limit = limit;
  }

  /** Takes requests at all, were it well. */
  get isMember(): boolean {
    return this.endpoint.phase === 'up' && this.endpoint.weight !== 0;
  }

  /** It gets a request. `mean`: what all have had on average, from which nobody is far for long. */
  serve(mean: number): void {
    const { share } = this;
    if (share === 0) return;
    const owed = OWED / share;
    this.served = Math.min(Math.max(this.served, mean - owed), mean + owed) + 1 / share;
  }

  /** There were enough answers to go by. */
  get isMeasured(): boolean {
    return this.#latencies >= LATENCY_KNOWN_AFTER;
  }

  /**
   * Take in a latency. It is the mean of the first 32; after that each counts by the time since the last one against ten
   * seconds, a thirty-second at least: busy endpoints are judged by their last few dozen answers, idle ones by the last.
   */
  observe(ms: number, now: number): void {
    if (this.#latencies === 0) this.latency = ms;
    else {
      const gap = now - this.#latencyAt;
      const weight = Math.max(gap / (gap + LATENCY_MEMORY_MS), 1 / (this.#latencies + 1));
      this.latency += (ms - this.latency) * weight;
    }
    if (this.#latencies < LATENCY_MEMORY_ANSWERS - 1) this.#latencies += 1;
    this.#latencyAt = now;
  }
}

/** One pick as strategies see it: who may be taken now, and chance. One object serves all picks of a balancer. */
export class Scene {
  readonly dice: Dice;
  now = 0;
  tried: readonly string[] = [];
  /** Take whoever is up. */
  lax = false;
  /** Somebody was left out for having too many requests only. */
  sawFull = false;
  /** Latency over all endpoints, milliseconds: stands in for that of newcomers. */
  meanLatency = 0;
  /** Requests that the endpoints have had on average, for their weight. */
  served = 0;

  constructor(dice: Dice) {
    this.dice = dice;
  }

  isWell(entry: Entry): boolean {
    return entry.standing === Standing.GOOD && entry.health.ejectedUntil <= this.now;
  }

  /** May be picked now. */
  usable(entry: Entry): boolean {
    if (!this.lax && !this.isWell(entry)) return false;
    if (this.tried.length > 0 && this.tried.includes(entry.endpoint.key)) return false;
    if (entry.inFlight < entry.limit) return true;
    this.sawFull = true;
    return false;
  }
}
