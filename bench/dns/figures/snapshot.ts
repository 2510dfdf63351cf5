import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../ask.ts';
import { nameOf } from '../cluster.ts';
import { startEdge } from '../edge.ts';
import { atMost, table } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { ALL_CORES, LOAD_CORE, end } from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import { startEcho } from '../peers.ts';
import { startProbe } from '../probe.ts';
import { median } from '../../support/statistics.ts';

const TASKS = 100_000;

interface Sample {
  /** From the last byte of the state to the first answer with an address. */
  readonly seconds: number;
  /** From its first byte. */
  readonly wholeSeconds: number;
  /** The longest wait for any answer, SERVFAIL included. */
  readonly pauseMs: number;
  readonly lost: number;
  readonly floorMs: number;
}

/** From the snapshot of 100,000 tasks to the first answer, and how long clients wait for a SERVFAIL meanwhile. */
export const snapshot: Figure = {
  name: 'snapshot',
  async run({ rounds }) {
    const rows: (string | number)[][] = [
      [
        'master',
        'last byte to first answer, s',
        'first byte to first answer, s',
        'longest wait, ms',
        'C echo meanwhile, ms',
      ],
    ];
    const samples: Sample[] = [];
    for (const mode of ['stream', 'old'] as const) {
      const some: Sample[] = [];
      for (let i = 0; i < Math.min(rounds, 3); i++) some.push(await once(mode));
      const of = (field: keyof Sample): string => median(some.map((s) => s[field])).toFixed(2);
      rows.push([
        mode === 'stream' ? 'event stream' : 'polled state',
        of('seconds'),
        of('wholeSeconds'),
        some.map((s) => s.pauseMs.toFixed(1)).join(', '),
        some.map((s) => s.floorMs.toFixed(1)).join(', '),
      ]);
      samples.push(...some);
    }
    const lost = samples.reduce((sum, s) => sum + s.lost, 0);
    return {
      findings: [
        atMost('100,000 tasks, snapshot to first answer', median(samples.map((s) => s.seconds)), 2, ' s'),
        atMost(
          'longest pause of the answering threads meanwhile',
          Math.max(...samples.map((s) => s.pauseMs)),
          5,
          ' ms',
        ),
        { what: 'answers lost meanwhile', goal: 'none', measured: String(lost), reached: lost === 0 },
      ],
      details: [
        'A first state of 100,000 tasks, asked 1,000 times a second for the last of them:',
        table(rows),
      ],
    };
  },
};

async function once(mode: 'stream' | 'old'): Promise<Sample> {
  const started: Started[] = [];
  try {
    const master = await startMaster(TASKS, mode);
    started.push(master);
    master.order({ kind: 'hold' });
    const asked = master.next('asked');
    const edge = await startEdge(ALL_CORES, master, { mode: mode === 'old' ? 'poll' : 'stream' });
    started.push(edge);
    const echo = await startEcho(ALL_CORES);
    if (echo) started.push(echo);
    await asked;
    const probe = startProbe(LOAD_CORE, edge.port, 1_000, nameOf(TASKS - 1), 1);
    const floor = echo && startProbe(LOAD_CORE, echo.port, 1_000, nameOf(TASKS - 1), 1);
    await sleep(1_500); // the answering code is warm, as in a server that has been up for a moment
    probe.forget();
    floor?.forget();
    const leaving = master.next('sent');
    master.order({ kind: 'let-go' });
    const sent = await leaving;
    for (let i = 0; i < 600 && !(await answers(edge.port)); i++) await sleep(100);
    await sleep(1_000);
    const [ours, other] = [await probe.finish(), await floor?.finish()];
    const since = (ns: string): number => Number(BigInt(ours.firstFoundNs) - BigInt(ns)) / 1e9;
    return {
      seconds: since(sent.lastNs),
      wholeSeconds: since(sent.firstNs),
      pauseMs: ours.ms.worst,
      lost: ours.sent - ours.answered,
      floorMs: other?.ms.worst ?? Number.NaN,
    };
  } finally {
    for (const one of started.toReversed()) await end(one);
  }
}

const answers = async (port: number): Promise<boolean> =>
  ((await ask(port, nameOf(TASKS - 1)))?.answers ?? 0) > 0;
