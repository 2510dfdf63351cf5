import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { FakeMaster } from '../testing/fake-master.ts';
import { HELLO, Harness, idle, until } from '../testing/harness.ts';
import type { Request } from '../testing/harness.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

const running = (master: FakeMaster): string[] =>
  master
    .running()
    .filter((t) => t.state === 'TASK_RUNNING')
    .map((t) => t.id);

describe('when agents go away', () => {
  it('replaces what is unreachable, and kills it when it comes back', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', { ...HELLO, instances: 1 });
    await idle(request);
    const [lost] = running(master);
    master.tasks.update(lost ?? '', 'TASK_UNREACHABLE');
    await until('a replacement runs', () => running(master).length === 1);
    master.tasks.update(lost ?? '', 'TASK_RUNNING');
    await until('the old one is killed', () => master.tasks.get(lost ?? '')?.state === 'TASK_KILLED');
    expect(running(master)).toHaveLength(1);
    expect(running(master)).not.toContain(lost);
  });

  it('waits for them as the app says', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', { ...HELLO, instances: 1, unreachableStrategy: 'disabled' });
    await idle(request);
    const [lost] = running(master);
    master.tasks.update(lost ?? '', 'TASK_UNREACHABLE');
    await until(
      'it is seen',
      async () => (await request('GET', '/v2/tasks')).body.tasks[0].state === 'TASK_UNREACHABLE',
    );
    master.tasks.update(lost ?? '', 'TASK_RUNNING');
    await until(
      'it is back',
      async () => (await request('GET', '/v2/apps/hello')).body.app.tasksRunning === 1,
    );
    expect(running(master)).toEqual([lost]);
    expect(master.tasks.launched).toHaveLength(1);
  });

  it('does not believe at once a master that knows nothing yet', async () => {
    const { master, store, request, stop } = await harness.setUp([{}, {}]);
    await request('POST', '/v2/apps', { ...HELLO, instances: 1 });
    await idle(request);
    await stop();
    const [task] = master.running();
    const agents = [...master.agents];
    master.agents.splice(0); // a master that was started anew: no agent has come back to it
    master.tasks.amnesia = true;
    await harness.startMarathon(master, store, { unknownTaskGraceSeconds: 30 });
    await until(
      'it was asked twice',
      () => master.calls.filter((c) => c.reconcile?.tasks.length === 1).length >= 2,
    );
    master.tasks.amnesia = false;
    master.agents.push(...agents);
    await until('it is known again', () => running(master).length === 1);
    expect(master.tasks.launched.map((t) => t.task_id.value)).toEqual([task?.id]);
  });

  it('starts anew what stays unknown', async () => {
    const { master, store, request, stop } = await harness.setUp([{}, {}]);
    await request('POST', '/v2/apps', { ...HELLO, instances: 1 });
    await idle(request);
    await stop();
    const [task] = master.running();
    const index = master.agents.findIndex((a) => a.id === task?.agentId);
    master.agents.splice(index, 1);
    master.tasks.vanish(task?.id ?? '');
    await harness.startMarathon(master, store, { unknownTaskGraceSeconds: 0.1 });
    await until('it runs elsewhere', () => running(master).length === 1);
    expect(master.running()[0]?.agentId).not.toBe(task?.agentId);
  });
});

