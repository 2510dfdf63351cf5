import { afterEach, describe, expect, it } from 'vitest';
import { HELLO, Harness, idle, until } from '../testing/harness.ts';
import { FakeMaster } from '../testing/fake-master.ts';
import { memoryStore } from '../../store/index.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

describe('after a restart', () => {
  it('finds its tasks, kills strangers, replaces the missing, and doubles nothing', async () => {
    const { master, store, request, stop } = await harness.setUp();
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    const ids = master
      .running()
      .map((t) => t.id)
      .toSorted();
    const frameworkId = master.frameworkId;
    await stop();
    await until('the master noticed', () => !master.subscribed);
    master.tasks.vanish(ids[0] ?? '');
    const [info] = master.tasks.launched;
    if (info) master.tasks.launch({ ...info, task_id: { value: 'stranger' } });

    const again = await harness.startMarathon(master, store);
    await until(
      'three run again',
      () => master.running().length === 3 && master.tasks.get('stranger')?.state === 'TASK_KILLED',
    );
    expect(master.frameworkId).toBe(frameworkId);
    expect(master.running().map((t) => t.id)).toEqual(expect.arrayContaining(ids.slice(1)));
    expect(master.tasks.launched).toHaveLength(5);
    await idle(again.request);
  });

  it('goes on with a deployment that was cut off', async () => {
    const { master, store, request, stop } = await harness.setUp();
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    const run = master.tasks.onLaunch;
    master.tasks.onLaunch = () => {};
    await request('PUT', '/v2/apps/hello', { cmd: 'sleep 2000' });
    await until('new tasks are staged', () => master.running().length === 6);
    await stop();
    master.tasks.onLaunch = run;
    for (const t of master.running()) if (t.state === 'TASK_STAGING') run(t);
    const again = await harness.startMarathon(master, store);
    await idle(again.request);
    expect(master.running()).toHaveLength(3);
    expect(master.running().every((t) => t.info.command?.value === 'sleep 2000')).toBe(true);
    expect(master.tasks.launched).toHaveLength(6);
  });

  it('starts anew when the master has removed the framework', async () => {
    const { master, store, request, stop } = await harness.setUp();
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    await stop();
    const old = master.frameworkId;
    master.removed.add(old);
    for (const t of master.running()) master.tasks.vanish(t.id);
    await harness.startMarathon(master, store);
    await until(
      'three run under a new id',
      () => master.frameworkId !== old && master.running().length === 3,
    );
  });
});

describe('the connection to the master', () => {
  it('comes back after the stream is lost, and follows redirects', async () => {
    const { master, request } = await harness.setUp();
    const standby = new FakeMaster([]);
    await standby.start();
    harness.onCleanUp(() => standby.stop());
    standby.redirectTo = `//127.0.0.1:${master.port}/api/v1/scheduler`;
    master.dropStream();
    await until('subscribed again', () => master.subscribed);
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    const other = await harness.startMarathon(standby, memoryStore());
    await until('through the standby', async () => (await other.request('GET', '/ready')).status === 200);
  });

  it('declares the services, also those scaled to nothing, until they are gone', async () => {
    const { master, request } = await harness.setUp();
    await request('POST', '/v2/apps', {
      id: '/shop/web',
      cmd: 'x',
      instances: 0,
      labels: { HAPROXY_GROUP: 'external', team: 'a' },
    });
    const services = (): string[] =>
      (master.framework?.labels?.labels ?? [])
        .filter((l) => l.key === 'rimrock.service')
        .map((l) => l.value ?? '');
    await until('it is declared', () => services().length === 1);
    expect(JSON.parse(services()[0] ?? '')).toEqual({
      name: 'web.shop',
      labels: { HAPROXY_GROUP: 'external' },
      ports: [{ name: 'default', protocol: 'tcp', servicePort: 10_000 }],
    });
    expect(master.framework?.labels?.labels?.[0]).toEqual({ key: 'rimrock.declares', value: 'services' });
    await request('DELETE', '/v2/apps/shop/web');
    await until('it is gone', () => services().length === 0);
  });
});
