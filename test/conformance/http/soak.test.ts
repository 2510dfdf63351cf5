import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { eventually, pause } from '../../support/eventually.ts';
import { Client } from './support/client.ts';
import { stateOfApps, taskCame, taskWent } from './support/cluster.ts';
import type { App } from './support/cluster.ts';
import { SEED, sized, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { HeapProbe } from './support/heap.ts';
import { failed, hey } from './support/load.ts';
import { OriginProcess } from './support/origins.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L18: services come and go under traffic, for as long as there is time: nothing may grow.

const SECONDS = sized(15, Number(process.env['RIMROCK_SOAK_SECONDS'] ?? 1_800));
const PER_SECOND = 300;
const CHANGES_PER_SECOND = 20;
const STEADY = 10;
const LIVE = 40;
/** Until then caches fill and code is compiled. */
const WARM_S = SECONDS / 2;
const lacking = missing('hey');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0 || process.platform !== 'linux')(`L18: soak with churn${needs}`, () => {
  let edge: EdgeUnderTest;
  let origin: OriginProcess;
  const heap = new HeapProbe(Math.max(2_000, (SECONDS * 1_000) / 90));
  const app = (name: string): App => ({
    name,
    ports: [origin.port],
    labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: `${name}.test` },
  });

  beforeAll(async () => {
    origin = await OriginProcess.start();
    const steady = Array.from({ length: STEADY }, (_, i) => app(`steady-${i}`));
    edge = await startEdge({
      state: stateOfApps(steady),
      cluster: { emptyServiceSeconds: 1 },
      environment: heap.environment,
    });
  });
  afterAll(async () => {
    await edge.close();
    await origin.close();
    heap.close();
  });

  const descriptors = (): number => readdirSync(`/proc/${edge.running.pid}/fd`).length;
  const series = async (): Promise<Set<string>> => {
    const text = await (await fetch(`${edge.admin}/metrics`)).text();
    return new Set(
      [...text.matchAll(/rimrock_lb_requests_total\{[^}]*service="([^"]+)"/g)].map((m) => m[1] ?? ''),
    );
  };

  it(`${SECONDS} s: memory, descriptors and series of metrics stay (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const load = hey({
      port: edge.port,
      host: 'steady-0.test',
      seconds: SECONDS,
      connections: 10,
      perSecond: PER_SECOND,
    });
    const [begun, warmMs] = [performance.now(), Date.now() + WARM_S * 1_000];
    const live: App[] = [];
    const samples: { atS: number; rss: number; fds: number }[] = [];
    let changes = 0;
    let asked = 0;
    let nextSample = WARM_S;
    let mostSeries = 0;
    while (performance.now() - begun < SECONDS * 1_000) {
      if (live.length < LIVE) {
        const one = app(`churn-${changes}`);
        live.push(one);
        edge.master.send(taskCame(one, 0));
        edge.master.send({ type: 'TASK_UPDATED', task_updated: runs(one) });
      } else {
        const [gone] = live.splice(random.int(live.length), 1);
        if (gone !== undefined) edge.master.send(taskWent(gone, 0));
      }
      changes += 1;
      // Each of them has some traffic, so that it has numbers of its own.
      const some = live[random.int(live.length)];
      if (some !== undefined) {
        const client = new Client(edge.port, `${some.name}.test`, 1);
        asked += (await client.ask()).status === 200 ? 1 : 0;
        client.close();
      }
      const atS = (performance.now() - begun) / 1_000;
      if (atS >= nextSample) {
        samples.push({ atS, rss: edge.memory, fds: descriptors() });
        mostSeries = Math.max(mostSeries, (await series()).size);
        nextSample = atS + SECONDS / 40;
      }
      await pause(1_000 / CHANGES_PER_SECOND);
    }
    const done = await load;
    for (const one of live.splice(0)) edge.master.send(taskWent(one, 0));
    const left = await eventually(
      'series of services that are gone to end',
      async () => {
        const all = [...(await series())].filter((s) => s.includes('churn'));
        return all.length === 0 || all.join(' ');
      },
      { accept: (seen) => seen === true, timeoutMs: 30_000, everyMs: 1_000 },
    ).catch((error: unknown) => String(error));
    const third = Math.max(1, Math.floor(samples.length / 3));
    const middle = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
    const [first, last] = [samples.slice(0, third), samples.slice(-third)];
    const hours = (middle(last.map((s) => s.atS)) - middle(first.map((s) => s.atS))) / 3_600;
    const grown = middle(last.map((s) => s.rss)) - middle(first.map((s) => s.rss));
    const fds = [middle(first.map((s) => s.fds)), middle(last.map((s) => s.fds))] as const;
    const slope = heap.slope(warmMs);
    const { lateMs } = heap;
    report(
      'L18',
      `seed ${SEED}: ${SECONDS} s, ${changes} changes, ${done.sent} requests of hey (${failed(done)} failed) and ${asked} to those that came and went; heap after GC ${(slope.bytesPerHour / 2 ** 20).toFixed(2)} MiB/h (by thread ${slope.threads}; ${slope.samples} samples; compiled code ${(slope.codePerHour / 2 ** 20).toFixed(2)} MiB/h besides), resident memory ${(grown / 2 ** 20).toFixed(1)} MiB more in ${(hours * 60).toFixed(1)} min, ` +
        `descriptors ${fds.join(' to ')}; series ${mostSeries} at most, left of services that are gone: ${left === true ? 'none' : left}; event loop p99 ${lateMs.toFixed(1)} ms`,
    );
    expect(failed(done), done.text).toBe(0);
    expect(done.sent).toBeGreaterThan(PER_SECOND * SECONDS * 0.9);
    expect(changes).toBeGreaterThan(CHANGES_PER_SECOND * SECONDS * 0.5);
    expect(asked).toBeGreaterThan(changes * 0.5);
    expect(left).toBe(true);
    expect(mostSeries).toBeGreaterThan(10);
    expect(Math.abs(fds[1] - fds[0])).toBeLessThan(40);
    // Resident memory is a coarse measure of a heap: what a collection has not yet taken is in it.
    expect(grown).toBeLessThan(sized(64, 32) * 2 ** 20);
    // In a short time that is chance.
    if (SECONDS >= 600) expect(slope.bytesPerHour).toBeLessThan(2 ** 20);
    expect(lateMs).toBeLessThan(sized(500, 50));
  });

  function runs(one: App): unknown {
    const sent = taskCame(one, 0) as { task_added: { task: Record<string, unknown> } };
    const { task } = sent.task_added;
    const [status] = task['statuses'] as unknown[];
    return { framework_id: task['framework_id'], status, state: 'TASK_RUNNING' };
  }
});
