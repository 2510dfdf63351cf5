import type { Random } from '../../core/random.ts';
import { i32 } from '../wire/bytes.ts';

/** What a reply is, for its limit. */
export const REPLY_CLASS = { positive: 0, negative: 1, error: 2 } as const;
export type ReplyClass = (typeof REPLY_CLASS)[keyof typeof REPLY_CLASS];

export const RATE = {
  send: 0,
  /** Send an empty reply with TC: a real client asks again over TCP, and a victim gets no more than it was sent. */
  slip: 1,
  drop: 2,
} as const;
export type RateVerdict = (typeof RATE)[keyof typeof RATE];

export interface RateLimit {
  /** Replies per second to one prefix, 0 for no limit. At most 1,000,000; counted in whole microseconds between replies. */
  readonly perSecond: number;
  /** How many replies at once. At least 1; burst / perSecond is at most 500 s. */
  readonly burst: number;
}

export interface RateLimitSettings {
  /** By class: positive, negative (NXDOMAIN and NODATA), error. */
  readonly limits: readonly [positive: RateLimit, negative: RateLimit, error: RateLimit];
  /** Of how many bits a prefix is; for IPv6 at most 64. */
  readonly ipv4PrefixBits: number;
  readonly ipv6PrefixBits: number;
  /** Every how many limited replies one slips through truncated: 1 all, 0 none. */
  readonly slipEvery: number;
}

// The table: for each of two rows the factors of its hash, then the slots of both rows.
const WORDS = 5;
const FACTORS = WORDS + 1;
const HEAD = 2 * FACTORS;
/** Of an interval and of a burst, so that charged times can be told from past ones. */
const LONGEST_US = 500_000_000;

/**
 * Shared memory for `RateLimiter`s: two rows of 2^`slotsLog2` slots (at most 17, for the hash) of 4 bytes. `nowUs` is the clock
 * that all limiters use.
 */
export function newRateTable(slotsLog2: number, random: Random, nowUs: number): Int32Array {
  if (slotsLog2 < 1 || slotsLog2 > 17) throw new Error('a rate table has 2 to 131072 slots a row');
  const table = new Int32Array(new SharedArrayBuffer((HEAD + 2 ** (slotsLog2 + 1)) * 4));
  const seeds = random.bytes(HEAD * 4);
  const view = new DataView(seeds.buffer, seeds.byteOffset, seeds.length);
  for (let i = 0; i < HEAD; i++) table[i] = view.getInt32(4 * i);
  table.fill(nowUs | 0, HEAD);
  return table;
}

/**
 * Main thread, every half hour at the latest: times are 32 bits of microseconds, which wrap after 71 minutes, and a slot that nobody
 * touched must not come to lie in the future.
 */
export function ageRateTable(table: Int32Array, nowUs: number): void {
  const now = nowUs | 0;
  for (let i = HEAD; i < table.length; i++) {
    const time = Atomics.load(table, i);
    // A slot that moved meanwhile is in use, so it has no need of this.
    if (((time - now) | 0) < 0) Atomics.compareExchange(table, i, time, now);
  }
}

/**
 * Response rate limiting: a token bucket for each prefix and class, shared by all workers. Nothing is allocated and nothing evicted.
 *
 * A slot is one word, the time at which its bucket will be full again (the generic cell rate algorithm). A prefix has a slot in each
 * of two rows, where others may be too; both are charged, and it is limited when both are exhausted. So sharing never lets a prefix
 * have more than its rate, and takes something away only where a prefix meets busy ones in both rows. Which meet is decided by
 * multiply-shift hashing with secret factors (strongly universal for up to 2^17 slots): nobody can choose addresses that
 * meet. Workers that look at once may let one reply each through too early; these are charged.
 */
export class RateLimiter {
  readonly #table: Int32Array;
  readonly #factors: Int32Array;
  readonly #shift: number;
  readonly #rowSlots: number;
  readonly #intervalUs = new Int32Array(3);
  readonly #toleranceUs = new Int32Array(3);
  readonly #ipv4Mask: number;
  readonly #ipv6HighMask: number;
  readonly #ipv6LowMask: number;
  readonly #slipEvery: number;
  readonly #fullUs: number;
  #limited = 0;

