import { Session } from 'node:inspector/promises';
import { writeFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { serve } from './wire.ts';

/**
 * Loaded into the master before its own code: tells how much CPU time its main thread takes between two turns of a short timer, which
 * is at most that much more than the longest block, and writes CPU profiles when asked.
 */

const LOOK_MS = 2;
let before = process.threadCpuUsage();
let longest = 0;
let blocks: number[] = [];
setInterval(() => {
  const { user, system } = process.threadCpuUsage(before);
  before = process.threadCpuUsage();
  const ms = (user + system) / 1000;
  longest = Math.max(longest, ms);
  if (ms > 20) blocks.push(ms);
}, LOOK_MS).unref();

/** How long garbage collection kept the main thread, ms. */
let collecting = 0;
let longestCollection = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    collecting += duration;
    longestCollection = Math.max(longestCollection, duration);
  }
}).observe({ entryTypes: ['gc'] });

const session = new Session();

serve({
  blocks() {
    const answer = { longest, blocks, collecting, longestCollection };
    collecting = 0;
    longestCollection = 0;
    longest = 0;
    blocks = [];
    return answer;
  },
  /** After two full collections; the second, which finds nothing, says what it costs to go over all that is in use. */
  memory() {
    globalThis.gc?.();
    const began = process.cpuUsage();
    globalThis.gc?.();
    const { user, system } = process.cpuUsage(began);
    return { ...process.memoryUsage(), collectionMs: (user + system) / 1000 };
  },
  async profile() {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    await session.post('Profiler.start');
  },
  async profiled(given: { to: string }) {
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(given.to, JSON.stringify(profile));
    session.disconnect();
  },
});
process.channel?.unref();
