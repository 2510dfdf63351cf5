import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../core/http/client.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { startHarness } from '../testing/lb-harness.ts';
import type { Harness } from '../testing/lb-harness.ts';

const HASH = '$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB';
const labels = (all: Record<string, string>): Map<string, string> => new Map(Object.entries(all));

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

const client = createHttpClient();
afterAll(() => client.close());

async function call(h: Harness, path: string, order?: unknown, type = 'application/json'): Promise<Answer> {
  const response = await client.request({
    method: order === undefined ? 'GET' : 'POST',
    url: `${h.admin}${path}`,
    ...(order === undefined ? {} : { headers: { 'content-type': type }, body: JSON.stringify(order) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: (text.startsWith('{') ? JSON.parse(text) : {}) as never };
}

describe('the admin API: what it tells and does', () => {
  let h: Harness;
  const seen: string[] = [];
  beforeAll(async () => {
    h = await startHarness({
      trustedProxies: ['10.9.9.9'],
      middlewares: {
        door: { basicAuth: { users: [`jo:${HASH}`] } },
        inside: { ipFilter: { allow: '10.0.0.0/8' } },
        below: { rewrite: { stripPrefix: '/api' } },
      },
    });
    const origins = await Promise.all(
      ['one', 'two'].map((name) =>
        h.origin((_, response) => {
          seen.push(name);
          response.end(name);
        }),
      ),
    );
    h.catalog.set(
      service({
        name: 'shop',
        labels: labels({
          'rimrock.http.x.host': 'shop.test',
          'rimrock.http.x.middlewares': 'inside,below,door',
        }),
        instances: [instance(1)],
      }),
      service({
        name: 'web',
        labels: labels({ HAPROXY_0_VHOST: 'web.test', HAPROXY_0_PORT: '10001' }),
        instances: origins.map(({ port }) => instance(port)),
      }),
    );
  });
  afterAll(() => h.close());
  const ask = async (): Promise<string> => {
    const text = await h
      .dial()
      .send('GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n')
      .untilEnd();
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  };

  it('explains which middleware refuses, and why', async () => {
    const outside = await call(h, '/explain?url=http://shop.test/api/x&client=192.0.2.1');
    expect(outside.json).toMatchObject({
      request: { client: '192.0.2.1' },
      route: expect.stringContaining('marathon/shop:x') as string,
      middlewares: [
        {
          middleware: 'ipFilter',
          outcome: 'refuses',
          detail: 'address-refused: 192.0.2.1 is not among those allowed',
        },
        { middleware: 'rewrite', outcome: 'not-reached' },
        { middleware: 'basicAuth', outcome: 'not-reached' },
      ],
      answer: { status: 403, reason: 'address-refused' },
    });
    const inside = await call(h, '/explain?url=http://shop.test/api/x&client=10.0.0.1');
    expect(inside.json).toMatchObject({
      middlewares: [
        { outcome: 'passes' },
        { outcome: 'changes', detail: 'path is now /x' },
        { outcome: 'refuses', detail: 'auth-required' },
      ],
      answer: { status: 401 },
    });
    const header = encodeURIComponent(`Authorization: Basic ${Buffer.from('jo:x').toString('base64')}`);
    const known = await call(h, `/explain?url=http://shop.test/api/x&client=10.0.0.1&header=${header}`);
    expect(known.json).toMatchObject({
      middlewares: [{}, {}, { outcome: 'passes', detail: 'the password would be verified' }],
      target: '/x',
      service: 'marathon/shop',
      picked: { task: 'task-1' },
    });
    const proxied = '/explain?url=http://shop.test/&client=10.9.9.9&header=X-Forwarded-For:192.0.2.7';
    expect((await call(h, proxied)).json).toMatchObject({
      request: { client: '192.0.2.7' },
      answer: { status: 403 },
    });
    expect((await call(h, '/explain?url=http://shop.test/&client=me')).status).toBe(400);
  });

  it('takes an instance out of service by hand, and lets it in again', async () => {
    const { json } = await call(h, '/endpoints?service=marathon/web');
    const backends = json['backends'] as { endpoints: { task: string }[] }[];
    const task = backends[0]?.endpoints[0]?.task ?? '';
    expect(json).toMatchObject({
      drained: { services: [], tasks: [] },
      backends: [
        {
          backend: 'marathon/web#0',
          endpoints: [{ eligibility: 'eligible', drainedByHand: false, check: null }, {}],
        },
      ],
    });
    expect((await call(h, '/endpoints/drain', { task, drain: true })).json).toMatchObject({
      drained: { tasks: [task] },
    });
    const answers = new Set<string>();
    for (let i = 0; i < 8; i++) answers.add(await ask());
    expect([...answers]).toEqual(['two']);
    expect((await call(h, '/endpoints?service=marathon/web')).json).toMatchObject({
      backends: [{ endpoints: [{ drainedByHand: true, phase: 'draining', eligibility: 'draining' }, {}] }],
    });
    expect((await call(h, '/endpoints/drain', { task, drain: false })).status).toBe(200);
    for (let i = 0; i < 40; i++) answers.add(await ask());
    expect([...answers].toSorted()).toEqual(['one', 'two']);
  });

  it.each([
    [404, { task: 'nobody', drain: true }],
    [404, { service: 'marathon/nobody', drain: true }],
    [400, { service: 'marathon/web' }],
    [400, { service: 'marathon/web', task: 'x', drain: true }],
    [400, { service: 'marathon/web', drain: 'yes' }],
    [400, { service: 'marathon/web', drain: true, force: true }],
    [400, []],
  ])('%i for an order to drain such as %j', async (status, order) => {
    const answer = await call(h, '/endpoints/drain', order);
    expect(answer.status).toBe(status);
    expect(answer.json['error']).toEqual(expect.any(String));
  });

  it('takes no orders from forms of web pages', async () => {
    const order = { service: 'marathon/web', drain: true };
    expect((await call(h, '/endpoints/drain', order, 'text/plain')).status).toBe(415);
  });

  it('shows the settings in effect without the hashes of passwords, and the planes', async () => {
    const config = await call(h, '/config');
    expect(config.json).toMatchObject({
      lb: { middlewares: { door: { basicAuth: { users: ['jo:********'] } } } },
    });
    expect(config.text).not.toContain(HASH.slice(-20));
    expect((await call(h, '/planes')).json).toMatchObject({
      version: expect.any(Number) as number,
      planes: [
        { plane: 0, engine: 'portable', listening: true, applied: expect.any(Number) as number, restarts: 0 },
      ],
    });
  });

  it('follows routes and middlewares of a changed configuration, also those that labels name', async () => {
    const before = (await call(h, '/config')).json['lb'] as Record<string, unknown>;
    const next = {
      ...before,
      middlewares: {
        ...(before['middlewares'] as object),
        door: { headers: {} },
        inside: { ipFilter: { allow: '192.0.2.0/24' } },
      },
      routes: { http: { more: { host: 'more.test', service: 'marathon/web' } }, tcp: {} },
    };
    const { lbConfigSchema } = await import('../config.ts');
    expect(h.lb.reload?.(lbConfigSchema.parse(next))).toEqual(['routes', 'middlewares']);
    expect(h.lb.reload?.(lbConfigSchema.parse(next))).toEqual([]);
    expect((await call(h, '/explain?url=http://more.test/')).json).toMatchObject({ service: 'marathon/web' });
    expect((await call(h, '/explain?url=http://shop.test/&client=192.0.2.1')).json).toMatchObject({
      middlewares: [{ outcome: 'passes' }, {}, { middleware: 'headers' }],
      service: 'marathon/shop',
    });
  });
});

describe('the admin API where services get no ports of their own', () => {
  it('has no routes there, and tells who asked for one', async () => {
    const h = await startHarness({
      servicePorts: { enabled: false },
      routes: { tcp: { db: { listeners: 'port:5432', service: 'marathon/web' } } },
    });
    h.catalog.set(
      service({
        name: 'web',
        labels: labels({ HAPROXY_0_VHOST: 'web.test', HAPROXY_0_PORT: '10001' }),
        instances: [instance(1)],
      }),
    );
    const { routes } = (await call(h, '/routes')).json as { routes: { listeners: string[] }[] };
    expect(routes.map(({ listeners }) => listeners)).toEqual([['http', 'https']]);
    expect((await call(h, '/service-ports')).json).toEqual({ servicePorts: [] });
    expect((await call(h, '/rejected')).json).toMatchObject({
      rejected: [
        { service: 'marathon/web', label: 'lb.routes.tcp.db' },
        {
          service: 'marathon/web',
          label: 'HAPROXY_0_PORT',
          reason: expect.stringContaining('lb.servicePorts.enabled') as string,
        },
      ],
    });
    await h.close();
  });
});

/** Reads the statistics as zdd.py of marathon-lb does: by the names in the first line; the last column is thrown away. */
function zdd(csv: string): Record<string, string>[] {
  const [head = '', ...rows] = csv.trimEnd().split('\n');
  const headings = head
    .replace(/^[# ]+/, '')
    .replace(/[,\n]+$/, '')
    .split(',');
  return rows.map((row) => {
    const cells = row.split(',').slice(0, -1);
    expect(cells).toHaveLength(headings.length);
    return Object.fromEntries(headings.map((heading, i) => [heading, cells[i] ?? '']));
  });
}

describe('the control endpoints of marathon-lb', () => {
  let h: Harness;
  beforeAll(async () => {
    h = await startHarness();
    const colour = (
      name: string,
      at: string,
      instances: ReturnType<typeof instance>[],
    ): ReturnType<typeof service> =>
      service({
        name,
        labels: labels({
          HAPROXY_0_VHOST: 'shop.test',
          HAPROXY_0_PORT: '10000',
          HAPROXY_DEPLOYMENT_GROUP: 'shop',
          HAPROXY_DEPLOYMENT_ALT_PORT: '10001',
          HAPROXY_DEPLOYMENT_TARGET_INSTANCES: '2',
          HAPROXY_DEPLOYMENT_STARTED_AT: at,
          HAPROXY_APP_ID: 'shop',
        }),
        instances,
      });
    h.catalog.set(
      colour('shop-blue', '2026-01-01T00:00:00Z', [
        instance(3001, { host: '10.0.0.1' }),
        instance(3002, { host: '10.0.0.1' }),
      ]),
      colour('shop-green', '2026-01-02T00:00:00Z', [instance(3003, { host: 'agent1.test' })]),
      service({
        name: '/team/api',
        labels: labels({
          HAPROXY_0_VHOST: 'api.test',
          HAPROXY_0_AUTH: `here:jo:${HASH}`,
          HAPROXY_0_REDIRECT_TO_HTTPS: 'true',
        }),
        instances: [instance(3004, { healthy: false })],
      }),
    );
  });
  afterAll(() => h.close());
  const get = (path: string): Promise<Answer> => call(h, path);

  it('give zdd what it waits for: all servers of both colours, drained ones as MAINT, with what still runs there', async () => {
    const { text, status } = await get('/haproxy?stats;csv');
    expect(status).toBe(200);
    const servers = zdd(text).filter(({ pxname, svname }) => pxname === 'shop_10000' && svname !== 'BACKEND');
    expect(
      servers.map(({ svname, status: state, scur, qcur }) => `${svname} ${state} ${scur} ${qcur}`).toSorted(),
    ).toEqual([
      '10_0_0_1_127_0_0_1_3001 MAINT 0 0',
      '10_0_0_1_127_0_0_1_3002 UP 0 0',
      'agent1_test_127_0_0_1_3003 UP 0 0',
    ]);
    const api = zdd(text).filter(({ pxname }) => pxname === 'team_api_0');
    expect(api.map(({ svname, status: state, type }) => [svname, state, type])).toEqual([
      [expect.stringContaining('3004'), 'DOWN', '2'],
      ['BACKEND', 'DOWN', '1'],
    ]);
  });

  it('give a page of it, and nothing for other options', async () => {
    const page = await get('/haproxy?stats');
    expect(page.text).toContain('<td>shop_10000<td>');
    expect((await get('/haproxy')).status).toBe(404);
    expect((await get('/haproxy?other')).status).toBe(404);
  });

  it('give the maps, one process, and signals that are not needed', async () => {
    expect((await get('/_haproxy_getvhostmap')).text).toBe('api.test team_api_0\nshop.test shop_10000\n');
    expect((await get('/_haproxy_getappmap')).text.split('\n').toSorted()).toEqual([
      '',
      '/shop shop_10000',
      '/team/api team_api_0',
    ]);
    expect((await get('/_haproxy_getpids')).text).toBe(`${process.pid}\n`);
    expect((await get('/_haproxy_health_check')).status).toBe(200);
    for (const signal of ['hup', 'usr1'])
      expect((await get(`/_mlb_signal/${signal}`)).text).toContain(
        `SIG${signal.toUpperCase()} is not needed`,
      );
    expect((await get('/_mlb_signal/kill')).status).toBe(404);
  });

  it('give a configuration that scripts find names and addresses in, and no password', async () => {
    const { text } = await get('/_haproxy_getconfig');
    expect(text).toContain('frontend marathon_http_in\n');
    expect(text).toMatch(/acl host_\S+ hdr\(host\) -i shop\.test\n {2}use_backend shop_10000 if host_/);
    expect(text).toContain('backend shop_10000\n');
    expect(text).toContain('  server 10_0_0_1_127_0_0_1_3001 127.0.0.1:3001 disabled\n');
    expect(text).toContain('  redirect scheme https code 301\n');
    expect(text).not.toContain('$5$');
  });
});