describe('deployments', () => {
  it('bring up dependencies first, and refuse cycles', async () => {
    const { master, request } = await harness.setUp();
    master.tasks.onLaunch = () => {};
    const db = { ...HELLO, id: '/shop/db', instances: 1 };
    const web = { ...HELLO, id: '/shop/web', instances: 1, dependencies: ['../db'] };
    expect((await request('PUT', '/v2/apps', [web, db])).status).toBe(200);
    await until('the database is staged', () => master.running().length === 1);
    const [first] = master.running();
    expect(first?.info.name).toBe('db.shop');
    const [deployment] = (await request('GET', '/v2/deployments')).body;
    expect(deployment).toMatchObject({
      currentStep: 2,
      totalSteps: 3,
      currentActions: [{ action: 'ScaleApplication', app: '/shop/db', readinessCheckResults: [] }],
    });
    master.tasks.onLaunch = (task) => master.tasks.update(task.id, 'TASK_RUNNING');
    master.tasks.update(first?.id ?? '', 'TASK_RUNNING');
    await idle(request);
    expect(running(master)).toHaveLength(2);
    const cycle = await request('PUT', '/v2/apps/shop/db', { dependencies: ['/shop/web'] });
    expect(cycle).toMatchObject({ status: 422, body: { details: [{ path: '/dependencies' }] } });
    expect((await request('POST', '/v2/apps', { ...HELLO, id: '/shop' })).body.details[0].path).toBe('/id');
  });

  it('are limited in number, and can be forced aside', async () => {
    const { master, request } = await harness.setUp([{}], { maxRunningDeployments: 1 });
    master.tasks.onLaunch = () => {};
    await request('POST', '/v2/apps', HELLO);
    expect((await request('POST', '/v2/apps', { ...HELLO, id: '/other' })).status).toBe(403);
    const locked = await request('POST', '/v2/apps/hello/restart');
    expect(locked.status).toBe(409);
    expect(locked.body.deployments).toHaveLength(1);
    master.tasks.onLaunch = (task) => master.tasks.update(task.id, 'TASK_RUNNING');
    expect((await request('PUT', '/v2/apps/hello?force=true', { cmd: 'other' })).status).toBe(200);
    await idle(request);
    expect(running(master)).toHaveLength(3);
    expect(master.running().every((t) => t.info.command?.value === 'other')).toBe(true);
  });

  it('kill single tasks, which come back, or go for good with scale', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    const [victim] = running(master);
    const killed = await request('DELETE', `/v2/apps/hello/tasks/${victim}`);
    expect(killed.body.task.id).toBe(victim);
    await until(
      'three others',
      () => running(master).length === 3 && !running(master).includes(victim ?? ''),
    );
    await request('DELETE', '/v2/apps/hello/tasks?scale=true');
    await idle(request);
    expect(running(master)).toHaveLength(0);
    expect((await request('GET', '/v2/apps/hello')).body.app.instances).toBe(0);
    expect((await request('DELETE', '/v2/apps/hello/tasks?scale=true&wipe=true')).status).toBe(400);
    expect((await request('DELETE', '/v2/apps/hello/tasks/nope')).status).toBe(404);
  });

  it('lift the launch delay on request', async () => {
    const { master, request } = await harness.setUp();
    master.tasks.onLaunch = (task) => master.tasks.update(task.id, 'TASK_FAILED');
    await request('POST', '/v2/apps', {
      ...HELLO,
      instances: 1,
      backoffSeconds: 3000,
      maxLaunchDelaySeconds: 3000,
    });
    await until(
      'it is delayed',
      async () => (await request('GET', '/v2/queue')).body.queue[0]?.delay.overdue === false,
    );
    master.tasks.onLaunch = (task) => master.tasks.update(task.id, 'TASK_RUNNING');
    expect((await request('DELETE', '/v2/queue/hello/delay')).status).toBe(204);
    await idle(request);
    expect((await request('DELETE', '/v2/queue/hello/delay')).status).toBe(404);
  });
});

/** Things that go wrong, and things that people do. */
type Act = (world: { master: FakeMaster; request: Request; pick: number }) => Promise<unknown> | void;

const ACTS: Readonly<Record<string, Act>> = {
  scale: ({ request, pick }) => request('PUT', '/v2/apps/hello?force=true', { instances: pick % 6 }),
  change: ({ request, pick }) => request('PUT', '/v2/apps/hello?force=true', { cmd: `sleep ${pick}` }),
  restart: ({ request }) => request('POST', '/v2/apps/hello/restart?force=true'),
  rollback: async ({ request }) => {
    const [deployment] = (await request('GET', '/v2/deployments')).body;
    if (deployment) await request('DELETE', `/v2/deployments/${deployment.id}`);
  },
  fail: ({ master, pick }) => master.tasks.update(taskAt(master, pick), 'TASK_FAILED'),
  unreachable: ({ master, pick }) => master.tasks.update(taskAt(master, pick), 'TASK_UNREACHABLE'),
  back: ({ master, pick }) => master.tasks.update(taskAt(master, pick), 'TASK_RUNNING'),
  vanish: ({ master, pick }) => master.tasks.vanish(taskAt(master, pick)),
  disconnect: ({ master }) => master.dropStream(),
};

function taskAt(master: FakeMaster, pick: number): string {
  const all = master.running();
  return all[pick % Math.max(1, all.length)]?.id ?? '';
}

describe('whatever happens', () => {
  it('ends with just what is wanted, each in the wanted version', async () => {
    const acts = fc.array(fc.tuple(fc.constantFrom(...Object.keys(ACTS)), fc.nat(99)), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(acts, async (steps) => {
        const { master, request, stop } = await harness.setUp([{}, {}]);
        await request('POST', '/v2/apps', { ...HELLO, backoffSeconds: 0.01, maxLaunchDelaySeconds: 0.02 });
        await idle(request);
        for (const [name, pick] of steps) await ACTS[name]?.({ master, request, pick });
        await until('subscribed', () => master.subscribed);
        master.dropStream(); // lost tasks show at the next reconciliation
        await until('subscribed again', () => master.subscribed);
        await idle(request);
        const { app } = (await request('GET', '/v2/apps/hello')).body;
        // A task that came back and is about to be killed may stand in for one that is to come: both have to say so at once.
        await until(`${app.instances} of ${app.cmd}: ${JSON.stringify(steps)}`, async () => {
          const known = (await request('GET', '/v2/apps/hello')).body.app.tasks;
          const tasks = master.running().filter((t) => t.state === 'TASK_RUNNING');
          const lost = master.running().filter((t) => t.state === 'TASK_UNREACHABLE');
          const same = tasks.every((t) => t.info.command?.value === app.cmd);
          return (
            same &&
            known.length === app.instances &&
            tasks.length === app.instances &&
            lost.length + tasks.length === master.running().length
          );
        });
        await stop();
        await harness.cleanUp();
      }),
      { numRuns: 20 },
    );
  });
});
