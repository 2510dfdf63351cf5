import { afterEach, describe, expect, it } from 'vitest';
import type { Access } from '../../../core/http/guard.ts';
import { createHttpClient } from '../../../core/http/client.ts';
import { CompiledPolicy } from '../../../core/policy/compiled-policy.ts';
import type { Rule } from '../../../core/policy/types.ts';
import { HELLO, Harness, idle } from '../../testing/harness.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

/** Everybody is whom the test says. */
class Stage {
  who = 'root';
  readonly access: Access;

  constructor(rules: readonly Rule[]) {
    this.access = {
      authenticator: {
        authenticate: async () => ({
          kind: 'subject',
          subject: { kind: 'user', name: this.who, groups: [] },
        }),
      },
      authorizer: new CompiledPolicy({ version: 1, default: 'deny', rules }),
    };
  }
}

const allow = (who: string, may: readonly string[], on: string): Rule => ({
  name: `${who} ${on}`,
  effect: 'allow',
  who: [`user:${who}`],
  may,
  on: [on],
});

const REFUSED = { status: 403, body: { message: 'Not Authorized to perform this action!' } };

describe('who may do what with apps', () => {
  it('is asked for every write and every look', async () => {
    const stage = new Stage([
      allow('root', ['*'], '**'),
      allow('dev', ['marathon:*'], '/dev/**'),
      allow('ro', ['marathon:view'], '/dev/**'),
    ]);
    const { request } = await harness.setUp([{}], {}, stage.access);
    for (const id of ['/dev/web', '/prod/web'])
      expect((await request('POST', '/v2/apps', { ...HELLO, instances: 1, id })).status).toBe(201);
    await idle(request);

    stage.who = 'dev';
    expect((await request('GET', '/v2/apps')).body.apps.map((a: { id: string }) => a.id)).toEqual([
      '/dev/web',
    ]);
    expect((await request('GET', '/v2/apps/prod/*')).body).toEqual({ '*': [] });
    const { groups } = (await request('GET', '/v2/groups')).body;
    expect(groups.map((g: { id: string }) => g.id)).toEqual(['/dev']);
    expect((await request('GET', '/v2/tasks')).body.tasks).toMatchObject([{ appId: '/dev/web' }]);
    for (const path of ['', '/tasks', '/versions'])
      expect(await request('GET', `/v2/apps/prod/web${path}`)).toMatchObject(REFUSED);
    expect(await request('POST', '/v2/apps', { ...HELLO, id: '/prod/new' })).toMatchObject(REFUSED);
    expect(await request('PUT', '/v2/apps/prod/new', { ...HELLO, id: '/prod/new' })).toMatchObject(REFUSED);
    expect(await request('PUT', '/v2/apps/prod/web', { instances: 0 })).toMatchObject(REFUSED);
    const both = [
      { id: '/dev/web', instances: 0 },
      { id: '/prod/web', instances: 0 },
    ];
    expect(await request('PUT', '/v2/apps', both)).toMatchObject(REFUSED);
    expect(await request('POST', '/v2/apps/prod/web/restart')).toMatchObject(REFUSED);
    expect(await request('DELETE', '/v2/apps/prod/web')).toMatchObject(REFUSED);
    expect(await request('DELETE', '/v2/apps/prod/web/tasks')).toMatchObject(REFUSED);
    expect(await request('DELETE', '/v2/apps/prod/web/tasks?scale=true')).toMatchObject(REFUSED);
    expect((await request('PUT', '/v2/apps/dev/web', { instances: 2 })).status).toBe(200);
    await idle(request);
    expect((await request('DELETE', '/v2/apps/dev/web/tasks')).status).toBe(200);

    stage.who = 'ro';
    expect((await request('GET', '/v2/apps/dev/web')).status).toBe(200);
    expect(await request('PUT', '/v2/apps/dev/web', { instances: 0 })).toMatchObject(REFUSED);

    stage.who = 'root';
    expect((await request('GET', '/v2/apps/prod/web')).body.app.instances).toBe(1);
    // Waits for agents that there are not.
    const huge = { ...HELLO, id: '/prod/huge', cpus: 1000 };
    const { deployments } = (await request('POST', '/v2/apps', huge)).body;
    stage.who = 'dev';
    expect((await request('GET', '/v2/queue')).body.queue).toEqual([]);
    expect((await request('GET', '/v2/deployments')).body).toEqual([]);
    expect(await request('DELETE', `/v2/deployments/${deployments[0].id}?force=true`)).toMatchObject(REFUSED);
  });

  it('is asked for every event', async () => {
    const stage = new Stage([allow('root', ['*'], '**'), allow('dev', ['marathon:*'], '/dev/**')]);
    const { request, base } = await harness.setUp([{}], {}, stage.access);
    stage.who = 'dev';
    const client = createHttpClient();
    harness.onCleanUp(() => client.close());
    const url = `${base}/v2/events?event_type=api_post_event&event_type=deployment_success`;
    const response = await client.request({
      method: 'GET',
      url,
      headers: { accept: 'text/event-stream' },
      timeoutMs: 0,
    });
    stage.who = 'root';
    for (const id of ['/prod/web', '/dev/web']) {
      await request('POST', '/v2/apps', { ...HELLO, instances: 1, id });
      await idle(request);
    }
    let text = '';
    for await (const chunk of response.body) {
      text += Buffer.from(chunk).toString();
      if (text.includes('deployment_success')) break;
    }
    expect(text).toContain('/dev/web');
    expect(text).not.toContain('/prod/web');
  });
});
