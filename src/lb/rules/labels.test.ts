import { describe, expect, it } from 'vitest';
import type { Service } from '../../cluster/index.ts';
import type { Middleware, Route } from '../router/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { serviceReader } from './reader.ts';

const shared = new Map<string, Middleware>([['office', { kind: 'ipFilter', allow: ['10.0.0.0/8'] }]]);
const app = (labels: Record<string, string>, name = 's'): Service =>
  service({
    name,
    labels: new Map(Object.entries(labels)),
    instances: [
      instance(1, {
        addresses: [
          { ip: '127.0.0.1', port: 1 },
          { ip: '127.0.0.1', port: 2 },
        ],
      }),
    ],
  });
const read = (labels: Record<string, string>, groups: readonly string[] = ['*']) =>
  serviceReader(groups, shared)(app(labels));
const one = (labels: Record<string, string>): Route => {
  const { routes, problems } = read(labels);
  expect(problems).toEqual([]);
  expect(routes).toHaveLength(1);
  return routes[0] as Route;
};
/** Labels of the rule `w`. */
const http = (options: Record<string, string>, kind = 'http'): Record<string, string> =>
  Object.fromEntries(
    Object.entries(options).map(([option, value]) => [`rimrock.${kind}.w.${option}`, value]),
  );

describe('rules', () => {
  it.each<[string, Record<string, string>, Partial<Route>]>([
    ['a host', { host: 'A.test' }, { host: 'a.test', path: '', pathKind: 'prefix', weight: 0, priority: 0 }],
    ['an exact path', { path: '/a' }, { host: '*', path: '/a', pathKind: 'exact', weight: 1 }],
    ['a prefix', { pathPrefix: '/a/' }, { path: '/a', pathKind: 'segments' }],
    ['the prefix of all', { pathPrefix: '/' }, { path: '', pathKind: 'prefix', weight: 0 }],
    ['a pattern', { pathRegex: '/u/[0-9]{1,3}' }, { path: '/u/[0-9]{1,3}', pathKind: 'regex' }],
    ['methods', { host: 'a', method: 'PUT, get, GET' }, { methods: ['GET', 'PUT'] }],
    ['a header', { host: 'a', 'header.X-A.b': '1' }, { headers: [{ name: 'x-a.b', equals: '1' }] }],
    ['any header', { host: 'a', 'header.x': '*' }, { headers: [{ name: 'x' }] }],
    ['a header like', { host: 'a', 'headerRegex.x': 'a.*' }, { headers: [{ name: 'x', regex: 'a.*' }] }],
    ['a parameter', { host: 'a', 'query.q': 'x y' }, { query: [{ name: 'q', equals: 'x y' }] }],
    ['a priority', { host: 'a', priority: '-5' }, { priority: -5 }],
    ['listeners', { host: 'a', listeners: 'https,port:8443' }, { listeners: ['https', 'port:8443'] }],
    [
      'TLS',
      { host: 'a', listeners: 'port:8443', tls: 'terminate', certificate: 'c' },
      { tls: { mode: 'terminate', certificate: 'c' } },
    ],
    ['a port by name', { host: 'a', port: 'http' }, { portIndex: 0, backendKey: 'marathon/s#0' }],
    ['a port by index', { host: 'a', port: '1' }, { portIndex: 1, backendKey: 'marathon/s#1' }],
    ['the balance', { host: 'a', balance: 'leastconn' }, { balance: 'leastconn' }],
    [
      'a canary',
      { host: 'a', weight: '0', 'canary.cookie.beta': '*' },
      {
        targets: [
          {
            backendKey: 'marathon/s#0',
            serviceKey: 'marathon/s',
            portIndex: 0,
            weight: 0,
            canary: [{ of: 'cookie', name: 'beta' }],
          },
        ],
      },
    ],
    [
      'a shared middleware',
      { host: 'a', middlewares: 'office' },
      { middlewares: [shared.get('office') as Middleware] },
    ],
  ])('%s', (_name, options, expected) => {
    expect(one(http(options))).toMatchObject(expected);
  });

  it('makes a route of each host and path, with ids of their own', () => {
    const { routes } = read(http({ host: 'a,b', path: '/x', pathPrefix: '/y,/z' }));
    expect(routes.map((r) => r.id)).toEqual([
      'marathon/s:w/a exact /x',
      'marathon/s:w/a segments /y',
      'marathon/s:w/a segments /z',
      'marathon/s:w/b exact /x',
      'marathon/s:w/b segments /y',
      'marathon/s:w/b segments /z',
    ]);
    expect(structuredClone(routes)).toEqual(routes);
  });

  it.each<[string, Record<string, string>, Partial<Route>]>([
    ['a port', {}, { protocol: 'tcp', host: '*' }],
    ['names', { host: 'a.test' }, { host: 'a.test', tls: { mode: 'passthrough' } }],
    ['a certificate', { certificate: 'c' }, { tls: { mode: 'terminate', certificate: 'c' } }],
    ['a filter', { middlewares: 'office' }, { middlewares: [shared.get('office') as Middleware] }],
  ])('TCP: %s', (_name, options, expected) => {
    expect(one(http({ listeners: 'port:5432', ...options }, 'tcp'))).toMatchObject(expected);
  });

  it('says how instances are chosen and checked', () => {
    const { policies, problems } = read(
      http({
        host: 'a',
        hash: 'cookie:id',
        sticky: 'node',
        stickyMaxAgeSeconds: '60',
        maxConnections: '10',
        maxPending: '0',
        slowStartSeconds: '1.5',
        drainSeconds: '30',
        'check.path': '/ok',
        'check.intervalSeconds': '0.5',
        'upstream.protocol': 'h2',
        'upstream.tls.serverName': 'x.test',
      }),
    );
    expect(problems).toEqual([]);
    expect([...policies]).toEqual([
      [
        'marathon/s#0',
        {
          balance: 'ringhash',
          hash: { of: 'cookie', name: 'id' },
          sticky: { cookie: 'node', maxAgeSeconds: 60 },
          breakers: { connections: 10, pending: 0 },
          slowStartMs: 1_500,
          drainMs: 30_000,
          upstream: { protocol: 'h2', tls: { mutual: false, trust: 'system', serverName: 'x.test' } },
          check: {
            probe: { kind: 'http', path: '/ok' },
            intervalMs: 500,
            timeoutMs: 5_000,
            rise: 1,
            fall: 3,
            // As its requests.
            tls: { mutual: false, trust: 'system', serverName: 'x.test' },
          },
        },
      ],
    ]);
  });

  it('says how TLS is spoken, in short or at length', () => {
    const tlsOf = (options: Record<string, string>) => {
      const { routes, problems } = read(http({ host: 'a', ...options }));
      return [problems.length, routes[0]?.listeners.join(), routes[0]?.tls];
    };
    const both = 'http,https';
    expect(tlsOf({ tls: 'terminate' })).toEqual([0, both, { mode: 'terminate' }]);
    expect(tlsOf({ tls: 'terminate', 'tls.minVersion': '1.3' })).toEqual([
      0,
      both,
      { mode: 'terminate', minVersion: 'TLSv1.3' },
    ]);
    expect(tlsOf({ 'tls.clientAuth': 'require', 'tls.clientCa': 'partners' })).toEqual([
      0,
      'https',
      { mode: 'terminate', clientAuth: 'require', clientTrust: 'partners' },
    ]);
    expect(tlsOf({ 'tls.clientAuth': 'request' })).toEqual([
      0,
      both,
      { mode: 'terminate', clientAuth: 'request', clientTrust: 'identity' },
    ]);
    expect(tlsOf({ 'tls.clientAuth': 'none' })).toEqual([0, both, { mode: 'terminate' }]);
    expect(tlsOf({ 'tls.clientAuth': 'require', listeners: 'http, https' })).toEqual([
      1,
      undefined,
      undefined,
    ]);
    const upstreamOf = (options: Record<string, string>): unknown => {
      const { policies, problems } = read(http({ host: 'a', ...options }));
      return problems.length > 0 ? problems.length : [...policies.values()][0]?.upstream;
    };
    const http1 = { protocol: 'http1' };
    expect(upstreamOf({ 'upstream.tls': 'off' })).toEqual(http1);
    expect(upstreamOf({ 'upstream.tls': 'false' })).toEqual(http1);
    expect(upstreamOf({ 'upstream.tls': 'on' })).toEqual({
      ...http1,
      tls: { mutual: false, trust: 'system' },
    });
    expect(upstreamOf({ 'upstream.tls': 'mutual', 'upstream.tls.serverName': 'b.test' })).toEqual({
      ...http1,
      tls: { mutual: true, trust: 'identity', serverName: 'b.test' },
    });
    const spiffeId = 'spiffe://a.test/marathon/*';
    expect(upstreamOf({ 'upstream.tls.spiffeId': spiffeId })).toEqual({
      ...http1,
      tls: { mutual: false, trust: 'identity', spiffeId },
    });
    expect(upstreamOf({ 'upstream.tls.spiffeId': 'https://a.test/x' })).toBe(1);
    expect(upstreamOf({ 'upstream.tls.trust': '/etc/ca.pem' })).toBe(1);
    expect(upstreamOf({ 'upstream.tls': 'sometimes' })).toBe(1);
  });

  it('goes with groups', () => {
    const labels = { ...http({ host: 'a' }), HAPROXY_GROUP: 'x' };
    expect(read(labels, ['x']).routes).toHaveLength(1);
    expect(read({ ...labels, 'rimrock.group': 'y' }, ['x']).routes).toHaveLength(0);
    expect(read({ ...labels, 'rimrock.group': 'z, y' }, ['y']).routes).toHaveLength(1);
    expect(read(http({ host: 'a' }), ['y']).routes).toHaveLength(0);
  });

  it('lives beside the labels of marathon-lb, and a port has one policy', () => {
    const both = read({ HAPROXY_0_VHOST: 'a', HAPROXY_0_BALANCE: 'leastconn', ...http({ host: 'b' }) });
    expect(both.routes.map((r) => [r.host, r.balance])).toEqual([
      ['a', 'leastconn'],
      ['b', 'leastconn'],
    ]);
    const ours = read({ HAPROXY_0_VHOST: 'a', ...http({ host: 'b', balance: 'random' }) });
    expect(ours.policies.get('marathon/s#0')).toEqual({ balance: 'random' });
  });
});

