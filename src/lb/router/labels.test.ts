import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instance, service } from '../testing/fake-catalog.ts';
import { readLabels } from './labels.ts';
import { RouteBook } from './route-book.ts';
import type { Route } from './types.ts';

const read = (labels: Record<string, string>, groups: readonly string[] = ['*']) =>
  readLabels(
    service({ name: 's', labels: new Map(Object.entries(labels)), instances: [instance(1)] }),
    groups,
  );
const short = (routes: readonly Route[]): string[] =>
  routes.map((r) => `${r.host}${r.path} ${r.weight} ${r.balance}`);

describe('labels', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['nothing', {}, []],
    ['a host', { HAPROXY_0_VHOST: 'A.test' }, ['a.test 0 roundrobin']],
    [
      'hosts',
      { HAPROXY_0_VHOST: 'a.test, *.b.test,*' },
      ['a.test 0 roundrobin', '*.b.test 0 roundrobin', '* 0 roundrobin'],
    ],
    [
      'paths raise the weight',
      { HAPROXY_0_VHOST: 'a', HAPROXY_0_PATH: '/x /y' },
      ['a/x 1 roundrobin', 'a/y 1 roundrobin'],
    ],
    [
      'a weight of its own',
      { HAPROXY_0_VHOST: 'a', HAPROXY_0_PATH: '/x', HAPROXY_0_BACKEND_WEIGHT: '7' },
      ['a/x 7 roundrobin'],
    ],
    ['least connections', { HAPROXY_0_VHOST: 'a', HAPROXY_0_BALANCE: 'leastconn' }, ['a 0 leastconn']],
    ['disabled', { HAPROXY_0_VHOST: 'a', HAPROXY_0_ENABLED: 'no' }, []],
    ['a scheme is stripped', { HAPROXY_0_VHOST: 'https://a.test/' }, ['a.test 0 roundrobin']],
    ['a port that does not exist', { HAPROXY_4_VHOST: 'a' }, []],
    ['one bad host of two', { HAPROXY_0_VHOST: 'a b,c' }, ['c 0 roundrobin']],
    ['a password that we cannot ask for', { HAPROXY_0_VHOST: 'a', HAPROXY_0_AUTH: 'r:u:p' }, []],
    ['by client', { HAPROXY_0_VHOST: 'a', HAPROXY_0_BALANCE: 'source' }, ['a 0 ringhash']],
  ])('%s', (_name, labels, expected) => {
    expect(short(read(labels).routes)).toEqual(expected);
  });

  it.each<[Record<string, string>, string, RegExp]>([
    [{ HAPROXY_VHOST: 'a' }, 'HAPROXY_VHOST', /HAPROXY_0_VHOST/],
    [{ HAPROXY_00_VHOST: 'a' }, 'HAPROXY_00_VHOST', /HAPROXY_0_VHOST/],
    [{ HAPROXY_0_VHOST: 'https://a.test' }, 'HAPROXY_0_VHOST', /write 'a\.test'/],
    [{ HAPROXY_0_VHOST: 'a.test/x' }, 'HAPROXY_0_VHOST', /PATH/],
    [{ HAPROXY_0_VHOST: 'a.test:80' }, 'HAPROXY_0_VHOST', /write 'a\.test' alone/],
    [{ HAPROXY_0_VHOST: 'ä.test' }, 'HAPROXY_0_VHOST', /host name/],
    [{ HAPROXY_0_VHOST: '' }, 'HAPROXY_0_VHOST', /no host/],
    [{ HAPROXY_1_VHOST: 'a' }, 'HAPROXY_1_VHOST', /no port with index 1/],
    [{ HAPROXY_0_PATH: '/x' }, 'HAPROXY_0_PATH', /HAPROXY_0_VHOST/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_PATH: 'x' }, 'HAPROXY_0_PATH', /write '\/x'/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_PATH: '/x?y' }, 'HAPROXY_0_PATH', /never match/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_ENABLED: 'on' }, 'HAPROXY_0_ENABLED', /'true' or 'false'/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_BALANCE: 'first' }, 'HAPROXY_0_BALANCE', /roundrobin is used/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_BACKEND_WEIGHT: 'high' }, 'HAPROXY_0_BACKEND_WEIGHT', /whole number/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_AUTH: 'x' }, 'HAPROXY_0_AUTH', /not published/],
    [{ HAPROXY_0_VHOST: 'a', HAPROXY_0_AUTH: 'r:u:$1$x$y' }, 'HAPROXY_0_AUTH', /mkpasswd/],
    [
      { HAPROXY_0_VHOST: 'a', HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL: '10.0.0.0/8 x' },
      'HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL',
      /'x' is not an address/,
    ],
    [{ HAPROXY_0_PORT: '99999' }, 'HAPROXY_0_PORT', /from 1 to 65535/],
    [{ HAPROXY_1_PORT: '9000' }, 'HAPROXY_1_PORT', /no port with index 1/],
    [{ HAPROXY_0_PORT: '9000', HAPROXY_0_MODE: 'health' }, 'HAPROXY_0_MODE', /'http' or 'tcp'/],
    [{ HAPROXY_0_PORT: '9000', HAPROXY_0_BIND_ADDR: '127.0.0.1' }, 'HAPROXY_0_BIND_ADDR', /not opened/],
    [{ HAPROXY_0_PORT: '9000', HAPROXY_0_SSL_CERT: ' ' }, 'HAPROXY_0_SSL_CERT', /not opened/],
    [{ HAPROXY_0_SSL_CERT: 'x' }, 'HAPROXY_0_SSL_CERT', /HAPROXY_0_PORT/],
    [
      { HAPROXY_0_VHOST: 'a', HAPROXY_0_HTTP_BACKEND_REDIR: 'x' },
      'HAPROXY_0_HTTP_BACKEND_REDIR',
      /write '\/x'/,
    ],
    [
      { HAPROXY_0_VHOST: 'a', HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH: '/x /y' },
      'HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH',
      /one path too many/,
    ],
    [{ HAPROXY_0_BACKEND_HEAD: 'x' }, 'HAPROXY_0_BACKEND_HEAD', /rimrock\.middleware/],
    [{ HAPROXY_0_BIND_OPTIONS: 'x' }, 'HAPROXY_0_BIND_OPTIONS', /listeners/],
    [
      { HAPROXY_0_BACKEND_SERVER_HTTP_HEALTHCHECK_OPTIONS: 'x' },
      'HAPROXY_0_BACKEND_SERVER_HTTP_HEALTHCHECK_OPTIONS',
      /check\.path/,
    ],
    [{ HAPROXY_0_HTTP_FRONTEND_ACL_ONLY: 'x' }, 'HAPROXY_0_HTTP_FRONTEND_ACL_ONLY', /\.pathPrefix/],
    [
      { HAPROXY_0_BACKEND_REDIRECT_HTTP_TO_HTTPS_WITH_PATH: 'x' },
      'HAPROXY_0_BACKEND_REDIRECT_HTTP_TO_HTTPS_WITH_PATH',
      /HAPROXY_\{n\}_REDIRECT_TO_HTTPS/,
    ],
    [{ HAPROXY_0_VHOSTS: 'a' }, 'HAPROXY_0_VHOSTS', /unknown/],
    [{ HAPROXY_DEPLOYMENT_X: 'a' }, 'HAPROXY_DEPLOYMENT_X', /DEPLOYMENT_GROUP/],
  ])('%j is reported', (labels, label, reason) => {
    expect(read(labels).problems).toEqual([
      { serviceKey: 'marathon/s', label, reason: expect.stringMatching(reason) as string },
    ]);
  });

  it('follows groups: of the app, of the port, and `*` for all', () => {
    const labels = { HAPROXY_GROUP: 'external, x', HAPROXY_0_VHOST: 'a' };
    expect(read(labels, ['external']).routes).toHaveLength(1);
    expect(read(labels, ['internal']).routes).toHaveLength(0);
    expect(read({ ...labels, HAPROXY_0_GROUP: 'internal' }, ['external']).routes).toHaveLength(0);
    expect(read({ HAPROXY_0_VHOST: 'a' }, ['external']).routes).toHaveLength(0);
    expect(read({ HAPROXY_0_VHOST: 'a' }, ['external', '*']).routes).toHaveLength(1);
  });
});

