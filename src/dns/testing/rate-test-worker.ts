import { parentPort, workerData } from 'node:worker_threads';
import { RATE, REPLY_CLASS, RateLimiter } from '../answer/rate-limit.ts';
import type { RateLimitSettings } from '../answer/rate-limit.ts';

/** Asks as often as told, at a time that stands still, once the other threads are there too; tells how many were let through. */
export interface RateTestSetup {
  readonly table: Int32Array;
  readonly settings: RateLimitSettings;
  readonly gate: Int32Array;
  readonly threads: number;
  readonly asks: number;
}

const { table, settings, gate, threads, asks } = workerData as RateTestSetup;
const limiter = new RateLimiter(table, settings);
const address = Uint8Array.of(192, 0, 2, 1);
Atomics.add(gate, 0, 1);
while (Atomics.load(gate, 0) < threads);
let sent = 0;
for (let i = 0; i < asks; i++)
  if (limiter.check(address, 0, 4, REPLY_CLASS.positive, 1000) === RATE.send) sent++;
parentPort?.postMessage(sent);
