import { setTimeout as sleep } from 'node:timers/promises';
import { questions } from '../cluster.ts';
import { dnsperf } from '../dnsperf.ts';
import { hasWorkers, startedEdge } from '../edge.ts';
import { atMost, table } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { ALL_CORES, end, memory as memoryOf, peakMiB, write } from '../../support/machine.ts';
import type { Memory, Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';

const SIZES = [0, 10_000, 100_000];
const WORKERS = hasWorkers ? [1, 2] : [1];
/** What is free is given back for the last time nine seconds after the work has ended (`src/platform/run/idle-memory.ts`). */
const SETTLE_MS = 12_000;

/** Resident memory of the whole process by tasks and workers, once every name was asked for and some time has passed. */
export const memory: Figure = {
  name: 'memory',
  async run() {
    const rows: (string | number)[][] = [
      ['tasks', 'workers', 'Rss MiB', 'Pss MiB', 'highest MiB', 'KiB per task and worker'],
    ];
    const found = new Map<string, Memory>();
    for (const tasks of SIZES) {
      const master = await startMaster(tasks, 'stream');
      for (const workers of WORKERS) {
        const { now, peak } = await once(master, tasks, workers);
        found.set(`${tasks} ${workers}`, now);
        const base = found.get(`0 ${workers}`)?.rssMiB ?? 0;
        const each = tasks === 0 ? '' : (((now.rssMiB - base) * 1024) / tasks / workers).toFixed(2);
        rows.push([
          tasks.toLocaleString('en'),
          workers,
          now.rssMiB.toFixed(0),
          now.pssMiB.toFixed(0),
          peak.toFixed(0),
          each,
        ]);
      }
      await end(master);
    }
    const most = WORKERS.at(-1) ?? 1;
    const rss = (tasks: number, workers = most): number =>
      found.get(`${tasks} ${workers}`)?.rssMiB ?? Number.NaN;
    const each = ((rss(100_000) - rss(0)) * 1024) / 100_000 / most;
    const note = hasWorkers ? '' : ' (no dns.workers yet: one)';
    return {
      findings: [
        atMost(`memory per task and worker, ${most} workers`, each, 1.5, ' KiB', note),
        atMost(`memory in all, 100,000 tasks, ${most} workers`, rss(100_000), 250, ' MiB', note),
      ],
      details: ['Memory of the whole process, load balancer and catalog included:', table(rows)],
    };
  },
};

async function once(
  master: Started & Parameters<typeof startedEdge>[1],
  tasks: number,
  workers: number,
): Promise<{ now: Memory; peak: number }> {
  const edge = await startedEdge(ALL_CORES, master, tasks, { workers });
  try {
    if (tasks > 0) {
      const file = write('questions-memory', questions(tasks, tasks));
      await dnsperf({
        port: edge.port,
        questions: file,
        seconds: 4,
        rate: Math.max(5_000, Math.round(tasks / 3)),
      });
    }
    await sleep(SETTLE_MS);
    return { now: memoryOf(edge.pid), peak: peakMiB(edge.pid) };
  } finally {
    await end(edge);
  }
}
