import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

/** Each service answers with its name; all requests go the whole way, through a plane. */
describe('routing by labels and configuration', () => {
  let harness: Harness;
  let legacy: Server;
  const origins = new Map<string, number>();

  const app = (name: string, labels: Record<string, string>, given: { readonly tasks?: number } = {}) =>
    service({
      name,
      labels: new Map(Object.entries(labels)),
      instances: Array.from({ length: given.tasks ?? 1 }, (_, i) =>
        instance(origins.get(name) ?? 1, { taskKey: `${name} ${i}`, taskId: `${name}-${i}` }),
      ),
    });

  beforeAll(async () => {
    legacy = createServer((_, response) => void response.end('legacy'));
    await new Promise<void>((resolve) => legacy.listen(0, '127.0.0.1', resolve));
    const { port } = legacy.address() as AddressInfo;
    harness = await startHarness({
      services: { legacy: { endpoints: `127.0.0.1:${port}` } },
      routes: {
        http: {
          old: { host: 'old.test', service: 'legacy' },
          split: {
            host: 'split.test',
            targets: [
              { service: 'marathon/plain', weight: 1 },
              { service: 'marathon/regex', weight: 0, canary: { header: { 'x-canary': '*' } } },
            ],
          },
        },
      },
    });
    for (const name of ['plain', 'method', 'header', 'query', 'regex', 'open', 'blue', 'green'])
      origins.set(name, (await harness.origin((_, response) => void response.end(name))).port);
    const at = (name: string, options: Record<string, string>) =>
      app(name, Object.fromEntries(Object.entries(options).map(([k, v]) => [`rimrock.http.w.${k}`, v])));
    harness.catalog.set(
      at('plain', { host: 'a.test' }),
      at('method', { host: 'a.test', method: 'POST' }),
      at('header', { host: 'a.test', 'header.x-version': '2' }),
      at('query', { host: 'a.test', pathPrefix: '/q', 'query.mode': 'a b' }),
      at('regex', { host: 'a.test', pathRegex: '/u/[0-9]+' }),
    );
  });

  afterAll(async () => {
    await harness.close();
    legacy.close();
    legacy.closeAllConnections();
  });

  async function ask(target: string, head = '', method = 'GET', host = 'a.test'): Promise<string> {
    const client = harness.dial();
    client.send(
      `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${head}Connection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    const text = await client.untilEnd();
    return text.startsWith('HTTP/1.1 200')
      ? (text.split('\r\n\r\n')[1] ?? '').replace(/[^a-z]/g, '')
      : text.slice(9, 12);
  }

  it.each([
    ['/', '', 'GET', 'plain'],
    ['/', '', 'POST', 'method'],
    ['/', 'X-Version: 2\r\n', 'GET', 'header'],
    ['/', 'X-Version: 3\r\n', 'GET', 'plain'],
    ['/q?mode=a+b', '', 'GET', 'query'],
    ['/q?mode=a%20b&mode=c', '', 'GET', 'query'],
    ['/q?mode=b', '', 'GET', 'plain'],
    ['/u/12', '', 'GET', 'regex'],
    ['/u/x', '', 'GET', 'plain'],
  ])('%s %j %s goes to %4$s', async (target, head, method, name) => {
    expect(await ask(target, head, method)).toBe(name);
  });

  it('a service of the configuration answers, and shares of the configuration hold', async () => {
    expect(await ask('/', '', 'GET', 'old.test')).toBe('legacy');
    expect(await ask('/', '', 'GET', 'split.test')).toBe('plain');
    expect(await ask('/', 'X-Canary: yes\r\n', 'GET', 'split.test')).toBe('regex');
  });

  it('blue and green are one backend, and the old one drains as the new one comes up', async () => {
    const colour = (name: string, startedAt: string, tasks: number) =>
      app(
        name,
        {
          HAPROXY_0_VHOST: 'color.test',
          HAPROXY_DEPLOYMENT_GROUP: 'color',
          HAPROXY_DEPLOYMENT_STARTED_AT: startedAt,
          HAPROXY_DEPLOYMENT_TARGET_INSTANCES: '1',
        },
        { tasks },
      );
    harness.catalog.set(colour('blue', '1', 1));
    expect(await ask('/', '', 'GET', 'color.test')).toBe('blue');
    harness.catalog.set(colour('green', '2', 0));
    expect(await ask('/', '', 'GET', 'color.test')).toBe('blue');
    harness.catalog.set(colour('green', '2', 1));
    expect(await ask('/', '', 'GET', 'color.test')).toBe('green');
    harness.catalog.remove('marathon/blue');
    expect(await ask('/', '', 'GET', 'color.test')).toBe('green');
  });

  it('a rule with a mistake is not published, and told', async () => {
    harness.catalog.set(
      app('open', { 'rimrock.http.w.host': 'open.test', 'rimrock.http.w.middlewares': 'password' }),
    );
    expect(await ask('/', '', 'GET', 'open.test')).toBe('404');
    const rejected = (await (await fetch(`${harness.admin}/rejected`)).json()) as { rejected: unknown[] };
    expect(rejected.rejected).toContainEqual(
      expect.objectContaining({ service: 'marathon/open', label: 'rimrock.http.w.middlewares' }),
    );
    expect(await ask('/')).toBe('plain');
  });
});
