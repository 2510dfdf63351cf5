import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasConsul } from '../support/consul.ts';
import { eventually, pause } from '../support/eventually.ts';
import { GameCluster } from '../support/game/cluster.ts';
import { faultsOf, strike } from '../support/game/faults.ts';
import type { Deeds } from '../support/game/faults.ts';
import { whatIsWrong } from '../support/game/health.ts';
import type { Declared } from '../support/game/health.ts';
import { schedule } from '../support/game/schedule.ts';
import type { Times } from '../support/game/schedule.ts';
import { startQueries, unexcused } from '../support/game/traffic.ts';
import type { Failure } from '../support/game/traffic.ts';
import { JsonScheduler } from '../support/json-scheduler.ts';
import { startLoad } from '../support/load.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { root } from '../support/root.ts';

// A game day: one fault after the other, by chance, under traffic. What must hold is in docs/reference/promises.md.
// RIMROCK_CHAOS_LONG=1: 10 minutes for each cluster; RIMROCK_GAME_SECONDS=n: so long; RIMROCK_SEED=n: the same faults again.

const LONG = process.env['RIMROCK_CHAOS_LONG'] === '1' || process.env['RIMROCK_GAME_SECONDS'] !== undefined;
const SECONDS = Number(process.env['RIMROCK_GAME_SECONDS'] ?? (LONG ? 600 : 40));
const SEED = Number(process.env['RIMROCK_SEED'] ?? Date.now() % 1_000_000);
const TIMES: Times = {
  totalMs: SECONDS * 1_000,
  betweenMs: LONG ? [5_000, 15_000] : [1_000, 2_000],
  lastsMs: LONG ? [500, 8_000] : [300, 2_000],
};
const REQUESTS_PER_SECOND = 500;
const QUERIES_PER_SECOND = 1_000;
/** What of it there must be at least, on a machine that is full. */
const FLOOR = 0.5;
const GREEN_WITHIN_MS = 30_000;
const APPS = new Map([
  ['/web', 4],
  ['/sleep', 2],
  ['/checked', 2],
]);

const CLUSTERS = [
  { name: 'three masters on Consul', masters: 3, can: hasConsul },
  { name: 'one master, cables and small disks', masters: 1, can: true },
].filter(({ can }) => can);

describe.skipIf(!canSeeProcesses).each(CLUSTERS)('game day, $name (needs /proc)', ({ masters }) => {
  let cluster: GameCluster;
  let declared: Declared;

  beforeAll(async () => {
    cluster = await GameCluster.start({
      masters,
      // On a machine that is full.
      ofAgents: { 'agent.executorReregistrationTimeoutSeconds': 15 },
    });
    const marathon = new Marathon(cluster.ports.marathon);
    await eventually('a master to lead', async () => (await cluster.leader()) !== undefined, {
      timeoutMs: 60_000,
    });
    for (const app of apps())
      await eventually(
        'Marathon to take an app',
        async () => (await marathon.deploy('POST', '/apps', app), true),
        {
          timeoutMs: 60_000,
        },
      );
    declared = { apps: APPS, orphans: await startExecutors(cluster) };
    await green(90_000);
  }, 180_000);
  afterAll(() => cluster?.close());

  /** Resolves when there is nothing wrong any more. */
  const green = async (timeoutMs: number): Promise<void> => {
    await eventually('all to be green', async () => (await whatIsWrong(cluster, declared)).join('; '), {
      timeoutMs,
      everyMs: 200,
      accept: (wrong) => wrong === '',
    });
  };

  it(
    `${SECONDS} s of faults cost no task, and nobody's request but by the edge itself (seed ${SEED})`,
    { timeout: SECONDS * 4_000 + 300_000 },
    async () => {
      const before = cluster.taskProcesses();
      const steps = schedule(SEED, faultsOf(cluster), TIMES);
      const deeds: Deeds = { edgeAway: [], killed: new Set(), wrong: [], done: [] };
      const requestFailures: Failure[] = [];
      const load = startLoad({
        port: cluster.ports.http,
        host: 'web.example.test',
        perSecond: REQUESTS_PER_SECOND,
        failed: (failure) => requestFailures.push(failure),
      });
      const queries = startQueries({
        port: cluster.ports.dns,
        name: 'web.marathon.mesos',
        perSecond: QUERIES_PER_SECOND,
      });
      const story = (): string =>
        `seed ${SEED}\n${deeds.done.join('\n')}\n${cluster.parts.flatMap((p) => p.ends).join('\n')}`;
      try {
        for (const step of steps) {
          await pause(step.afterMs);
          await strike(cluster, step, deeds);
        }
        const overMs = performance.now();
        await green(GREEN_WITHIN_MS);
        console.log(`green ${((performance.now() - overMs) / 1000).toFixed(1)} s after the last fault`);
        await pause(2_000);
      } catch (error) {
        const wrong = await whatIsWrong(cluster, declared);
        const said = cluster.parts.map((p) => `--- ${p.name}\n${p.output.slice(-4_000)}`);
        throw new Error([String(error), ...wrong, story(), ...said].join('\n'), { cause: error });
      } finally {
        await Promise.all([load.stop(), queries.stop()]).then(([requests, asked]) => {
          console.log(
            `${deeds.done.length} faults; ${requests.sent} requests, ${requests.rate.toFixed(0)}/s, ${requestFailures.length} failed; ` +
              `${asked.sent} queries, ${asked.rate.toFixed(0)}/s, ${asked.failures.length} failed`,
          );
          expect.soft(unexcused(requestFailures, deeds.edgeAway).slice(0, 10), story()).toEqual([]);
          expect.soft(unexcused(asked.failures, deeds.edgeAway).slice(0, 10), story()).toEqual([]);
          // A verdict needs traffic.
          expect.soft(requests.rate).toBeGreaterThan(REQUESTS_PER_SECOND * FLOOR);
          expect.soft(asked.rate).toBeGreaterThan(QUERIES_PER_SECOND * FLOOR);
          expect.soft(requests.answered).toBeGreaterThan(requests.sent / 2);
          expect.soft(asked.answered).toBeGreaterThan(asked.sent / 2);
        });
      }
      const after = cluster.taskProcesses();
      const kept = before.filter(([task]) => !deeds.killed.has(task));
      expect(
        after.filter(([task]) => kept.some(([k]) => k === task)),
        story(),
      ).toEqual(kept);
      expect(after, story()).toHaveLength(before.length);
      expect(deeds.wrong, story()).toEqual([]);
      expect(new Set(steps.map((s) => s.fault)).size).toBeGreaterThan(LONG ? 10 : 5);
    },
  );
});