  constructor(table: Int32Array, settings: RateLimitSettings) {
    this.#table = table;
    this.#factors = Int32Array.from(table.subarray(0, HEAD));
    this.#rowSlots = (table.length - HEAD) / 2;
    this.#shift = 32 - Math.log2(this.#rowSlots);
    for (const [i, { perSecond, burst }] of settings.limits.entries()) {
      const interval = perSecond === 0 ? 0 : Math.ceil(1_000_000 / perSecond);
      this.#intervalUs[i] = Math.min(interval, LONGEST_US);
      // The last reply of a burst finds the bucket charged for those before it.
      this.#toleranceUs[i] = Math.min((Math.max(1, burst) - 1) * interval, LONGEST_US);
    }
    const longest = this.#toleranceUs.map((tolerance, i) => tolerance + (this.#intervalUs[i] as number));
    this.#fullUs = Math.max(...longest);
    this.#ipv4Mask = mask(settings.ipv4PrefixBits);
    this.#ipv6HighMask = mask(settings.ipv6PrefixBits);
    this.#ipv6LowMask = mask(settings.ipv6PrefixBits - 32);
    this.#slipEvery = settings.slipEvery;
  }

  /**
   * Whether a reply of this class may go to the address (4 or 16 bytes), at this time of the clock that all workers share. Do not
   * ask for who is exempt: TCP, a valid cookie, a listed network.
   */
  check(
    address: Uint8Array,
    at: number,
    addressBytes: number,
    replyClass: ReplyClass,
    nowUs: number,
  ): RateVerdict {
    const interval = this.#intervalUs[replyClass] as number;
    if (interval === 0) return RATE.send;
    const ipv4 = addressBytes === 4;
    const high = i32(address, at) & (ipv4 ? this.#ipv4Mask : this.#ipv6HighMask);
    const low = ipv4 ? 0 : i32(address, at + 4) & this.#ipv6LowMask;
    const kind = replyClass * 2 + (ipv4 ? 0 : 1);
    const first = HEAD + this.#slot(0, high, low, kind);
    const second = HEAD + this.#rowSlots + this.#slot(FACTORS, high, low, kind);
    const now = nowUs | 0;
    const tolerance = this.#toleranceUs[replyClass] as number;
    if (this.#isExhausted(first, now, tolerance) && this.#isExhausted(second, now, tolerance))
      return this.#limit();
    this.#charge(first, now, interval);
    this.#charge(second, now, interval);
    return RATE.send;
  }

  #isExhausted(slot: number, now: number, tolerance: number): boolean {
    return this.#ahead(Atomics.load(this.#table, slot), now) > tolerance;
  }

  #limit(): RateVerdict {
    if (this.#slipEvery === 0 || ++this.#limited < this.#slipEvery) return RATE.drop;
    this.#limited = 0;
    return RATE.slip;
  }

  #slot(factors: number, high: number, low: number, kind: number): number {
    const f = this.#factors;
    let sum = f[factors] as number;
    sum = (sum + Math.imul(f[factors + 1] as number, high >>> 16)) | 0;
    sum = (sum + Math.imul(f[factors + 2] as number, high & 0xffff)) | 0;
    sum = (sum + Math.imul(f[factors + 3] as number, low >>> 16)) | 0;
    sum = (sum + Math.imul(f[factors + 4] as number, low & 0xffff)) | 0;
    sum = (sum + Math.imul(f[factors + 5] as number, kind)) | 0;
    return sum >>> this.#shift;
  }

  /** By how many microseconds a slot is charged ahead of now; 0 when its bucket is full. */
  #ahead(time: number, now: number): number {
    const ahead = (time - now) | 0;
    // No slot is charged twice as far: this one comes from before the clock wrapped.
    return ahead < 0 || ahead > 2 * this.#fullUs ? 0 : ahead;
  }

  #charge(slot: number, now: number, interval: number): void {
    for (;;) {
      const time = Atomics.load(this.#table, slot);
      const ahead = this.#ahead(time, now);
      // Neighbours brought it here. It is exhausted for everybody, and comes back the sooner for not being charged more.
      if (ahead > this.#fullUs) return;
      const next = (now + ahead + interval) | 0;
      if (Atomics.compareExchange(this.#table, slot, time, next) === time) return;
    }
  }
}

function mask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}
