import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { RateTestSetup } from '../testing/rate-test-worker.ts';
import { newRateTable } from './rate-limit.ts';

const THREADS = 3;
const BURST = 500_000;

/** What each of some threads that ask as fast as they can is let through, at one moment. */
async function race(): Promise<number[]> {
  const limit = { perSecond: 2000, burst: BURST };
  const setup: RateTestSetup = {
    table: newRateTable(10, seededRandom(1), 0),
    settings: { limits: [limit, limit, limit], ipv4PrefixBits: 24, ipv6PrefixBits: 56, slipEvery: 0 },
    gate: new Int32Array(new SharedArrayBuffer(4)),
    threads: THREADS,
    asks: BURST,
  };
  const script = new URL('../testing/rate-test-worker.ts', import.meta.url);
  const workers = Array.from({ length: THREADS }, () => new Worker(script, { workerData: setup }));
  const results = await Promise.all(workers.map((worker) => once(worker, 'message')));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return results.map(([sent]) => sent as number);
}

describe('rate limiting by several threads at once', () => {
  it('loses no reply that one of them sent: together they send a burst, and one more each at most', async () => {
    const sent = await race();
    const total = sent.reduce((sum, n) => sum + n, 0);
    expect(total).toBeGreaterThanOrEqual(BURST);
    expect(total).toBeLessThan(BURST + THREADS);
    // They did run at the same time.
    expect(sent.filter((n) => n > 0).length).toBeGreaterThan(1);
  });
});
