import { BATCH } from './batch.ts';

/** From so many datagrams a millisecond on, to let them gather costs less than to be woken for each. */
const HIGH_PER_MS = 8;
/** Where so many share the cost of being woken, more of them save nothing worth waiting for. */
const ENOUGH = 16;
/** Where so many come at once without rests, there is little left to save. */
const BY_THEMSELVES = 8;
/** Between two looks at the clock: so many datagrams, or rests, which bring few when nothing comes any more. */
const LOOK_DATAGRAMS = 64;
const LOOK_RESTS = 32;
/** Rates are of so long at least: what the senders' machines do meanwhile makes those of shorter times look like anything. */
const PHASE_MS = 10;
/** With less than this share of the rate without rests, the senders seem to wait for their answers. */
const AS_FAST = 0.75;
/** After so long with rests it is seen anew how fast datagrams come without. */
const TRUST_MS = 1_000;
/** How long it stays without rests when they held the senders up: doubled each time in a row. */
const HOLD_MS = 50;
const HOLD_MAX_MS = 2_000;

/**
 * Says how long a loop rests after a batch, so that several datagrams share the cost of being woken.
 *
 * That is good for datagrams that come on their own. Who waits for an answer before asking again would be held up by each rest, and rests
 * would bring nothing: so the rate with rests is compared with the one without, and where they differ there are none for a while.
 */
export class Gathering {
  readonly #longestUs: number;
  readonly #now: () => number;
  /** When this phase began, with rests or without. */
  #since: number;
  /** Datagrams and batches of this phase. */
  #seen = 0;
  #batches = 0;
  /** Datagrams and rests since the last look at the clock. */
  #fresh = 0;
  #rests = 0;
  /** 0 in a phase without rests. */
  #restUs = 0;
  /** Datagrams a millisecond in the last phase without rests, and in the one with rests right before this one, or 0. */
  #freePerMs = 0;
  #restedPerMs = 0;
  #holdMs = 0;
  #heldUntil = -Infinity;

  /** `longestUs`: no rest is longer, microseconds; 0 for none at all. `now`: milliseconds. */
  constructor(longestUs: number, now: () => number) {
    this.#longestUs = longestUs;
    this.#now = now;
    this.#since = now();
  }

  /** How long to rest after a batch of so many, microseconds; 0 for not at all. */
  restUs(arrived: number): number {
    if (this.#longestUs === 0) return 0;
    this.#fresh += arrived;
    this.#batches++;
    if (this.#fresh >= LOOK_DATAGRAMS || this.#rests >= LOOK_RESTS) this.#look();
    // A full batch means that more is waiting already.
    if (this.#restUs === 0 || arrived >= BATCH) return 0;
    this.#rests++;
    return this.#restUs;
  }

  #look(): void {
    const now = this.#now();
    this.#seen += this.#fresh;
    this.#fresh = 0;
    this.#rests = 0;
    const ms = now - this.#since;
    if (ms < PHASE_MS) return;
    const perMs = this.#seen / ms;
    if (this.#restUs === 0) this.#afterFree(perMs, this.#seen / this.#batches, now);
    else if (perMs >= AS_FAST * this.#freePerMs && ms < TRUST_MS) {
      this.#restUs = this.#lengthAt(perMs);
      return;
    } else {
      this.#restedPerMs = perMs;
      this.#restUs = 0;
    }
    this.#since = now;
    this.#seen = 0;
    this.#batches = 0;
  }

  /** Whether a phase with rests comes next. */
  #afterFree(perMs: number, atOnce: number, now: number): void {
    const restedPerMs = this.#restedPerMs;
    this.#restedPerMs = 0;
    if (perMs <= HIGH_PER_MS || atOnce >= BY_THEMSELVES) return;
    if (restedPerMs > 0) {
      const heldUp = restedPerMs < AS_FAST * perMs;
      this.#holdMs = heldUp ? Math.min(HOLD_MAX_MS, Math.max(HOLD_MS, 2 * this.#holdMs)) : 0;
      this.#heldUntil = now + this.#holdMs;
    }
    if (now < this.#heldUntil) return;
    this.#freePerMs = perMs;
    this.#restUs = this.#lengthAt(perMs);
  }

  #lengthAt(perMs: number): number {
    return Math.max(1, Math.min(this.#longestUs, Math.round((ENOUGH * 1000) / perMs)));
  }
}
