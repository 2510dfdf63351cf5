import { afterEach, describe, expect, it } from 'vitest';
import { HELLO, Harness, idle } from '../../testing/harness.ts';
import { createHttpClient } from '../../../core/http/client.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

describe('the API', () => {
  it('names the field of every mistake', async () => {
    const { request } = await harness.setUp();
    const bad = await request('POST', '/v2/apps', {
      id: '/x',
      cmd: 'a',
      upgradeStrategy: { minimumHealthCapacity: 2 },
    });
    expect(bad.status).toBe(422);
    expect(bad.body.message).toBe('Object is not valid');
    expect(bad.body.details[0].path).toBe('/upgradeStrategy/minimumHealthCapacity');
    expect((await request('POST', '/v2/apps', '{')).body).toMatchObject({ message: 'Invalid JSON' });
    expect((await request('GET', '/v2/apps/nope')).body).toEqual({ message: "App '/nope' does not exist" });
    expect((await request('GET', '/nothing')).status).toBe(404);
    expect((await request('GET', '/v2/apps?label=%3D%3D')).status).toBe(400);
  });

  it('answers what clients ask for', async () => {
    const { request, base } = await harness.setUp();
    await request('POST', '/v2/apps', { ...HELLO, id: '/grp/app', labels: { a: 'b' } });
    await idle(request);
    expect((await request('POST', '/v2/apps', { ...HELLO, id: '/grp/app' })).status).toBe(409);
    expect((await request('GET', '/v2/apps//grp/app')).body.app.id).toBe('/grp/app');
    expect((await request('GET', '/v2/apps/grp/*')).body['*']).toHaveLength(1);
    expect((await request('GET', '/v2/apps/grp/app/tasks')).body.tasks).toHaveLength(3);
    expect(
      (await request('GET', '/v2/apps?label=a%3D%3Db&embed=apps.tasks')).body.apps[0].tasks,
    ).toHaveLength(3);
    expect((await request('GET', '/v2/apps?label=a!%3Db')).body.apps).toHaveLength(0);
    const { versions } = (await request('GET', '/v2/apps/grp/app/versions')).body;
    expect((await request('GET', `/v2/apps/grp/app/versions/${versions[0]}`)).body.id).toBe('/grp/app');
    const both = await request('PUT', '/v2/apps/grp/app', { version: '2020-01-01T00:00:00.000Z', cpus: 2 });
    expect(both.status).toBe(422);
    expect(both.body.details[0].path).toBe('/version');
    expect((await request('GET', '/v2/groups')).body.groups[0]).toMatchObject({
      id: '/grp',
      apps: [{ id: '/grp/app' }],
    });
    expect((await request('GET', '/v2/tasks?status=running')).body.tasks).toHaveLength(3);
    expect((await request('GET', '/v2/info')).body).toMatchObject({ name: 'marathon', elected: true });
    expect((await request('GET', '/v2/leader')).body.leader).toBe(base.slice('http://'.length));
    const ping = await request('GET', '/ping');
    expect(ping.body).toBe('pong');
    expect(ping.headers['cache-control']).toBe('no-cache, no-store, must-revalidate');
    expect((await request('GET', '/')).headers['location']).toBe('/ui/');
    expect((await request('GET', '/metrics')).body).toContain('rimrock_frameworks_marathon_apps 1');

    const [task] = (await request('GET', '/v2/tasks')).body.tasks;
    const scaled = await request('POST', '/v2/tasks/delete?scale=true', { ids: [task.id] });
    expect(scaled.body.deploymentId).toBeDefined();
    await idle(request);
    const { tasks } = (await request('GET', '/v2/tasks')).body;
    expect(tasks).toHaveLength(2);
    expect(tasks.map((t: { id: string }) => t.id)).not.toContain(task.id);
  });

  it('tells what happens as server-sent events', async () => {
    const { request, base } = await harness.setUp();
    const client = createHttpClient();
    const response = await client.request({
      method: 'GET',
      url: `${base}/v2/events?event_type=event_stream_attached&event_type=deployment_success&event_type=api_post_event`,
      headers: { accept: 'text/event-stream' },
      timeoutMs: 0,
    });
    expect(response.headers['content-type']).toBe('text/event-stream');
    await request('POST', '/v2/apps', HELLO);
    let text = '';
    for await (const chunk of response.body) {
      text += Buffer.from(chunk).toString();
      if (text.includes('deployment_success')) break;
    }
    await client.close();
    const types = [...text.matchAll(/^event: (\w+)\r$/gm)].map((m) => m[1]);
    expect(types).toEqual(['event_stream_attached', 'api_post_event', 'deployment_success']);
    const [, data] = /^data: (.*)\r$/m.exec(text.slice(text.indexOf('api_post_event'))) ?? [];
    expect(JSON.parse(data ?? '')).toMatchObject({
      eventType: 'api_post_event',
      appDefinition: { id: '/hello' },
    });
    expect((await request('GET', '/v2/events')).status).toBe(405);
  });
});