function apps(): Record<string, unknown>[] {
  const check = {
    protocol: 'HTTP',
    path: '/',
    portIndex: 0,
    gracePeriodSeconds: 60,
    intervalSeconds: 1,
    timeoutSeconds: 10,
    maxConsecutiveFailures: 3,
  };
  const of = (id: string): number => APPS.get(id) ?? 1;
  return [
    // Ports that a service is found by, so that a task that is killed is replaced at once.
    httpApp('web', { instances: of('/web'), backoffSeconds: 0.2 }),
    httpApp('checked', { instances: of('/checked'), healthChecks: [check] }),
    httpApp('sleep', { instances: of('/sleep'), cmd: 'exec sleep 86400', mem: 16 }),
  ];
}

const scalars = (values: Readonly<Record<string, number>>): unknown[] =>
  Object.entries(values).map(([name, value]) => ({ name, type: 'SCALAR', scalar: { value } }));

/** A task of an executor and a task group, of a framework that then goes away for longer than the game lasts. */
async function startExecutors(cluster: GameCluster): Promise<string[]> {
  const { port } = await eventually('a master to lead', () => cluster.leader(), { timeoutMs: 60_000 });
  const scheduler = new JsonScheduler(`127.0.0.1:${port}`);
  await scheduler.subscribe({ name: 'executors', failover_timeout: 1e6, checkpoint: true });
  const [offer] = (await scheduler.event('OFFERS'))['offers'].offers;
  const task = (id: string, more: object): object => ({
    name: id,
    task_id: { value: id },
    agent_id: offer.agent_id,
    resources: scalars({ cpus: 0.1, mem: 32 }),
    ...more,
  });
  const echo = `exec ${process.execPath} ${join(root, 'test/support/echo-executor.mjs')}`;
  const executor = {
    type: 'CUSTOM',
    executor_id: { value: 'echo' },
    command: { value: echo },
    resources: scalars({ cpus: 0.1, mem: 128 }),
  };
  const pod = {
    type: 'DEFAULT',
    executor_id: { value: 'pod' },
    resources: scalars({ cpus: 0.1, mem: 32, disk: 16 }),
  };
  const tasks = ['pod.a', 'pod.b'].map((id) => task(id, { command: { value: 'exec sleep 86400' } }));
  const operations = [
    { type: 'LAUNCH', launch: { task_infos: [task('echoed', { executor })] } },
    { type: 'LAUNCH_GROUP', launch_group: { executor: pod, task_group: { tasks } } },
  ];
  await scheduler.call('ACCEPT', { accept: { offer_ids: [offer.id], operations } });
  const ids = ['echoed', 'pod.a', 'pod.b'];
  await Promise.all(ids.map((id) => scheduler.reached(id, 'TASK_RUNNING')));
  scheduler.close();
  return ids;
}
