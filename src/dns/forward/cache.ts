import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import type { CacheSettings } from './config.ts';
import type { Packed, TtlLimits } from './packed.ts';

/** What an entry costs besides its bytes and its key, as measured on the heap with 100,000 of them. */
const ENTRY_BYTES = 850;
const LAST_SHARE = 0.1;

/** An answer that is kept. Times are milliseconds of the monotonic clock. */
export interface Kept {
  readonly packed: Packed;
  readonly storedMs: number;
  readonly expiresMs: number;
  /** Why, when it is a failure of ours. */
  readonly unreachable: boolean;
  hits: number;
  /** It is being renewed before its end. */
  renewing: boolean;
  /** Resolvers failed: until then nobody asks them for this again. */
  recheckMs: number;
}

/** Answers of other resolvers for as long as they said, and a while longer for when they do not say anything (RFC 8767). */
export class AnswerCache {
  readonly #settings: CacheSettings;
  readonly #clock: Clock;
  readonly #kept: LRUCache<string, Kept>;
  hits = 0;
  misses = 0;
  evictions = 0;

  constructor(settings: CacheSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#kept = new LRUCache<string, Kept>({
      max: settings.maxEntries,
      maxSize: settings.maxMiB * 1024 * 1024,
      sizeCalculation: (kept, key) => ENTRY_BYTES + key.length + kept.packed.bytes.length,
      dispose: (_kept, _key, reason) => {
        if (reason === 'evict') this.evictions++;
      },
    });
  }

  get entries(): number {
    return this.#kept.size;
  }

  /** An estimate. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** What is kept under a key, fresh or of use when resolvers fail; undefined when nothing is. */
  find(key: string): Kept | undefined {
    const kept = this.#settings.enabled ? this.#kept.get(key) : undefined;
    if (!kept) return undefined;
    const now = this.#clock.monotonic();
    const staleMs = kept.packed.kind === 'failure' ? 0 : this.#settings.staleSeconds * 1000;
    if (now < kept.expiresMs + staleMs) return kept;
    this.#kept.delete(key);
    return undefined;
  }

  /** As `find`, leaving everything as it is: looking does not count as use. */
  peek(key: string): Kept | undefined {
    return this.#settings.enabled ? this.#kept.peek(key) : undefined;
  }

  /** Seconds until its end; below 0 for what is kept for the time that resolvers fail. */
  secondsLeft(kept: Kept): number {
    return Math.ceil((kept.expiresMs - this.#clock.monotonic()) / 1000);
  }

  isFresh(kept: Kept): boolean {
    return this.#clock.monotonic() < kept.expiresMs;
  }

  /** Popular, and in the last tenth of its life: time to renew it, once. */
  isDue(kept: Kept): boolean {
    const { prefetchHits } = this.#settings;
    const popular = prefetchHits > 0 && kept.hits >= prefetchHits && kept.packed.kind !== 'failure';
    const now = this.#clock.monotonic();
    if (!popular || kept.renewing || now < kept.recheckMs) return false;
    return now >= kept.expiresMs - (kept.expiresMs - kept.storedMs) * LAST_SHARE;
  }

  /** Resolvers failed on it a moment ago. */
  isResting(kept: Kept): boolean {
    return this.#clock.monotonic() < kept.recheckMs;
  }

  /** The TTLs that clients get to see: those of the resolver, within our limits. */
  ttlLimits(kind: Packed['kind']): TtlLimits {
    const { enabled, minTtlSeconds } = this.#settings;
    if (!enabled) return { minTtlSeconds: 0, maxTtlSeconds: Infinity };
    return { minTtlSeconds, maxTtlSeconds: this.#mostSeconds(kind) };
  }

  #mostSeconds(kind: Packed['kind']): number {
    const { maxTtlSeconds, maxNegativeTtlSeconds } = this.#settings;
    return kind === 'positive' ? maxTtlSeconds : Math.min(maxTtlSeconds, maxNegativeTtlSeconds);
  }

  /** Whole seconds since it was stored. */
  ageSeconds(kept: Kept): number {
    return Math.floor((this.#clock.monotonic() - kept.storedMs) / 1000);
  }

  /** Keep an answer for as long as its TTL and our limits say; not at all when that is no time. */
  store(key: string, packed: Packed, ttlSeconds: number): void {
    const seconds = Math.min(
      this.#mostSeconds(packed.kind),
      Math.max(this.#settings.minTtlSeconds, ttlSeconds),
    );
    if (seconds > 0) this.#put(key, packed, seconds, false);
    // It was answered anew and may not be kept: what was known before is no longer true.
    else this.#kept.delete(key);
  }

  /**
   * Resolvers failed: ask nobody again for a moment (RFC 9520). What is known from before outlives that, and is given meanwhile.
   */
  storeFailure(key: string, packed: Packed, unreachable: boolean): void {
    const { servfailSeconds, staleRecheckSeconds } = this.#settings;
    const before = this.find(key);
    if (before && before.packed.kind !== 'failure') {
      before.recheckMs = this.#clock.monotonic() + staleRecheckSeconds * 1000;
      before.renewing = false;
    } else this.#put(key, packed, servfailSeconds, unreachable);
  }

  #put(key: string, packed: Packed, seconds: number, unreachable: boolean): void {
    if (!this.#settings.enabled) return;
    const now = this.#clock.monotonic();
    this.#kept.set(key, {
      packed,
      storedMs: now,
      expiresMs: now + seconds * 1000,
      unreachable,
      hits: 0,
      renewing: false,
      recheckMs: now,
    });
  }
}
