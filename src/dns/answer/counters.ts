import { TYPE } from '../wire/constants.ts';

/** Response codes with a number of their own; the last slot is for those beyond. */
export const RCODE_SLOTS = 24;

/** What questions are counted as. */
export const QUESTION_KINDS = ['A', 'AAAA', 'SRV', 'PTR', 'ANY', 'SOA', 'NS', 'other'] as const;

const KIND_OTHER = QUESTION_KINDS.length - 1;
const KIND_OF_TYPE = new Uint8Array(256).fill(KIND_OTHER);
for (const [kind, name] of QUESTION_KINDS.entries()) if (name !== 'other') KIND_OF_TYPE[TYPE[name]] = kind;

const QUESTIONS_AT = 2 * RCODE_SLOTS;
const SINGLES_AT = QUESTIONS_AT + QUESTION_KINDS.length;

/** Single numbers, for `add` and `AnswerTotals.of`. */
export const COUNT = {
  /** Messages that got no answer: no query, or shorter than a header. */
  ignored: SINGLES_AT,
  /** Queries that could not be read: FORMERR. */
  malformed: SINGLES_AT + 1,
  /** Replies from which answers were left out for their size. */
  truncated: SINGLES_AT + 2,
  /** Questions for names outside our zones, taken up by the main thread. */
  coldTaken: SINGLES_AT + 3,
  /** Limited replies that were sent truncated, and that were not sent. */
  rateSlipped: SINGLES_AT + 4,
  rateDropped: SINGLES_AT + 5,
  cookiesValid: SINGLES_AT + 6,
  cookiesInvalid: SINGLES_AT + 7,
  /** Batches of datagrams. How many datagrams: the sockets count those. */
  batches: SINGLES_AT + 8,
  /** Samples of the query log that were left out, there being too many. */
  samplesDropped: SINGLES_AT + 9,
} as const;

export type Count = (typeof COUNT)[keyof typeof COUNT];

/** Upper ends of the latency buckets in microseconds: 1, 2, 5, 10 … one second, and what is beyond. */
export const LATENCY_BUCKETS_US: readonly number[] = [
  ...[1, 10, 100, 1_000, 10_000, 100_000].flatMap((us) => [us, 2 * us, 5 * us]),
  1_000_000,
  Infinity,
];

const LATENCY_AT = SINGLES_AT + Object.keys(COUNT).length;
const LATENCY_SUM_AT = LATENCY_AT + LATENCY_BUCKETS_US.length;
/** A block fills whole cache lines, with one between it and the next: no worker's counting slows another. */
const BLOCK = (Math.ceil((LATENCY_SUM_AT + 1) / 8) + 1) * 8;

/** Shared memory for the counters of so many threads. */
export function newAnswerCounters(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * BLOCK * Float64Array.BYTES_PER_ELEMENT);
}

/**
 * What one thread counts. Only that thread writes its block, so plain additions will do. A successor that takes the same block
 * goes on where the one before it ended.
 */
export class AnswerCounters {
  readonly #block: Float64Array;

  constructor(shared: SharedArrayBuffer, thread: number) {
    this.#block = new Float64Array(shared, thread * BLOCK * Float64Array.BYTES_PER_ELEMENT, BLOCK);
  }

  reply(tcp: boolean, rcode: number): void {
    const slot = rcode < RCODE_SLOTS ? rcode : RCODE_SLOTS - 1;
    (this.#block[tcp ? RCODE_SLOTS + slot : slot] as number)++;
  }

  question(type: number): void {
    const kind = type < 256 ? (KIND_OF_TYPE[type] as number) : KIND_OTHER;
    (this.#block[QUESTIONS_AT + kind] as number)++;
  }

  ignored(): void {
    (this.#block[COUNT.ignored] as number)++;
  }

  truncated(): void {
    (this.#block[COUNT.truncated] as number)++;
  }

  add(what: Count, n: number): void {
    this.#block[what] = (this.#block[what] as number) + n;
  }

  /** A batch of so many datagrams was answered, each after at most `us` microseconds. */
  batch(datagrams: number, us: number): void {
    this.add(COUNT.batches, 1);
    this.observe(us, datagrams);
  }

  /** So many answers took so many microseconds each. */
  observe(us: number, count: number): void {
    let bucket = 0;
    while (us > (LATENCY_BUCKETS_US[bucket] as number)) bucket++;
    this.#block[LATENCY_AT + bucket] = (this.#block[LATENCY_AT + bucket] as number) + count;
    this.#block[LATENCY_SUM_AT] = (this.#block[LATENCY_SUM_AT] as number) + us * count;
  }
}

/** Sums over all threads, for who shows them. */
export class AnswerTotals {
  readonly #all: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#all = new Float64Array(shared);
  }

  of(what: Count): number {
    return this.#sum(what);
  }

  replies(tcp: boolean, rcode: number): number {
    return this.#sum(tcp ? RCODE_SLOTS + rcode : rcode);
  }

  /** By index of `QUESTION_KINDS`. */
  questions(kind: number): number {
    return this.#sum(QUESTIONS_AT + kind);
  }

  /** Answers per latency bucket, and the sum of their microseconds. */
  latency(): { readonly counts: readonly number[]; readonly sumUs: number } {
    const counts = LATENCY_BUCKETS_US.map((_, bucket) => this.#sum(LATENCY_AT + bucket));
    return { counts, sumUs: this.#sum(LATENCY_SUM_AT) };
  }

  #sum(at: number): number {
    let sum = 0;
    for (let i = at; i < this.#all.length; i += BLOCK) sum += this.#all[i] as number;
    return sum;
  }
}
