import { nameOf, questions } from '../cluster.ts';
import { dnsperf } from '../dnsperf.ts';
import { edgeName, fastEngine, startedEdge, zoneFile } from '../edge.ts';
import { atMost } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { SERVER_CORE, end, write } from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import { startEcho, startKnot, startNsd } from '../peers.ts';
import { queryRounds } from '../rounds.ts';
import type { Subject } from '../rounds.ts';

const TASKS = 10_000;
const RATE = 20_000;
/** So long each server is asked for as much as it can before that. */
const WARM_SECONDS = 2;

/** CPU time per query where a server has time to spare: batches are small here, and waking up counts. */
export const unsaturated: Figure = {
  name: 'unsaturated',
  async run({ rounds, seconds }) {
    const started: Started[] = [];
    try {
      const file = write('questions-unsaturated', questions(TASKS, 20_000));
      const master = await startMaster(TASKS, 'stream');
      const edge = await startedEdge(SERVER_CORE, master, TASKS);
      started.push(master, edge);
      const ours = edgeName(fastEngine);
      const subjects: Subject[] = [{ ...edge, name: ours, questions: file, ours: true }];
      const zone = await zoneFile(edge);
      for (const peer of [await startKnot(zone, nameOf(0)), await startNsd(zone, nameOf(0))])
        if (peer) {
          started.push(peer);
          subjects.push({ ...peer, questions: file });
        }
      const echo = await startEcho();
      if (echo) {
        started.push(echo);
        subjects.push({ ...echo, questions: file, echo: true });
      }
      // Servers run for weeks: what is compiled while they run has been, before anything is measured.
      for (const { port } of subjects) await dnsperf({ port, questions: file, seconds: WARM_SECONDS });
      // The kernel counts in steps of 10 ms: little work has to be watched for longer.
      const plan = { rounds, seconds: seconds + 2, load: { rate: RATE } };
      const results = await queryRounds(subjects, plan);
      const us = results.median(ours, 'usEach').toFixed(1);
      const ratio = atMost(
        'CPU per query, 20,000 queries/s',
        results.ratio(ours, 'Knot'),
        0.6,
        ' × Knot',
        ` (${us} µs)`,
      );
      const lost = results.lost(ours);
      return {
        findings: [
          ratio,
          { what: 'the same: queries lost', goal: 'none', measured: String(lost), reached: lost === 0 },
        ],
        details: [
          `20,000 queries/s, one core, 10,000 tasks, after ${WARM_SECONDS} s of as many as possible to each:`,
          results.table(['Knot', 'NSD', 'C echo']),
        ],
      };
    } finally {
      for (const one of started.toReversed()) await end(one);
    }
  },
};
