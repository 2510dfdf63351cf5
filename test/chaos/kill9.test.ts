import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses, processesMarked } from '../support/processes.ts';

// What was acknowledged survives kill -9, and what ran goes on running: same processes, none twice, none forgotten.

const APPS = 10;

/** Fields of an app that tell what was declared, as opposed to how it goes. */
const DECLARED = ['id', 'cmd', 'cpus', 'mem', 'instances', 'env', 'labels', 'constraints', 'version'];

describe.skipIf(!canSeeProcesses)('kill -9 of the whole platform (needs /proc)', () => {
  let site: Site;
  let platform: Running;
  let marathon: Marathon;

  beforeAll(async () => {
    site = await Site.make();
    platform = await site.start('up');
    marathon = new Marathon(site.ports.marathon);
    for (let i = 0; i < APPS; i++) await marathon.deploy('POST', '/apps', app(i));
    await marathon.settled();
  });
  afterAll(() => site.close());

  const instancesOf = (i: number): number => 1 + (i % 2);
  const app = (i: number): Record<string, unknown> => ({
    id: `/kill9/app-${i}`,
    cmd: 'exec sleep 86400',
    cpus: 0.1,
    mem: 16,
    instances: instancesOf(i),
    env: { NUMBER: String(i) },
    labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: `app-${i}.example.test` },
    portDefinitions: [{ port: 0, name: 'http' }],
  });
  const total = Array.from({ length: APPS }, (_, i) => instancesOf(i)).reduce((a, b) => a + b);

  /** Task id → pid of every task process of ours that runs now. A task that runs twice is listed twice. */
  const taskProcesses = (): [task: string, pid: number][] =>
    processesMarked(site.data)
      .filter((p) => p.command === 'sleep 86400')
      .map((p): [string, number] => [/MESOS_TASK_ID=([^\0]+)/.exec(p.environment ?? '')?.[1] ?? '?', p.pid])
      .sort(([a], [b]) => (a < b ? -1 : 1));

  const declared = async (): Promise<unknown[]> => {
    const { json } = await call('GET', `http://127.0.0.1:${site.ports.marathon}/v2/apps`);
    return (json.apps as Record<string, unknown>[])
      .map((a) => Object.fromEntries(DECLARED.map((key) => [key, a[key]])))
      .sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
  };

  /** Marathon and the master both say that exactly `n` tasks run, and no deployment is open. */
  const allRunning = async (n: number): Promise<void> => {
    await eventually(
      `${n} running tasks`,
      async () => {
        const { json } = await call('GET', `http://127.0.0.1:${site.ports.marathon}/v2/tasks`);
        const state = await call('GET', `http://127.0.0.1:${site.ports.master}/state`);
        const frameworks = state.json.frameworks as { tasks: { state: string }[] }[];
        const running = frameworks.flatMap((f) => f.tasks).filter((t) => t.state === 'TASK_RUNNING').length;
        return `${(json.tasks as { state: string }[]).filter((t) => t.state === 'TASK_RUNNING').length} ${running}`;
      },
      { timeoutMs: 30_000, accept: (seen) => seen === `${n} ${n}` },
    );
    await marathon.settled();
  };

  /** How many instances the load balancer has to send to. */
  const endpoints = async (): Promise<number> => {
    const { json } = await call('GET', `http://127.0.0.1:${site.ports.admin}/routes`);
    const routes = json.routes as { endpoints: { task: string }[] }[];
    return new Set(routes.flatMap((r) => r.endpoints.map((e) => e.task))).size;
  };

  /** For `ms`, look often: at no moment are there more task processes than declared. */
  const neverMoreThan = async (n: number, ms: number): Promise<void> => {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      expect(taskProcesses().length).toBeLessThanOrEqual(n);
      await pause(50);
    }
  };

  it('starts ten apps', async () => {
    await allRunning(total);
    expect(taskProcesses()).toHaveLength(total);
  });

  it.each([1, 2, 3])('finds everything again, in the same processes (time %i)', async () => {
    const appsBefore = await declared();
    const processesBefore = taskProcesses();
    await platform.kill9();
    expect(taskProcesses()).toEqual(processesBefore);
    platform = await site.start('up');
    expect(await endpoints()).toBe(total);
    await allRunning(total);
    await neverMoreThan(total, 2_000);
    expect(taskProcesses()).toEqual(processesBefore);
    expect(await declared()).toEqual(appsBefore);
    expect(appsBefore).toHaveLength(APPS);
  });

  it('replaces a task that died while nobody was there, and only that one', async () => {
    const before = taskProcesses();
    await platform.kill9();
    const [lostTask, lostPid] = before[0] ?? ['', 0];
    process.kill(lostPid, 'SIGKILL');
    platform = await site.start('up');
    await eventually(
      'a new task in its place',
      () => {
        const now = taskProcesses();
        return now.length === total && !now.some(([task]) => task === lostTask);
      },
      { timeoutMs: 30_000 },
    );
    await allRunning(total);
    const after = taskProcesses();
    expect(after.filter(([, pid]) => before.some(([, p]) => p === pid))).toHaveLength(total - 1);
  });

  it('keeps what it acknowledged a moment before the kill', async () => {
    await marathon.deploy('POST', '/apps', app(APPS));
    await platform.kill9();
    platform = await site.start('up');
    const now = total + instancesOf(APPS);
    await allRunning(now);
    await neverMoreThan(now, 1_000);
    expect(taskProcesses()).toHaveLength(now);
    expect(await declared()).toHaveLength(APPS + 1);
  });

  it('stops cleanly afterwards and leaves no orphan', async () => {
    expect(await platform.interrupt()).toBe(0);
    expect(site.leftovers()).toEqual([]);
  });
});
