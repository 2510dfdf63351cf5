import type { Random } from '../../core/random.ts';
import { hashText } from '../balancer/index.ts';

/** Buckets that are looked at together, 8 bytes each: what the processor fetches at once. */
const WAYS = 8;
const SETS = 1 << 14;
/** A slot is one word: the time, in units since the clock began, for eight years; then what tells keys of a set apart. */
const UNITS_PER_MS = 4096;
const TAG_BITS = 14n;
const TAG_MASK = (1 << Number(TAG_BITS)) - 1;
/**
 * Another plane has changed the very slot so many times in the moment between a look and a write. A thread whose code is not compiled yet
 * loses dozens of times in a row against those whose is; this many never.
 */
const MOST_TRIES = 4_096;

/** What all planes share; survives structuredClone between threads of a process. */
export interface BucketMemory {
  readonly words: SharedArrayBuffer;
  /** So that nobody can choose keys that meet. */
  readonly seeds: readonly [set: number, tag: number];
}

export interface RateLimit {
  /** Tokens that come back. */
  readonly perSecond: number;
  /** Most tokens, at least 1. */
  readonly burst: number;
}

/** Memory for as many buckets as are told apart at a time, of all limits together: 131,072 in 1 MB. */
export function bucketMemory(random: Random, sets = SETS): BucketMemory {
  const seed = Buffer.from(random.bytes(8));
  return {
    words: new SharedArrayBuffer(sets * WAYS * BigUint64Array.BYTES_PER_ELEMENT),
    seeds: [seed.readInt32LE(0), seed.readInt32LE(4)],
  };
}

/**
 * Token buckets by key that all planes take from, so that a client has its whole rate whichever planes its connections are on,
 * and not more. Of each only the time is kept when it is full again (the generic cell rate algorithm), so one that is full needs
 * no memory. A key may be in any slot of its set; when all of these are in use the fullest goes, whose owner gains least by it. Nothing
 * blocks: a slot is one word, which is exchanged for another unless it has changed meanwhile.
 */
export class TokenBuckets {
  readonly #words: BigUint64Array<SharedArrayBuffer>;
  readonly #sets: number;
  readonly #setSeed: number;
  readonly #tagSeed: number;
  readonly #units: number;
  readonly #room: number;

  /** `name` says which limit this is: buckets of one name are the same everywhere. */
  constructor({ words, seeds }: BucketMemory, name: string, { perSecond, burst }: RateLimit) {
    this.#words = new BigUint64Array(words);
    this.#sets = this.#words.length / WAYS;
    // What is counted by other numbers is another bucket.
    const full = `${name} ${perSecond} ${burst}\n`;
    this.#setSeed = hashText(full, seeds[0]);
    this.#tagSeed = hashText(full, seeds[1]);
    this.#units = Math.max(1, Math.round((1000 * UNITS_PER_MS) / perSecond));
    this.#room = (burst - 1) * this.#units;
  }

  /** Take a token at `now` (milliseconds of a clock that all planes share and that began less than eight years ago): 0, or how many milliseconds until there is one. */
  take(key: string, now: number): number {
    const at = Math.round(now * UNITS_PER_MS);
    const first = this.#setOf(key);
    const tag = this.#tagOf(key);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const slot = this.#find(first, tag, at);
      const seen = Atomics.load(this.#words, slot);
      // Another plane may have put something else there since.
      const fullAt = tagOf(seen) === tag ? Math.max(timeOf(seen), at) : at;
      if (fullAt - at > this.#room) return (fullAt - at - this.#room) / UNITS_PER_MS;
      const next = (BigInt(fullAt + this.#units) << TAG_BITS) | BigInt(tag);
      if (Atomics.compareExchange(this.#words, slot, seen, next) === seen) return 0;
    }
    return 0;
  }

  /** As `take`, without taking. */
  wait(key: string, now: number): number {
    const at = Math.round(now * UNITS_PER_MS);
    const tag = this.#tagOf(key);
    const seen = Atomics.load(this.#words, this.#find(this.#setOf(key), tag, at));
    const missing = tagOf(seen) === tag ? timeOf(seen) - at : 0;
    return Math.max(0, missing - this.#room) / UNITS_PER_MS;
  }

  #setOf(key: string): number {
    return (hashText(key, this.#setSeed) % this.#sets) * WAYS;
  }

  #tagOf(key: string): number {
    return hashText(key, this.#tagSeed) & TAG_MASK;
  }

  /** The slot of this key, else the one to put it in: the fullest of the set, and of those that are full the first. */
  #find(first: number, tag: number, at: number): number {
    let fullest = first;
    let soonest = Number.POSITIVE_INFINITY;
    for (let slot = first; slot < first + WAYS; slot++) {
      const word = Atomics.load(this.#words, slot);
      const fullAt = Math.max(timeOf(word), at);
      if (fullAt > at && tagOf(word) === tag) return slot;
      if (fullAt >= soonest) continue;
      fullest = slot;
      soonest = fullAt;
    }
    return fullest;
  }
}

const timeOf = (word: bigint): number => Number(word >> TAG_BITS);

const tagOf = (word: bigint): number => Number(word & BigInt(TAG_MASK));
