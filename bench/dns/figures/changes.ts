import { setTimeout as sleep } from 'node:timers/promises';
import { questions } from '../cluster.ts';
import { dnsperf } from '../dnsperf.ts';
import { hasWorkers, startedEdge } from '../edge.ts';
import { atMost, table } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { ALL_CORES, LOAD_CORE, end, write } from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import { startChangeProbe } from '../probe.ts';

const TASKS = 100_000;
const PER_SECOND = 100;
const RATE = 20_000;
const SECONDS = 20;
/** Ports to ask from: the system picks a worker by them, and that all of these meet the same one is as likely as 1 in 2,000. */
const SOCKETS = 12;
const EVERY_MS = 2;

/** From the master's event until every worker answers with it, while there is much else to answer. */
export const changes: Figure = {
  name: 'changes',
  async run() {
    const started: Started[] = [];
    try {
      const master = await startMaster(TASKS, 'stream');
      const edge = await startedEdge(ALL_CORES, master, TASKS, { workers: hasWorkers ? 2 : 1 });
      started.push(master, edge);
      const file = write('questions-changes', questions(TASKS, 200_000));
      const load = dnsperf({ port: edge.port, questions: file, seconds: SECONDS + 6, rate: RATE });
      await sleep(2_000);
      const probe = startChangeProbe(LOAD_CORE, edge.port, SOCKETS, EVERY_MS, SECONDS + 30);
      started.push(probe);
      master.onReport((report) => {
        if (report.kind === 'changed') probe.expect(report);
      });
      const over = master.next('changes-done', SECONDS + 30);
      master.order({ kind: 'change', perSecond: PER_SECOND, count: PER_SECOND * SECONDS });
      await over;
      const seen = await probe.finish();
      const asked = await load;
      const rows = [
        ['', 'p50 ms', 'p99 ms', 'worst ms'],
        ['first port that sees it', seen.first.p50, seen.first.p99, seen.first.worst],
        ['all ports see it', seen.all.p50, seen.all.p99, seen.all.worst],
      ];
      const missed = asked.lost + seen.late + seen.overflow;
      return {
        findings: [
          atMost(
            'a change to all workers, 100,000 tasks, 100 changes/s under 20,000 queries/s, p99',
            seen.all.p99,
            20,
            ' ms',
          ),
          { what: 'answers lost meanwhile', goal: 'none', measured: String(missed), reached: missed === 0 },
        ],
        details: [
          `${seen.seen} changes, each asked for from ${SOCKETS} ports every ${EVERY_MS} ms (${Math.round(seen.questions / SECONDS).toLocaleString('en')} queries/s more); ${hasWorkers ? 'two workers' : 'no workers to choose'}; dnsperf had ${Math.round(asked.perSecond).toLocaleString('en')} answers/s, ${asked.averageMs.toFixed(2)} ms on average, ${asked.worstMs.toFixed(1)} at worst:`,
          table(rows),
        ],
      };
    } finally {
      for (const one of started.toReversed()) await end(one);
    }
  },
};
