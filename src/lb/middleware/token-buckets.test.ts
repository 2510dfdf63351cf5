import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { bucketMemory, TokenBuckets } from './token-buckets.ts';
import type { RateLimit } from './token-buckets.ts';
import type { TakerSetup } from './testing/taker.ts';

/** The textbook: tokens that come back with time. */
class Model {
  readonly #tokens = new Map<string, { tokens: number; at: number }>();
  readonly #rate: number;
  readonly #burst: number;
  constructor(perSecond: number, burst: number) {
    this.#rate = perSecond / 1000;
    this.#burst = burst;
  }

  take(key: string, now: number): boolean {
    const { tokens, at } = this.#tokens.get(key) ?? { tokens: this.#burst, at: now };
    const have = Math.min(this.#burst, tokens + (now - at) * this.#rate);
    const taken = have >= 1 - 1e-9;
    this.#tokens.set(key, { tokens: taken ? have - 1 : have, at: now });
    return taken;
  }
}

const memory = (sets = 64) => bucketMemory(seededRandom(1), sets);
/** The same limit as some planes have it. */
const planesOf = (limit: RateLimit, planes: number, words = memory()): TokenBuckets[] =>
  Array.from({ length: planes }, () => new TokenBuckets(words, 'a limit', limit));

describe('token buckets', () => {
  it('let through what the textbook lets through, whichever plane is asked', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      after: fc.integer({ min: 0, max: 900 }),
      plane: fc.nat(2),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(0.5, 1, 2, 4, 10),
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { maxLength: 200 }),
        (perSecond, burst, steps) => {
          const planes = planesOf({ perSecond, burst }, 3);
          const model = new Model(perSecond, burst);
          // Machines run for years.
          let now = 1e11;
          for (const { key, after, plane } of steps) {
            now += after;
            const waits = planes.map((buckets) => buckets.wait(key, now));
            expect(new Set(waits).size).toBe(1);
            expect(planes[plane]?.take(key, now)).toBe(waits[0]);
            expect(waits[0] === 0).toBe(model.take(key, now));
          }
        },
      ),
    );
  });

  it('say when the next one is let through, to the millisecond', () => {
    const [buckets] = planesOf({ perSecond: 4, burst: 2 }, 1) as [TokenBuckets];
    expect([buckets.take('a', 0), buckets.take('a', 0)]).toEqual([0, 0]);
    expect(buckets.take('a', 0)).toBe(250);
    expect(buckets.wait('a', 249)).toBe(1);
    expect(buckets.wait('a', 250)).toBe(0);
    expect(buckets.take('a', 250)).toBe(0);
    expect(buckets.take('b', 0)).toBe(0);
  });

  it('keep to the highest and the lowest rate there is', () => {
    const counted = (limit: RateLimit, ms: number): number => {
      const [buckets] = planesOf(limit, 1) as [TokenBuckets];
      let taken = 0;
      for (let i = 0; i < 200_000; i++) taken += buckets.take('a', 1_000 + (i / 200_000) * ms) === 0 ? 1 : 0;
      return taken;
    };
    expect(Math.abs(counted({ perSecond: 1_000_000, burst: 1 }, 100) / 100_000 - 1)).toBeLessThan(0.03);
    expect(counted({ perSecond: 0.001, burst: 2 }, 3_500_000)).toBe(2 + 3);
  });

  it('are bounded, and the fullest goes first: whoever asks most gains nothing by many names', () => {
    const [buckets] = planesOf({ perSecond: 1, burst: 10 }, 1, memory(1)) as [TokenBuckets];
    for (let i = 0; i < 10; i++) buckets.take('greedy', 0);
    for (let i = 0; i < 1_000; i++) buckets.take(`name-${i}`, 1);
    expect(buckets.take('greedy', 1)).toBeGreaterThan(900);
  });

  it('tell as many clients apart as there are slots, nearly', () => {
    const [buckets] = planesOf({ perSecond: 1, burst: 1 }, 1, memory(2_048)) as [TokenBuckets];
    let refused = 0;
    for (let i = 0; i < 8_000; i++) refused += buckets.take(`10.0.${i >> 8}.${i & 255}`, 0) > 0 ? 1 : 0;
    // Half of the slots: seldom is one taken for another, or one put out by others.
    expect(refused).toBeLessThan(10);
    let forgotten = 0;
    for (let i = 0; i < 8_000; i++) forgotten += buckets.wait(`10.0.${i >> 8}.${i & 255}`, 0) === 0 ? 1 : 0;
    expect(forgotten).toBeLessThan(400);
  });

  it('give nothing away where threads take at the same moment, and let none wait for another', async () => {
    const [threads, burst] = [3, 50_000];
    const setup: TakerSetup = {
      memory: memory(),
      limit: { perSecond: 1, burst },
      gate: new Int32Array(new SharedArrayBuffer(4)),
      threads,
      takes: burst,
    };
    const script = new URL('./testing/taker.ts', import.meta.url);
    const workers = Array.from({ length: threads }, () => new Worker(script, { workerData: setup }));
    const taken = (await Promise.all(workers.map((worker) => once(worker, 'message')))).map(([n]) =>
      Number(n),
    );
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(taken.reduce((sum, n) => sum + n, 0)).toBe(burst);
    // They did run at the same time.
    expect(taken.filter((n) => n > 0).length).toBeGreaterThan(1);
  });
});
