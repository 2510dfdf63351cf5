import { parentPort, workerData } from 'node:worker_threads';
import { TokenBuckets } from '../token-buckets.ts';
import type { BucketMemory, RateLimit } from '../token-buckets.ts';

/** Takes as often as told, at a time that stands still, once the other threads are there too; tells how many it got. */
export interface TakerSetup {
  readonly memory: BucketMemory;
  readonly limit: RateLimit;
  readonly gate: Int32Array;
  readonly threads: number;
  readonly takes: number;
}

const { memory, limit, gate, threads, takes } = workerData as TakerSetup;
const buckets = new TokenBuckets(memory, 'a limit', limit);
Atomics.add(gate, 0, 1);
while (Atomics.load(gate, 0) < threads);
let taken = 0;
for (let i = 0; i < takes; i++) if (buckets.take('somebody', 1_000) === 0) taken += 1;
parentPort?.postMessage(taken);
