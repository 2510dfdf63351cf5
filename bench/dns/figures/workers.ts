import { cpus } from 'node:os';
import { questions } from '../cluster.ts';
import { hasWorkers, startedEdge } from '../edge.ts';
import { atMost } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { ALL_CORES, end, write } from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import { queryRounds } from '../rounds.ts';

const TASKS = 10_000;
const [ONE, TWO] = ['one worker', 'two workers'];

/**
 * Two workers beside one. With four cores or more the load comes from others than theirs and capacity counts; with fewer, servers
 * and load share all cores, and only the CPU time per query says anything.
 */
export const workers: Figure = {
  name: 'workers',
  async run({ rounds, seconds }) {
    const room = cpus().length >= 4;
    const what = room
      ? 'capacity of two workers on two cores'
      : 'CPU per query of two workers (two cores, shared with the load)';
    const goal = room ? '≥ 1.8 × one worker' : '≤ 1.1 × one worker';
    if (!hasWorkers)
      return { findings: [{ what, goal, measured: 'no dns.workers yet', reached: undefined }], details: [] };
    const started: Started[] = [];
    try {
      const file = write('questions-workers', questions(TASKS, 20_000));
      const master = await startMaster(TASKS, 'stream');
      started.push(master);
      const cores = room ? '0-1' : ALL_CORES;
      const one = await startedEdge(cores, master, TASKS, { workers: 1 });
      const two = await startedEdge(cores, master, TASKS, { workers: 2 });
      started.push(one, two);
      const results = await queryRounds(
        [
          { ...one, name: ONE, questions: file, ours: true },
          { ...two, name: TWO, questions: file, ours: true },
        ],
        {
          rounds,
          seconds,
          load: room ? { cores: `2-${cpus().length - 1}`, threads: 2 } : { cores: ALL_CORES },
        },
      );
      const grown = results.median(TWO, 'perSecond') / results.median(ONE, 'perSecond');
      const finding = room
        ? { what, goal, measured: `${grown.toFixed(2)} × one worker`, reached: grown >= 1.8 }
        : atMost(what, results.ratio(TWO, ONE), 1.1, ' × one worker');
      return { findings: [finding], details: ['Workers, saturated, 10,000 tasks:', results.table([ONE])] };
    } finally {
      for (const one of started.toReversed()) await end(one);
    }
  },
};
