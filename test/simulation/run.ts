import { errorText } from '../../src/core/errors.ts';
import { Cluster } from './cluster.ts';
import { describeStep, planOf, take } from './plan.ts';
import type { Plan } from './plan.ts';
import { World } from './world.ts';

/** So long everything may take to come together again when nothing fails any more. */
const RECOVERY_MS = 20 * 60_000;
const LOOK_MS = 5_000;
/** So long it may take until a master leads, if there are several. */
const LEADS_AGAIN_MS = 10_000;
/** A question and its answer on a network that is well, with redirects. */
const ANSWER_MS = 300;
/** How often a person looks after the cluster. */
const ATTENTION_MS = 60_000;
/** What is fine so many times in a row is fine. */
const CALM_LOOKS = 3;

export interface Outcome {
  readonly seed: number;
  /** What went wrong; undefined: nothing. */
  readonly problem: string | undefined;
  /** The same for two runs in which the same things happened. */
  readonly hash: string;
  readonly events: number;
  /** Simulated milliseconds until all was well again after the last fault. */
  readonly recoveryMs: number;
  readonly starts: number;
  readonly kills: number;
  readonly trace: readonly string[];
}

/** One run. `without`: numbers of steps of the plan that are left out. */
export async function simulate(
  seed: number,
  options: { readonly without?: ReadonlySet<number>; readonly keepTrace?: boolean } = {},
): Promise<Outcome> {
  const plan = planOf(seed);
  const world = new World(seed, options.keepTrace);
  const cluster = new Cluster(world, plan);
  cluster.start();
  for (const [n, step] of plan.steps.entries()) {
    if (options.without?.has(n)) continue;
    world.after(step.at, () => {
      world.say(`step ${n}`, describeStep(step));
      if (world.now <= plan.until) take(cluster, step);
    });
  }
  await cluster.runUntil(plan.until);
  const recoveryMs = await recover(cluster, plan);
  const { violation } = world;
  for (const node of cluster.nodes) node.crash();
  return {
    seed,
    problem: violation?.message,
    hash: world.hash,
    events: world.events,
    recoveryMs,
    starts: cluster.judge.starts,
    kills: cluster.judge.kills,
    trace: world.trace,
  };
}

/** Nothing fails any more: everything must become as it should be, by itself and in time. */
async function recover(cluster: Cluster, plan: Plan): Promise<number> {
  const { world } = cluster;
  world.say('world', 'nothing fails any more');
  cluster.heal();
  let fine = 0;
  let problems: string[] = [];
  for (let t = plan.until + LOOK_MS; t <= plan.until + RECOVERY_MS; t += LOOK_MS) {
    await cluster.runUntil(t);
    if (world.violation) return 0;
    if (t === plan.until + LEADS_AGAIN_MS) await askForLeader(cluster);
    problems = cluster.problems();
    fine = problems.length === 0 ? fine + 1 : 0;
    if ((t - plan.until) % ATTENTION_MS === 0) cluster.attend();
    if (fine === CALM_LOOKS) return t - plan.until;
  }
  world.violated(`not well ${RECOVERY_MS / 60_000} minutes after the last fault: ${problems.join('; ')}`);
  return RECOVERY_MS;
}

/** Somebody must lead, and say so; nobody else has anything to say. */
async function askForLeader(cluster: Cluster): Promise<void> {
  const { world, operator, masters } = cluster;
  if (masters.length === 1) return;
  let answer = 'no answer';
  operator.ask({ type: 'GET_MASTER' }).then(
    ({ status }) => (answer = `answer ${status}`),
    (error: unknown) => (answer = errorText(error)),
  );
  await world.runUntil(world.now + ANSWER_MS);
  if (answer !== 'answer 200')
    world.violated(`nobody leads ${LEADS_AGAIN_MS / 1000} s after the last fault: ${answer}`);
  for (const { name, leads, streams } of masters)
    if (!leads && streams > 0) world.violated(`${name} does not lead, and has ${streams} streams open`);
}
