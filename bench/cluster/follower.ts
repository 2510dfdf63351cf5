import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { clusterConfigSchema, createCluster } from '../../src/cluster/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { createHttpClient } from '../../src/core/http/client.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { processMemory } from '../../src/platform/index.ts';

export interface Report {
  readonly [what: string]: number;
}

const REFRESH_SECONDS = 1;
const ROUNDS = 5;

/** Follows the master at `port` as the edge does, without any consumer of the catalog, and prints what it cost. */
export async function follow(port: number, mode: 'poll' | 'stream'): Promise<void> {
  const report: Record<string, number> = {};
  const transport = await drainCost(port, mode);
  report['transport CPU ms'] = transport;
  const metrics = new Metrics();
  const config = clusterConfigSchema.parse({
    masters: [`127.0.0.1:${port}`],
    mode,
    refreshSeconds: REFRESH_SECONDS,
    auditSeconds: 3600,
  });
  const cluster = createCluster({
    config,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    metrics,
    health: new Health(),
  });
  const memory = processMemory();
  memory.keepLittleFree();
  // What the start needed is over when a state comes in again: it is not to hide what that takes.
  await quieten(memory);
  forgetPeak();
  report['RSS before MB'] = status('VmRSS');
  const heapBefore = process.memoryUsage();
  const loop = new LoopWatch();
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  await cluster.start();
  await new Promise<void>((resolve) => {
    const off = cluster.catalog.onChange(() => {
      off();
      resolve();
    });
  });
  report['first load wall ms'] = performance.now() - started;
  report['first load CPU ms'] = cpuSince(cpuBefore);
  await ticks(2);
  loop.report(report, 'first load');
  report['RSS peak of first load MB'] = status('VmHWM');
  const tasks = cluster.catalog.current.tasks.size;
  if (mode === 'poll') {
    const documents = (): Promise<number> => eventsOf(metrics);
    await upTo(documents, 2);
    loop.reset();
    report['unchanged refresh CPU ms'] = await cost(documents);
    loop.report(report, 'unchanged refresh');
    const client = createHttpClient();
    let changed = 0;
    cluster.catalog.onChange((_, diff) => (changed += diff.tasks.changed.length));
    const perRefresh: number[] = [];
    loop.reset();
    for (let round = 0; round < ROUNDS; round++) {
      // The next generation, seen by one refresh; then one that finds nothing new.
      const before = changed;
      await (await client.request({ method: 'POST', url: `http://127.0.0.1:${port}/change` })).text();
      const from = await documents();
      await upTo(documents, from + 1); // a document that was on its way
      const mark = process.cpuUsage();
      await upTo(documents, from + 2);
      if (changed - before > 0) perRefresh.push(cpuSince(mark));
    }
    await client.close();
    report['tasks changed by five generations'] = changed;
    report['refresh with 1 % changed CPU ms'] = median(perRefresh);
    loop.report(report, 'refresh with 1 % changed');
  }
  const mapped = status('RssFile');
  await quieten(memory);
  report['RSS steady MB'] = status('VmRSS');
  // Pages of Node's program file that the load ran through: the peak has them, and the cache of files still does.
  report['program pages given back MB'] = mapped - status('RssFile');
  gc();
  await ticks(3);
  gc();
  const heap = process.memoryUsage();
  report['heap bytes per task'] = (heap.heapUsed - heapBefore.heapUsed) / tasks;
  report['array buffers MB'] = heap.arrayBuffers / 2 ** 20;
  report['RSS peak MB'] = status('VmHWM');
  process.stdout.write(`${JSON.stringify(report)}\n`);
  await cluster.stop();
}

/** As the edge does when it is quiet. */
async function quieten(memory: ReturnType<typeof processMemory>): Promise<void> {
  memory.collect();
  await ticks(150);
  memory.giveBack();
  await ticks(20);
}

/** From now on `VmHWM` is the highest since now (proc(5), `clear_refs`). */
function forgetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}

/** Fetch the document and look at no byte of it. */
async function drainCost(port: number, mode: 'poll' | 'stream'): Promise<number> {
  const client = createHttpClient();
  const costs: number[] = [];
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    const stop = new AbortController();
    const response = await client.request({
      ...(mode === 'poll'
        ? { method: 'GET', url: `http://127.0.0.1:${port}/master/state` }
        : { method: 'POST', url: `http://127.0.0.1:${port}/api/v1`, body: '{"type":"SUBSCRIBE"}' }),
      signal: stop.signal,
    });
    let bytes = 0;
    let total = Number(response.headers['content-length'] ?? Number.POSITIVE_INFINITY);
    for await (const chunk of response.body) {
      if (total === Number.POSITIVE_INFINITY) total = Number(new TextDecoder().decode(chunk).split('\n')[0]);
      bytes += chunk.length;
      if (bytes >= total) break;
    }
    response.cancel();
    costs.push(cpuSince(before));
  }
  await client.close();
  return Math.min(...costs);
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * The longest time that a timer had to wait, and the most CPU that this thread used in between two: on a busy machine
 * the first one also says how long others were on the processor.
 */
class LoopWatch {
  readonly #delay = monitorEventLoopDelay({ resolution: 1 });
  readonly #cpu: number[] = [];

  constructor() {
    this.#delay.enable();
    let before = process.threadCpuUsage();
    setInterval(() => {
      const { user, system } = process.threadCpuUsage(before);
      before = process.threadCpuUsage();
      this.#cpu.push((user + system) / 1000);
    }, 1).unref();
  }

  reset(): void {
    this.#delay.reset();
    this.#cpu.length = 0;
  }

  report(to: Record<string, number>, what: string): void {
    const cpu = this.#cpu.toSorted((a, b) => a - b);
    to[`${what}: longest block, ms of CPU`] = cpu.at(-1) ?? 0;
    to[`${what}: 99th of 100 blocks, ms of CPU`] = cpu[Math.floor(cpu.length * 0.99)] ?? 0;
    to[`${what}: longest block, ms of wall clock`] = Math.max(0, this.#delay.max / 1e6 - 1);
  }
}

const ticks = (n: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, n * 10);
  });

async function eventsOf(metrics: Metrics): Promise<number> {
  return Number(/^rimrock_cluster_events_total (\d+)/m.exec(await metrics.text())?.[1] ?? 0);
}

async function upTo(count: () => Promise<number>, wanted: number): Promise<void> {
  while ((await count()) < wanted) await ticks(2);
}

/** CPU of one whole refresh, the wait between two included. */
async function cost(documents: () => Promise<number>): Promise<number> {
  const first = await documents();
  const before = process.cpuUsage();
  await upTo(documents, first + ROUNDS);
  return cpuSince(before) / ROUNDS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function status(field: string): number {
  const line = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

function gc(): void {
  (globalThis as { readonly gc?: () => void }).gc?.();
}
