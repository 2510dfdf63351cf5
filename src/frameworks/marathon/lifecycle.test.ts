// The whole scheduler with its real API, against a master over real HTTP.
import { afterEach, describe, expect, it } from 'vitest';
import { HELLO, Harness, idle, until } from '../testing/harness.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

describe('an app', () => {
  it('is created, scaled, restarted, rolled back and deleted', async () => {
    const { master, request } = await harness.setUp();
    const created = await request('POST', '/v2/apps', { ...HELLO, labels: { HAPROXY_GROUP: 'external' } });
    expect(created.status).toBe(201);
    expect(created.headers['location']).toBe('/v2/apps/hello');
    expect(created.headers['marathon-deployment-id']).toBe(created.body.deployments[0].id);
    expect(created.body).toMatchObject({
      id: '/hello',
      tasksRunning: 0,
      tasks: [],
      portDefinitions: [{ port: 10000 }],
    });
    await idle(request);
    expect(master.running()).toHaveLength(3);

    const [task] = master.running();
    expect(task?.id).toMatch(/^hello\.instance-[0-9a-f-]{36}\._app\.1$/);
    expect(task?.info.discovery).toMatchObject({
      name: 'hello',
      visibility: 'FRAMEWORK',
      ports: {
        ports: [
          { name: 'default', protocol: 'tcp', labels: { labels: [{ key: 'network-scope', value: 'host' }] } },
        ],
      },
    });

    await request('PUT', '/v2/apps/hello', { instances: 5 });
    await idle(request);
    expect(master.running()).toHaveLength(5);
    await request('PUT', '/v2/apps//hello', { instances: 2 });
    await idle(request);
    expect(master.running()).toHaveLength(2);

    const before = new Set(master.running().map((t) => t.id));
    await request('POST', '/v2/apps/hello/restart');
    await idle(request);
    expect(master.running()).toHaveLength(2);
    expect(master.running().some((t) => before.has(t.id))).toBe(false);

    const view = (await request('GET', '/v2/apps/hello')).body.app;
    expect(view).toMatchObject({ tasksRunning: 2, tasksStaged: 0, deployments: [], instances: 2 });
    expect(view.tasks[0]).toMatchObject({
      appId: '/hello',
      state: 'TASK_RUNNING',
      host: 'host0',
      servicePorts: [10000],
    });

    const deleted = await request('DELETE', '/v2/apps/hello');
    expect(deleted.status).toBe(200);
    expect(deleted.body.deploymentId).toBe(deleted.headers['marathon-deployment-id']);
    await idle(request);
    expect(master.running()).toHaveLength(0);
    expect((await request('GET', '/v2/apps/hello')).status).toBe(404);
  });

  it('never has less than minimumHealthCapacity nor more than maximumOverCapacity while it restarts', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', {
      ...HELLO,
      instances: 4,
      upgradeStrategy: { minimumHealthCapacity: 0.75, maximumOverCapacity: 0.25 },
    });
    await idle(request);
    let least = Infinity;
    let most = 0;
    const watch = (): void => {
      least = Math.min(least, master.running().filter((t) => t.state === 'TASK_RUNNING').length);
      most = Math.max(most, master.running().length);
    };
    const { onLaunch, onKill } = master.tasks;
    master.tasks.onLaunch = (task) => {
      onLaunch(task);
      watch();
    };
    master.tasks.onKill = (task) => {
      onKill(task);
      watch();
    };
    await request('PUT', '/v2/apps/hello', { cmd: 'sleep 2000' });
    await idle(request);
    expect(least).toBe(3);
    expect(most).toBeLessThanOrEqual(5);
    expect(master.running().every((t) => t.info.command?.value === 'sleep 2000')).toBe(true);
  });

  it('goes back to what still runs when its deployment is cancelled', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    const before = master
      .running()
      .map((t) => t.id)
      .toSorted();
    master.tasks.onLaunch = () => {}; // the new version never comes up
    const update = await request('PUT', '/v2/apps/hello', { cmd: 'broken' });
    await until('new tasks are staged', () => master.running().length === 6);
    expect((await request('PUT', '/v2/apps/hello', { instances: 9 })).status).toBe(409);
    const rollback = await request('DELETE', `/v2/deployments/${update.body.deploymentId}`);
    expect(rollback.status).toBe(200);
    await idle(request);
    expect(
      master
        .running()
        .map((t) => t.id)
        .toSorted(),
    ).toEqual(before);
    expect((await request('GET', '/v2/apps/hello')).body.app.cmd).toBe('sleep 1000');
  });

  it('is replaced when it crashes, and waits longer each time', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', { ...HELLO, instances: 1, backoffSeconds: 0.05, backoffFactor: 2 });
    await idle(request);
    const [first] = master.running();
    master.tasks.update(first?.id ?? '', 'TASK_FAILED', { message: 'Command exited with status 1' });
    await until('a replacement runs', () =>
      master.running().some((t) => t.id !== first?.id && t.state === 'TASK_RUNNING'),
    );
    const { app } = (await request('GET', '/v2/apps/hello')).body;
    expect(app.lastTaskFailure).toMatchObject({
      state: 'TASK_FAILED',
      taskId: first?.id,
      message: 'Command exited with status 1',
    });
  });

  it('says in the queue why it waits', async () => {
    const { request } = await harness.setUp([
      { hostname: 'small', resources: 'cpus:1;mem:64;disk:10;ports:[31000-31001]' },
    ]);
    await request('POST', '/v2/apps', { ...HELLO, mem: 1000, instances: 1 });
    await until('offers were refused', async () => {
      const { queue } = (await request('GET', '/v2/queue')).body;
      return queue[0]?.processedOffersSummary.unusedOffersCount > 0;
    });
    const [entry] = (await request('GET', '/v2/queue?embed=lastUnusedOffers')).body.queue;
    expect(entry).toMatchObject({ count: 1, delay: { overdue: true, timeLeftSeconds: 0 } });
    expect(entry.processedOffersSummary.rejectSummaryLastOffers).toContainEqual({
      reason: 'InsufficientMemory',
      declined: 1,
      processed: 1,
    });
    expect(entry.lastUnusedOffers[0]).toMatchObject({
      reason: ['InsufficientMemory'],
      offer: { hostname: 'small' },
    });
    await request('PUT', '/v2/apps/hello?force=true', { mem: 32 });
    await idle(request);
  });

  it('keeps to its constraints', async () => {
    const { master, request } = await harness.setUp([{}, {}, {}]);
    await request('POST', '/v2/apps', { ...HELLO, instances: 4, constraints: [['hostname', 'UNIQUE']] });
    await until('one per host', () => master.running().length === 3);
    expect(new Set(master.running().map((t) => t.agentId)).size).toBe(3);
    expect((await request('GET', '/v2/queue')).body.queue[0].count).toBe(1);
  });
});
