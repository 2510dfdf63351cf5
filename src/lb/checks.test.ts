import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

const LABELS = {
  'rimrock.http.web.host': 'a.test',
  'rimrock.http.web.check.path': '/health',
  'rimrock.http.web.check.intervalSeconds': '0.1',
  'rimrock.http.web.check.rise': '2',
  'rimrock.http.web.check.fall': '2',
};

/** Active checks from the labels to the requests. */
describe('active checks of instances', () => {
  let h: Harness | undefined;
  afterEach(() => h?.close());

  interface Origin {
    well: boolean;
    checks: number;
    served: number;
    port: number;
  }

  async function origin(harness: Harness, well: boolean): Promise<Origin> {
    const state = { well, checks: 0, served: 0, port: 0 };
    const { port } = await harness.origin((req, res) => {
      if (req.url === '/health') {
        state.checks += 1;
        res.statusCode = state.well ? 200 : 500;
      } else state.served += 1;
      res.end('ok');
    });
    state.port = port;
    return state;
  }

  async function eligibility(harness: Harness): Promise<string[]> {
    const explained = await fetch(`${harness.admin}/explain?url=http://a.test/`);
    const { endpoints } = (await explained.json()) as { endpoints: { eligibility: string }[] };
    return endpoints.map((e) => e.eligibility);
  }

  async function ask(harness: Harness, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const client = harness.dial().send('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
      expect(await client.untilEnd()).toMatch(/^HTTP\/1\.1 200 /);
    }
  }

  it('take an instance out that says it is unwell, and back in; a newcomer waits for its first result', async () => {
    h = await startHarness();
    const [a, b, late] = [await origin(h, true), await origin(h, false), await origin(h, true)];
    const labels = new Map(Object.entries(LABELS));
    const of = (...origins: Origin[]) =>
      service({ name: 'a', labels, instances: origins.map((o) => instance(o.port)) });
    h.catalog.set(of(a, b));
    await expect.poll(() => eligibility(h as Harness), { interval: 10 }).toEqual(['eligible', 'unhealthy']);
    await ask(h, 10);
    expect([a.served, b.served]).toEqual([10, 0]);
    b.well = true;
    await expect.poll(() => eligibility(h as Harness), { interval: 10 }).toEqual(['eligible', 'eligible']);
    h.catalog.set(of(a, b, late));
    expect(await eligibility(h)).toEqual(['eligible', 'eligible', 'unproven']);
    await expect
      .poll(() => eligibility(h as Harness), { interval: 10 })
      .toEqual(['eligible', 'eligible', 'eligible']);
    const found = await (await fetch(`${h.admin}/checks`)).json();
    expect(found).toMatchObject({
      checks: [
        {
          backend: 'marathon/a#0',
          endpoints: [
            { healthy: true, last: { ok: true, reason: 'answered 200' }, history: [{ healthy: true }] },
            {
              healthy: true,
              history: [
                { healthy: false, reason: 'answered 500' },
                { healthy: true, reason: 'answered 200' },
              ],
            },
            { healthy: true },
          ],
        },
      ],
    });
  });

  it('stop with the labels that ask for them', async () => {
    h = await startHarness();
    const one = await origin(h, false);
    const instances = [instance(one.port)];
    h.catalog.set(service({ name: 'a', labels: new Map(Object.entries(LABELS)), instances }));
    await expect.poll(() => eligibility(h as Harness), { interval: 10 }).toEqual(['unhealthy']);
    // The only one there is gets the requests all the same.
    await ask(h, 1);
    const labels = new Map([['rimrock.http.web.host', 'a.test']]);
    h.catalog.set(service({ name: 'a', labels, instances }));
    expect(await eligibility(h)).toEqual(['eligible']);
    expect(await (await fetch(`${h.admin}/checks`)).json()).toEqual({ checks: [] });
  });

  it('go over HTTP/2 where requests do', async () => {
    h = await startHarness();
    const seen: string[] = [];
    const server = createHttp2Server();
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream, headers) => {
      seen.push(`${headers[':method']} ${headers[':path']}`);
      stream.respond({ ':status': headers[':path'] === '/health' ? 204 : 200 });
      stream.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const labels = new Map(Object.entries({ ...LABELS, 'rimrock.http.web.upstream.protocol': 'h2' }));
    h.catalog.set(service({ name: 'a', labels, instances: [instance(port)] }));
    try {
      await expect
        .poll(async () => JSON.stringify(await (await fetch(`${h?.admin}/checks`)).json()), {
          timeout: 20_000,
        })
        .toContain('answered 204');
      expect(seen[0]).toBe('GET /health');
    } finally {
      for (const session of sessions) session.destroy();
      server.close();
    }
  });
});
