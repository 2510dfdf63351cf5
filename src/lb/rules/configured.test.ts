import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { decode } from '../../core/config/decode.ts';
import { RouteBook } from '../router/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { rulesConfigShape } from './config.ts';
import { readConfigured } from './configured.ts';
import type { Configured } from './configured.ts';
import { serviceReader } from './reader.ts';

const schema = z.strictObject(rulesConfigShape);
const issues = (yaml: string): string[] => {
  const decoded = decode(schema, parse(yaml) ?? {});
  return decoded.ok ? [] : decoded.issues.map((i) => `${i.path}: ${i.message}`);
};
function read(yaml: string): Configured {
  const decoded = decode(schema, parse(yaml) ?? {});
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
  // A printed configuration is read again as what it was.
  expect(decode(schema, JSON.parse(JSON.stringify(decoded.value)))).toEqual(decoded);
  return readConfigured(decoded.value);
}

const SITE = `
middlewares:
  office: { ipFilter: { allow: [10.0.0.0/8] } }
  tls: { redirect: { scheme: https, status: 301 } }
services:
  legacy: { endpoints: ['10.0.0.5:8080', '[fd00::5]:8080'], balance: leastconn, check: { path: /ok } }
routes:
  http:
    old: { host: [old.test, '*.old.test'], service: legacy, middlewares: [tls, office] }
    shop:
      host: shop.test
      priority: 5
      header: { x-version: 2 }
      targets:
        - { service: marathon/shop, weight: 90 }
        - { service: marathon/shop-next, port: 1, weight: 10, canary: { cookie: { beta: '*' } } }
  tcp:
    db: { listeners: 'port:5432', service: legacy }
`;

describe('routes of the configuration', () => {
  it('are the routes that labels would make', () => {
    const { routing } = read(SITE);
    expect(routing.problems).toEqual([]);
    expect(routing.routes.map((r) => [r.id, r.source[0], r.backendKey, r.balance])).toEqual([
      ['config:old/old.test prefix ', 'lb.routes.http.old', 'lb.services.legacy#0', 'leastconn'],
      ['config:old/*.old.test prefix ', 'lb.routes.http.old', 'lb.services.legacy#0', 'leastconn'],
      ['config:shop/shop.test prefix ', 'lb.routes.http.shop', 'marathon/shop#0', 'p2c'],
      ['config:db/tcp *', 'lb.routes.tcp.db', 'lb.services.legacy#0', 'leastconn'],
    ]);
    expect(routing.routes[0]?.middlewares.map((m) => m.kind)).toEqual(['redirect', 'ipFilter']);
    expect(routing.routes[2]).toMatchObject({
      priority: 5,
      headers: [{ name: 'x-version', equals: '2' }],
      targets: [
        { backendKey: 'marathon/shop#0', weight: 90 },
        { backendKey: 'marathon/shop-next#1', weight: 10, canary: [{ of: 'cookie', name: 'beta' }] },
      ],
    });
  });

  it('lead to services that are in the configuration, or in the cluster', () => {
    const { routing, services, middlewares } = read(SITE);
    const book = new RouteBook(['*'], serviceReader(['*'], middlewares));
    const change = book.setConfigured(routing);
    expect(change.come).toHaveLength(4);
    expect([...change.services]).toEqual(
      expect.arrayContaining(['lb.services.legacy', 'marathon/shop', 'marathon/shop-next']),
    );
    book.apply({ added: services, changed: [], removed: [] });
    expect(book.table.size).toBe(4);
    expect(book.backendsOf('marathon/shop-next')).toEqual([
      {
        key: 'marathon/shop-next#1',
        serviceKey: 'marathon/shop-next',
        portIndex: 1,
        policy: { balance: 'p2c' },
      },
    ]);
    expect(book.backendsOf('lb.services.legacy')).toMatchObject([
      { policy: { balance: 'leastconn', check: { probe: { kind: 'http', path: '/ok' } } } },
    ]);
    expect(services[0]?.instances.map((i) => i.addresses)).toEqual([
      [{ ip: '10.0.0.5', port: 8080 }],
      [{ ip: 'fd00::5', port: 8080 }],
    ]);
    const labelled = service({
      name: 'x',
      labels: new Map([
        ['rimrock.http.w.host', 'x.test'],
        ['rimrock.http.w.middlewares', 'office'],
      ]),
      instances: [instance(1)],
    });
    book.apply({ added: [labelled], changed: [], removed: [] });
    expect(book.routesOf('marathon/x')[0]?.middlewares).toEqual([
      { kind: 'ipFilter', allow: ['10.0.0.0/8'] },
    ]);
    expect(book.setConfigured(read('').routing).gone).toHaveLength(4);
    expect(book.table.size).toBe(1);
  });

  it.each([
    ['routes: { http: { a: { hots: x } } }', "routes.http.a.hots: unknown key 'hots'; did you mean 'host'?"],
    [
      'routes: { http: { a: { host: "x y", service: s } } }',
      /^routes\.http\.a\.host: 'x y' is not a host name/,
    ],
    ['routes: { http: { "a b": { service: s } } }', /^routes\.http\.a b: 'a b' is not a name/],
    ['middlewares: { m: {} }', /^middlewares\.m: write exactly one of redirect/],
    ['middlewares: { m: { ipFilter: { allow: [x] } } }', /^middlewares\.m\.ipFilter\.allow: 'x' is not/],
    ['services: { s: { endpoints: [host:80] } }', /^services\.s\.endpoints: 'host:80' is no endpoint/],
    ['services: { s: { endpoints: ["10.0.0.1:0"] } }', /is no endpoint/],
  ])('%s is refused', (yaml, expected) => {
    expect(issues(yaml)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });

  it.each([
    ['routes: { http: { a: { service: x } } }', 'lb.routes.http.a.service', /no 'x' in lb\.services/],
    ['routes: { http: { a: { host: a } } }', 'lb.routes.http.a.service', /either service or targets/],
    [
      'routes: { tcp: { a: { listeners: "port:1", targets: [{ service: x }] } } }',
      'lb.routes.tcp.a.targets[0].service',
      /no 'x'/,
    ],
    [
      'routes: { http: { a: { service: m/x, middlewares: y } } }',
      'lb.routes.http.a.middlewares',
      /no sound middleware/,
    ],
  ])('%s leaves the rule out and tells the path', (yaml, label, reason) => {
    const { routing } = read(yaml);
    expect(routing.routes).toEqual([]);
    expect(routing.problems).toEqual([
      { serviceKey: 'config', label, reason: expect.stringMatching(reason) as string },
    ]);
  });
});

describe('the sample', () => {
  it('has no problem, and a route of every kind', () => {
    const file = fileURLToPath(new URL('../../../config/edge-routes.yaml', import.meta.url));
    const { routes, middlewares, services } = (
      parse(readFileSync(file, 'utf8')) as { lb: Record<string, unknown> }
    ).lb;
    const decoded = decode(schema, { routes, middlewares, services });
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
    const { routing } = readConfigured(decoded.value);
    expect(routing.problems).toEqual([]);
    expect(new Set(routing.routes.map((r) => r.protocol))).toEqual(new Set(['http', 'tcp']));
    const used = new Set(routing.routes.flatMap((r) => r.middlewares));
    expect(used.size).toBe(Object.keys(decoded.value.middlewares).length);
  });
});
