import { setTimeout as sleep } from 'node:timers/promises';
import { questions } from '../cluster.ts';
import { dnsperf } from '../dnsperf.ts';
import { startedEdge } from '../edge.ts';
import { atMost, table } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { LOAD_CORE, SERVER_CORE, end, memory, output, start, write } from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import { compiled } from '../programs.ts';
import { startProbe } from '../probe.ts';

const TASKS = 10_000;
const SECONDS = 20;
const PATTERN = 'app-%.marathon.mesos';
/** What one client machine's core can send; more would not arrive. */
const MOST = 450_000;

/** Twice as many questions as the server can answer: what it still answers, how late, and how soon it is itself again. */
export const overload: Figure = {
  name: 'overload',
  async run({ seconds }) {
    const flood = compiled('flood');
    if (flood === undefined) throw new Error('no C compiler (gcc), so no flood');
    const started: Started[] = [];
    try {
      const master = await startMaster(TASKS, 'stream');
      const edge = await startedEdge(SERVER_CORE, master, TASKS);
      started.push(master, edge);
      const file = write('questions-overload', questions(TASKS, 20_000));
      await dnsperf({ port: edge.port, questions: file, seconds: 1 });
      const peak = await dnsperf({ port: edge.port, questions: file, seconds });
      const before = { ...memory(edge.pid), p50: await calm(edge.port) };
      const rate = Math.min(MOST, Math.round(2 * peak.perSecond));
      const probe = startProbe(LOAD_CORE, edge.port, 100, PATTERN, TASKS);
      const options = [edge.port, rate, SECONDS, PATTERN, TASKS].map(String);
      const run = start(LOAD_CORE, [flood, ...options], ['ignore', 'pipe', 'inherit']);
      const ended = output(run, SECONDS + 20);
      ended.catch(() => {}); // told below
      await sleep(SECONDS * 1000 - 1_000);
      const grown = memory(edge.pid).rssMiB - before.rssMiB;
      const meanwhile = await probe.finish();
      const told = JSON.parse(await ended) as Record<'offered' | 'answered', number>;
      await sleep(2_000);
      const after = await calm(edge.port);
      const share = told.answered / peak.perSecond;
      const back = after <= before.p50 * 2 + 0.1;
      const thousands = (n: number): string => Math.round(n).toLocaleString('en');
      return {
        findings: [
          {
            what: `goodput at ${(told.offered / peak.perSecond).toFixed(1)} × the peak`,
            goal: '≥ 80 % of the peak',
            measured: `${(share * 100).toFixed(0)} %`,
            reached: share >= 0.8,
          },
          atMost('the same: p99 of what is answered', meanwhile.ms.p99, 200, ' ms'),
          atMost('the same: memory grown', Math.max(0, grown), 100, ' MiB'),
          {
            what: 'the same: p50 2 s later',
            goal: 'as before',
            measured: `${after} ms, before ${before.p50} ms`,
            reached: back,
          },
        ],
        details: [
          `Overload for ${SECONDS} s, one core:`,
          table([
            ['peak/s', 'offered/s', 'answered/s', 'probe asked', 'probe answered'],
            [
              thousands(peak.perSecond),
              thousands(told.offered),
              thousands(told.answered),
              meanwhile.sent,
              meanwhile.answered,
            ],
          ]),
        ],
      };
    } finally {
      for (const one of started.toReversed()) await end(one);
    }
  },
};

/** The median latency of an idle server, milliseconds. */
async function calm(port: number): Promise<number> {
  const probe = startProbe(LOAD_CORE, port, 200, PATTERN, TASKS);
  await sleep(1_500);
  return (await probe.finish()).ms.p50;
}