describe('middlewares', () => {
  const made = (options: Record<string, string>): Middleware | undefined => {
    const labels = { ...http({ host: 'a', middlewares: 'w' }), ...http(options, 'middleware') };
    return one(labels).middlewares[0];
  };

  const none = { remove: [], set: [], add: [] };
  const sha = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=';
  const scrypt = '$scrypt$ln=14,r=8,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdHNhbHQ';
  it.each<[Record<string, string>, Middleware]>([
    [
      { 'redirect.scheme': 'https', 'redirect.status': '301' },
      { kind: 'redirect', status: 301, scheme: 'https' },
    ],
    [
      { 'redirect.regex': '/a/(.*)', 'redirect.path': '/b/$1' },
      { kind: 'redirect', status: 302, regex: '/a/(.*)', path: '/b/$1' },
    ],
    [
      { 'rewrite.stripPrefix': '/a', 'rewrite.addPrefix': '/b' },
      { kind: 'rewrite', stripPrefix: '/a', addPrefix: '/b' },
    ],
    [
      { 'headers.request.set.X-A': 'b, c', 'headers.response.remove': 'Server, X-Y' },
      {
        kind: 'headers',
        request: { ...none, set: [['x-a', 'b, c']] },
        response: { ...none, remove: ['server', 'x-y'] },
      },
    ],
    [{ 'hsts.maxAgeSeconds': '60' }, { kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false }],
    [
      { 'basicAuth.users': `a:${sha} b:${scrypt}` },
      {
        kind: 'basicAuth',
        realm: 'restricted',
        removeHeader: false,
        users: [
          { name: 'a', hash: sha },
          { name: 'b', hash: scrypt },
        ],
      },
    ],
    [{ 'ipFilter.deny': '10.0.0.1, ::1/128' }, { kind: 'ipFilter', deny: ['10.0.0.1', '::1/128'] }],
    [
      { 'rateLimit.perSecond': '2.5', 'rateLimit.by': 'header:X-Key' },
      { kind: 'rateLimit', perSecond: 2.5, burst: 3, by: { of: 'header', name: 'x-key' } },
    ],
    [{ 'bodyLimit.bytes': '0' }, { kind: 'bodyLimit', bytes: 0 }],
  ])('%j', (options, expected) => {
    expect(made(options)).toEqual(expected);
  });
});

