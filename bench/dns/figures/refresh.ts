import { setTimeout as sleep } from 'node:timers/promises';
import { startedEdge } from '../edge.ts';
import type { Edge } from '../edge.ts';
import { atMost, table } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import {
  ALL_CORES,
  LOAD_CORE,
  cpuByThread,
  cpuUs,
  end,
  memory,
  peakMiB,
  resetPeak,
} from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import type { Master } from '../master.ts';
import { startEcho } from '../peers.ts';
import { startProbe } from '../probe.ts';

const TASKS = 100_000;
const RATE = 1_000;
const CYCLES = 3;
const PATTERN = 'app-%.marathon.mesos';

/** What it takes to look every 5 s whether 100,000 tasks are still the same, and what clients notice of it. */
export const refresh: Figure = {
  name: 'refresh',
  async run() {
    const started: Started[] = [];
    try {
      const master = await startMaster(TASKS, 'old');
      const edge = await startedEdge(ALL_CORES, master, TASKS, { mode: 'poll' });
      const echo = await startEcho(ALL_CORES);
      started.push(master, edge);
      if (echo) started.push(echo);
      await master.next('asked');
      const same = await cost(master, edge);
      master.order({ kind: 'offers-change' });
      await master.next('asked');
      await master.next('asked');
      resetPeak(edge.pid);
      const differing = await cost(master, edge);
      const peak = peakMiB(edge.pid);
      const [ours, floor] = await watched(master, edge, echo?.port);
      const { rssMiB } = memory(edge.pid);
      const lost = ours.sent - ours.answered;
      const rows = [
        ['refresh', 'CPU s', 'by thread, s'],
        ['the same bytes', same.seconds.toFixed(2), same.threads],
        ['only an offer differs', differing.seconds.toFixed(2), differing.threads],
      ];
      return {
        findings: [
          atMost('CPU per unchanged refresh of 100,000 tasks', differing.seconds, 1, ' s'),
          {
            what: 'queries lost meanwhile, 1,000/s',
            goal: 'none',
            measured: String(lost),
            reached: lost === 0,
          },
          atMost('worst latency meanwhile', ours.ms.worst, 20, ' ms'),
        ],
        details: [
          `Refreshes of 100,000 tasks every 5 s, over ${CYCLES} cycles without queries (${rssMiB.toFixed(0)} MiB resident, ${peak.toFixed(0)} at the peak):`,
          table(rows),
          `With ${RATE.toLocaleString('en')} queries/s: p50 ${ours.ms.p50} ms, p99 ${ours.ms.p99}, p99.9 ${ours.ms.p999}, worst ${ours.ms.worst}` +
            (floor
              ? `; a C echo server asked at the same time on the same cores: p99 ${floor.ms.p99}, worst ${floor.ms.worst}.`
              : '.'),
        ],
      };
    } finally {
      for (const one of started.toReversed()) await end(one);
    }
  },
};

/** CPU time of the whole process over some cycles, from one request to another, per cycle. */
async function cost(master: Master, edge: Edge): Promise<{ seconds: number; threads: string }> {
  await master.next('asked');
  const before = { cpu: cpuUs(edge.pid), threads: cpuByThread(edge.pid) };
  for (let i = 0; i < CYCLES; i++) await master.next('asked');
  const seconds = (cpuUs(edge.pid) - before.cpu) / 1e6 / CYCLES;
  const threads = [...cpuByThread(edge.pid)]
    .map(([name, us]) => [name, (us - (before.threads.get(name) ?? 0)) / 1e6 / CYCLES] as const)
    .filter(([, s]) => s >= 0.01)
    .map(([name, s]) => `${name} ${s.toFixed(2)}`);
  return { seconds, threads: threads.join(', ') };
}

type Report = Awaited<ReturnType<ReturnType<typeof startProbe>['finish']>>;

/** The same cycles under queries; the floor is asked at the same time. */
async function watched(
  master: Master,
  edge: Edge,
  echoPort: number | undefined,
): Promise<[Report, Report | undefined]> {
  const ours = startProbe(LOAD_CORE, edge.port, RATE, PATTERN, TASKS);
  const floor = echoPort === undefined ? undefined : startProbe(LOAD_CORE, echoPort, RATE, PATTERN, TASKS);
  await sleep(500);
  ours.forget();
  floor?.forget();
  for (let i = 0; i < CYCLES; i++) await master.next('sent');
  await sleep(3_000);
  return [await ours.finish(), await floor?.finish()];
}
