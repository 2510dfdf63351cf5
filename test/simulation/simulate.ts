import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { describeStep, planOf } from './plan.ts';
import { simulate } from './run.ts';
import type { Outcome } from './run.ts';

// npm run simulate -- --seeds 10000 --from 1      many seeds; prints how to replay those that fail
// npm run simulate -- --seed 17                   one seed with everything that happens in it
// npm run simulate -- --seed 17 --without 3,4     the same without some steps of its plan

/** Seeds from one to before another. */
interface Bunch {
  readonly from: number;
  readonly to: number;
}
const BUNCH = 200;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    without: { type: 'string', default: '' },
    shrink: { type: 'boolean', default: false },
    'stop-after': { type: 'string', default: '10' },
  },
});

const command = (seed: number, without: ReadonlySet<number> = new Set()): string =>
  `npm run simulate -- --seed ${seed}${without.size > 0 ? ` --without ${[...without].join()}` : ''}`;

if (!isMainThread) await tellOutcomes(workerData as Bunch);
else if (values.seed !== undefined) {
  const without = new Set(values.without.split(',').filter(Boolean).map(Number));
  await one(Number(values.seed), without);
} else await many(Number(values.from), Number(values.seeds), Number(values['stop-after']));

async function one(seed: number, without: ReadonlySet<number>): Promise<void> {
  if (values.shrink) {
    const left = await shrunk(seed, without);
    console.log(`steps that are needed:\n${needed(seed, left)}\nreplay: ${command(seed, left)}`);
    return;
  }
  const outcome = await simulate(seed, { without, keepTrace: true });
  for (const line of outcome.trace) console.log(line);
  report(outcome);
}

/**
 * In bunches, each in a thread of its own, on all cores. (A signal that was made of others and has listeners is kept by Node for ever, and with
 * it the processes of a run that were killed while they waited: the memory of a thread ends with it.)
 */
async function many(from: number, seeds: number, stopAfter: number): Promise<void> {
  const began = process.cpuUsage();
  const bunches = bunchesOf(from, seeds);
  let run = 0;
  let failed = 0;
  let events = 0;
  const work = async (): Promise<void> => {
    for (const bunch of bunches) {
      if (failed >= stopAfter) break;
      run += bunch.to - bunch.from;
      const thread = new Worker(new URL(import.meta.url), { workerData: bunch });
      thread.on('message', (outcome: Outcome) => {
        events += outcome.events;
        if (outcome.problem === undefined) return;
        failed++;
        report(outcome);
      });
      await once(thread, 'exit');
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const { user, system } = process.cpuUsage(began);
  console.log(
    `${run} seeds from ${from}: ${failed} failed; ${events} events, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
  );
}

function* bunchesOf(from: number, seeds: number): Generator<Bunch> {
  const end = from + seeds;
  for (let at = from; at < end; at += BUNCH) yield { from: at, to: Math.min(end, at + BUNCH) };
}

async function tellOutcomes({ from, to }: Bunch): Promise<void> {
  for (let seed = from; seed < to; seed++) parentPort?.postMessage({ ...(await simulate(seed)), trace: [] });
}

function report({ seed, problem, hash, events, recoveryMs, starts, kills }: Outcome): void {
  console.log(
    problem === undefined
      ? `seed ${seed}: well, ${events} events, well again after ${recoveryMs / 1000} s, ${starts} processes, ${kills} ended, ${hash}`
      : `seed ${seed}: ${problem}\n  replay: ${command(seed)}`,
  );
  if (problem !== undefined) process.exitCode = 1;
}

/** Leave out one step after the other, as long as it still fails. */
async function shrunk(seed: number, without: ReadonlySet<number>): Promise<ReadonlySet<number>> {
  let left = new Set(without);
  for (let n = planOf(seed).steps.length - 1; n >= 0; n--) {
    if (left.has(n)) continue;
    const fewer = new Set([...left, n]);
    if ((await simulate(seed, { without: fewer })).problem !== undefined) left = fewer;
  }
  return left;
}

function needed(seed: number, without: ReadonlySet<number>): string {
  return planOf(seed)
    .steps.flatMap((step, n) => (without.has(n) ? [] : [`  ${n} ${describeStep(step)}`]))
    .join('\n');
}