describe('the route table', () => {
  const book = new RouteBook(['*']);
  const app = (name: string, labels: Record<string, string>) =>
    service({ name, labels: new Map(Object.entries(labels)), instances: [instance(1)] });
  book.apply({
    added: [
      app('any', { HAPROXY_0_VHOST: '*' }),
      app('wild', { HAPROXY_0_VHOST: '*.test' }),
      app('deep', { HAPROXY_0_VHOST: '*.b.test' }),
      app('host', { HAPROXY_0_VHOST: 'a.test' }),
      app('path', { HAPROXY_0_VHOST: 'a.test', HAPROXY_0_PATH: '/x' }),
      app('longer', { HAPROXY_0_VHOST: 'a.test', HAPROXY_0_PATH: '/x/y' }),
      app('light', { HAPROXY_0_VHOST: 'a.test', HAPROXY_0_PATH: '/x/z', HAPROXY_0_BACKEND_WEIGHT: '-1' }),
      app('only-path', { HAPROXY_0_VHOST: 'c.test', HAPROXY_0_PATH: '/x' }),
      app('second', { HAPROXY_0_VHOST: 'a.test' }),
    ],
    changed: [],
    removed: [],
  });

  it.each([
    ['a.test', '/', 'host'],
    ['a.test', '/x', 'path'],
    ['a.test', '/xx', 'path'],
    ['a.test', '/x/y/z', 'longer'],
    ['a.test', '/x/z', 'path'],
    ['z.test', '/', 'wild'],
    ['z.b.test', '/', 'deep'],
    ['b.test', '/', 'wild'],
    ['c.test', '/x', 'only-path'],
    ['c.test', '/', 'wild'],
    ['test', '/', 'any'],
    ['10.0.0.1', '/', 'any'],
  ])('%s%s goes to %s', (host, path, name) => {
    const match = book.table.match({ host, path });
    expect(match.kind === 'match' && match.serviceKey).toBe(`marathon/${name}`);
    const chosen = book.table.explain({ host, path }).filter((t) => t.outcome === 'chosen');
    expect(chosen.map((t) => t.route)).toEqual([match]);
  });

  it('reports the rules that are never reached, and what takes their requests', () => {
    const taken = book.problems().map((p) => [p.serviceKey, p.label, p.reason.split(':')[0]]);
    expect(taken).toEqual([
      [
        'marathon/host',
        'HAPROXY_0_VHOST',
        'a.test is also asked for by marathon/second, which gets none of it (services go in alphabetical order)',
      ],
      [
        'marathon/light',
        'HAPROXY_0_VHOST',
        'a.test/x/z is already taken by marathon/path, whose rule a.test/x comes first',
      ],
      ['marathon/second', 'HAPROXY_0_VHOST', 'a.test is already taken by marathon/host'],
    ]);
  });

  it('one bad label set among many changes nobody else, whatever is in it', () => {
    const good = Array.from({ length: 100 }, (_, i) => app(`good-${i}`, { HAPROXY_0_VHOST: `g${i}.test` }));
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const suffix = fc.constantFrom(
      'VHOST',
      'PATH',
      'ENABLED',
      'BALANCE',
      'BACKEND_WEIGHT',
      'GROUP',
      'AUTH',
      'X',
    );
    const label = fc.oneof(
      fc.tuple(fc.nat(3), suffix).map(([n, s]) => `HAPROXY_${n}_${s}`),
      fc.string({ maxLength: 10 }).map((s) => `HAPROXY_${s}`),
    );
    const routes = new RouteBook(['*']);
    routes.apply({ added: good, changed: [], removed: [] });
    const before = good.map((s) => routes.routesOf(s.key));
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(label, text), { selector: ([k]) => k, maxLength: 8 }), (labels) => {
        const bad = service({ name: 'bad', labels: new Map(labels), instances: [instance(1)] });
        routes.apply({ added: [], changed: [{ before: bad, after: bad }], removed: [] });
        good.forEach((s, i) => {
          expect(routes.routesOf(s.key)).toBe(before[i]);
          const match = routes.table.match({ host: `g${i}.test`, path: '/' });
          const own = routes.routesOf('marathon/bad').some((r) => r.host === `g${i}.test`);
          if (!own) expect(match).toBe(before[i]?.[0]);
        });
        for (const p of routes.problems()) expect(p.reason.length).toBeGreaterThan(10);
      }),
      { numRuns: 200 },
    );
    routes.apply({ added: [], changed: [], removed: [service({ name: 'bad' })] });
    expect(routes.routesOf('marathon/bad')).toEqual([]);
    expect([...routes.table.routes()]).toHaveLength(100);
  });

  it('leaves the table alone when only instances change', () => {
    const routes = new RouteBook(['*']);
    const before = app('a', { HAPROXY_0_VHOST: 'a' });
    routes.apply({ added: [before], changed: [], removed: [] });
    const { table } = routes;
    routes.apply({
      added: [],
      changed: [{ before, after: { ...before, instances: [instance(1), instance(2)] } }],
      removed: [],
    });
    expect(routes.table).toBe(table);
  });
});
