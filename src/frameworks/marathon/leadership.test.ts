import { afterEach, describe, expect, it } from 'vitest';
import { HELLO, Harness, idle, until } from '../testing/harness.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

describe('two Marathons with one store', () => {
  it('sends to the leader, and takes its place with all that it knew', async () => {
    const { master, store, request, stop } = await harness.setUp();
    const standby = await harness.startMarathon(master, store);
    await request('POST', '/v2/apps', HELLO);
    await idle(request);
    const frameworkId = master.frameworkId;
    const leader = (await request('GET', '/v2/leader')).body as { leader: string };
    expect((await standby.request('GET', '/v2/leader')).body).toEqual(leader);
    expect((await standby.request('GET', '/v2/info')).body).toMatchObject({ elected: false, ...leader });
    expect((await request('GET', '/v2/info')).body).toMatchObject({ elected: true, ...leader });
    for (const [method, path] of [
      ['GET', '/v2/apps?embed=apps.tasks'],
      ['POST', '/v2/apps'],
      ['DELETE', '/v2/apps/hello'],
      ['GET', '/v2/events'],
    ] as const) {
      const answer = await standby.request(method, path);
      expect([path, answer.status, answer.headers['location']]).toEqual([
        path,
        307,
        `http://${leader.leader}${path}`,
      ]);
    }
    expect((await standby.request('GET', '/ping')).status).toBe(200);

    await stop();
    await until('the standby to lead', async () => (await standby.request('GET', '/v2/apps')).status === 200);
    await until('its subscription', () => master.subscribed);
    expect(master.frameworkId).toBe(frameworkId);
    expect((await standby.request('GET', '/v2/apps/hello')).status).toBe(200);
    await idle(standby.request);
    expect(master.tasks.launched).toHaveLength(HELLO.instances);
  });
});
