import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../core/http/client.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { startHarness } from '../testing/lb-harness.ts';
import type { Harness } from '../testing/lb-harness.ts';

describe('the admin API', () => {
  const client = createHttpClient();
  let h: Harness;
  beforeAll(async () => {
    h = await startHarness();
    h.catalog.set(
      service({
        name: 'a',
        labels: new Map([
          ['HAPROXY_0_VHOST', 'https://a.test'],
          ['HAPROXY_0_PATH', '/api'],
          ['HAPROXY_0_BIND_OPTIONS', 'x'],
        ]),
        instances: [
          instance(1001),
          instance(1002, { phase: 'draining' }),
          instance(1003, { healthy: false }),
        ],
      }),
      service({ name: 'b', labels: new Map([['HAPROXY_0_VHOST', '*.test']]) }),
    );
  });
  afterAll(async () => {
    await client.close();
    await h.close();
  });

  async function get(path: string): Promise<{ status: number; json: Record<string, never>; text: string }> {
    const response = await client.request({ method: 'GET', url: `${h.admin}${path}` });
    const text = await response.text();
    return {
      status: response.status,
      text,
      json: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, never>,
    };
  }

  it('lists routes with their endpoints', async () => {
    const { json } = await get('/routes');
    expect(json).toMatchObject({
      routes: [
        { host: '*.test', service: 'marathon/b', endpoints: [] },
        {
          host: 'a.test',
          path: '/api',
          weight: 1,
          service: 'marathon/a',
          portIndex: 0,
          endpoints: [
            {
              task: 'task-1001',
              address: '127.0.0.1:1001',
              phase: 'up',
              inFlight: 0,
              eligibility: 'eligible',
            },
            { phase: 'draining', eligibility: 'draining' },
            { healthy: false, eligibility: 'unhealthy' },
          ],
        },
      ],
    });
  });

  it('explains where a request goes, rule by rule', async () => {
    const { json } = await get('/explain?method=get&url=http://A.test/api/x&header=X-A:1');
    expect(json).toMatchObject({
      request: { method: 'GET', host: 'a.test', path: '/api/x' },
      rules: [
        { service: 'marathon/a', outcome: 'chosen' },
        { service: 'marathon/b', outcome: 'after-the-chosen-one' },
      ],
      service: 'marathon/a',
      picked: { address: '127.0.0.1:1001' },
    });
  });

  it('explains why a request goes nowhere', async () => {
    expect((await get('/explain?url=http://a.test/')).json).toMatchObject({
      rules: [{ outcome: 'path-differs' }, { service: 'marathon/b', outcome: 'chosen' }],
      answer: { reason: 'no-endpoints', status: 503 },
    });
    expect((await get('/explain?url=http://other/')).json).toMatchObject({ answer: { reason: 'no-route' } });
    expect((await get('/explain?url=http://a.test/a/../b')).json).toMatchObject({
      answer: { reason: 'ambiguous-path', status: 400 },
    });
    // Not the letters that fit into a byte, but what a client would send.
    expect((await get('/explain?url=http://a.test/%C5%A1')).json).toMatchObject({
      answer: { reason: 'bad-request-line', status: 400 },
    });
    expect(await get('/explain?url=nonsense')).toMatchObject({ status: 400 });
  });

  it('lists what was set aside and why', async () => {
    const { json } = await get('/rejected');
    expect(json).toMatchObject({
      rejected: [
        {
          service: 'marathon/a',
          label: 'HAPROXY_0_BIND_OPTIONS',
          reason: expect.stringContaining('listeners') as string,
        },
        {
          service: 'marathon/a',
          label: 'HAPROXY_0_VHOST',
          reason: expect.stringContaining("write 'a.test'") as string,
        },
      ],
    });
  });

  it('answers health checks and metrics', async () => {
    expect((await get('/_haproxy_health_check')).status).toBe(200);
    expect((await get('/ready')).status).toBe(200);
    expect((await get('/metrics')).text).toContain('rimrock_lb_routes 2');
  });
});
