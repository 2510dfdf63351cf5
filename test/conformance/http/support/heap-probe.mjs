// Loaded before the program, with --expose-gc, in every thread: says now and then how much of the heap is left after all garbage is
// gone, without compiled code (which comes as functions get hot, for as long as a run lasts) and that alone, and how late the event loop has been so far (99 of 100 times at most, milliseconds).
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { threadId } from 'node:worker_threads';

const { HEAP_PROBE_FILE: file, HEAP_PROBE_MS: every } = process.env;
const CODE = /^(?:code|trusted)_/;
const used = (isCode) => {
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => CODE.test(name) === isCode);
  return spaces.reduce((sum, space) => sum + space.space_used_size, 0);
};
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
setInterval(() => {
  const late = delay.percentile(99) / 1e6 - 10;
  globalThis.gc();
  appendFileSync(file, `${threadId} ${Date.now()} ${used(false)} ${used(true)} ${late}\n`);
}, Number(every)).unref();