it('an instance may be checked at a path with a query', () => {
  const { policies, problems } = read({ ...http({ 'check.path': '/health?deep=1' }) });
  expect(problems).toEqual([]);
  expect([...policies.values()]).toMatchObject([{ check: { probe: { path: '/health?deep=1' } } }]);
});

describe('what is wrong is told at its label, and its rule is left out', () => {
  it.each<[Record<string, string>, string, RegExp]>([
    [{ 'rimrock.htp.w.host': 'a' }, 'rimrock.htp.w.host', /did you mean rimrock\.http/],
    [{ 'rimrock.http.w': 'a' }, 'rimrock.http.w', /incomplete/],
    [{ 'rimrock.http.w w.host': 'a' }, 'rimrock.http.w w.host', /not a name/],
    [{ 'rimrock.http.__proto__.host': 'a' }, 'rimrock.http.__proto__.host', /not a name/],
    [{ 'rimrock.group.x': 'a' }, 'rimrock.group.x', /part too many/],
    [http({ hots: 'a' }), 'rimrock.http.w.hots', /did you mean 'host'/],
    [http({ 'host.x': 'a' }), 'rimrock.http.w.host', /no single value/],
    [http({ check: 'x' }), 'rimrock.http.w.check', /no names below/],
    [http({ host: 'a b' }), 'rimrock.http.w.host', /not a host name/],
    [http({ host: '' }), 'rimrock.http.w.host', /is empty/],
    [http({ path: 'x' }), 'rimrock.http.w.path', /write '\/x'/],
    [http({ pathRegex: '(a' }), 'rimrock.http.w.pathRegex', /missing closing/],
    [http({ pathRegex: '(?=a)' }), 'rimrock.http.w.pathRegex', /RE2/],
    [http({ pathRegex: '.{301}' }), 'rimrock.http.w.pathRegex', /more than 300/],
    [http({ method: 'GET,P T' }), 'rimrock.http.w.method', /token/],
    [http({ priority: 'high' }), 'rimrock.http.w.priority', /whole number/],
    [http({ listeners: 'ftp' }), 'rimrock.http.w.listeners', /port:<number>/],
    [http({ listeners: 'http', tls: 'terminate' }), 'rimrock.http.w.tls', /no TLS/],
    [http({ port: '7' }), 'rimrock.http.w.port', /no port '7'/],
    [http({ port: 'admin' }), 'rimrock.http.w.port', /with the names 'http'/],
    [http({ balance: 'best' }), 'rimrock.http.w.balance', /one of p2c/],
    [http({ hash: 'header' }), 'rimrock.http.w.hash', /header:<name>/],
    [http({ middlewares: 'x' }), 'rimrock.http.w.middlewares', /no sound middleware 'x'/],
    [http({ 'check.rise': '0' }), 'rimrock.http.w.check.rise', /from 1 to 100/],
    [http({ 'check.path': '/a /b' }), 'rimrock.http.w.check.path', /no path/],
    [http({ 'check.path': '/a\r\n/b' }), 'rimrock.http.w.check.path', /no path/],
    [http({ 'check.host': 'a,\r\nb' }), 'rimrock.http.w.check.host', /not one host/],
    [http({ host: 'a' }, 'tcp'), 'rimrock.tcp.w.listeners', /is missing/],
    [http({ listeners: 'http' }, 'tcp'), 'rimrock.tcp.w.listeners', /port:<number>/],
    [
      http({ listeners: 'port:1', tls: 'passthrough', certificate: 'c' }, 'tcp'),
      'rimrock.tcp.w.certificate',
      /instance has the certificate/,
    ],
    [http({ 'redirect.status': '301' }, 'middleware'), 'rimrock.middleware.w', /needs scheme/],
    [http({ 'rewrite.regex': '/a' }, 'middleware'), 'rimrock.middleware.w', /go together/],
    [http({ 'redirect.path': 'x' }, 'middleware'), 'rimrock.middleware.w.redirect.path', /slash/],
    [http({ 'ipFilter.allow': 'x' }, 'middleware'), 'rimrock.middleware.w.ipFilter.allow', /10\.0\.0\.0\/8/],
    [
      http({ 'basicAuth.users': 'a:$1$x$y' }, 'middleware'),
      'rimrock.middleware.w.basicAuth.users',
      /mkpasswd/,
    ],
    [
      http({ 'headers.request.set.Content-Length': '5' }, 'middleware'),
      'rimrock.middleware.w.headers.request.set',
      /belongs to the load balancer/,
    ],
    [
      http({ 'headers.response.set.x': 'a\r\nb' }, 'middleware'),
      'rimrock.middleware.w.headers.response.set.x',
      /plain ASCII/,
    ],
  ])('%j', (labels, label, reason) => {
    const { routes, problems } = read(labels);
    expect(routes).toEqual([]);
    expect(problems).toEqual([
      { serviceKey: 'marathon/s', label, reason: expect.stringMatching(reason) as string },
    ]);
  });

  it('a rule does not lose its protection when that has a mistake', () => {
    const { routes, problems } = read({
      ...http({ host: 'a', middlewares: 'w' }),
      ...http({ 'ipFilter.allow': '10.0.0.0/99' }, 'middleware'),
      'rimrock.http.other.host': 'b',
    });
    expect(routes.map((r) => r.host)).toEqual(['b']);
    expect(problems.map((p) => p.label)).toEqual([
      'rimrock.middleware.w.ipFilter.allow',
      'rimrock.http.w.middlewares',
    ]);
  });

  it('a protected TCP rule has no middleware that only HTTP can have', () => {
    const { routes, problems } = read({
      ...http({ listeners: 'port:1', middlewares: 'w' }, 'tcp'),
      ...http({ 'bodyLimit.bytes': '5' }, 'middleware'),
    });
    expect(routes).toEqual([]);
    expect(problems).toMatchObject([{ label: 'rimrock.tcp.w.middlewares' }]);
  });
});
