import { afterEach, describe, expect, it } from 'vitest';
import { HELLO, Harness, idle, until } from '../testing/harness.ts';
import { FakeMaster } from '../testing/fake-master.ts';
import { memoryStore } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';

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

  it('does not go on with a deployment that is over and could not be forgotten', async () => {
    const inner = memoryStore();
    let broken = false;
    const store: Store = Object.assign(Object.create(inner) as Store, {
      async *elect(...asked: Parameters<Store['elect']>) {
        for await (const { term, ...news } of inner.elect(...asked))
          yield term ? { ...news, term: { ...term, store } } : news;
      },
      get: (key: string) => inner.get(key),
      list: (prefix: string) => inner.list(prefix),
      put: (key: string, value: string) => inner.put(key, value),
      delete: (key: string) =>
        broken && key.startsWith('marathon/deployments/')
          ? Promise.reject(new Error('EIO'))
          : inner.delete(key),
    });
    const master = await new FakeMaster([{}]).start();
    harness.onCleanUp(() => master.stop());
    const { request, stop } = await harness.startMarathon(master, store);
    await request('POST', '/v2/apps', { ...HELLO, instances: 1 });
    await idle(request);
    broken = true;
    expect((await request('PUT', '/v2/apps/hello', { instances: 2 })).status).toBe(200);
    await idle(request);
    // Nothing is promised on top of what may come back.
    expect((await request('PUT', '/v2/apps/hello', { instances: 3 })).status).toBe(500);
    broken = false;
    expect((await request('PUT', '/v2/apps/hello', { instances: 3 })).status).toBe(200);
    await idle(request);
    const before = master.running().map((t) => t.id);
    expect(before).toHaveLength(3);
    expect(await inner.list('marathon/deployments/')).toEqual([]);
    await stop();
    const again = await harness.startMarathon(master, store);
    await idle(again.request);
    expect(master.running().map((t) => t.id)).toEqual(before);
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
