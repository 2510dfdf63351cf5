import { describe, expect, it } from 'vitest';
import { instance, service } from '../testing/fake-catalog.ts';
import { isNetwork } from './cidr.ts';
import { readLabels } from './labels.ts';
import { passwordKind } from './middleware.ts';
import type { Middleware } from './middleware.ts';
import type { Route } from './types.ts';

/** What the labels of port 0 (with a VHOST unless it is given empty) come to, all of them sound. */
function read(labels: Record<string, string>) {
  const all = Object.entries({ VHOST: 'a.test', ...labels })
    .filter(([, value]) => value !== '')
    .map(([suffix, value]): [string, string] => [`HAPROXY_0_${suffix}`, value]);
  const { routes, problems, policies } = readLabels(
    service({ name: 's', labels: new Map(all), instances: [instance(1)] }),
    ['*'],
  );
  expect(problems).toEqual([]);
  return { routes, policy: policies.get('marathon/s#0') };
}

const middlewares = (labels: Record<string, string>): readonly Middleware[] | undefined =>
  read(labels).routes[0]?.middlewares;

const AUTH = 'Staff only:ann:$apr1$8HXqzzzz$0123456789012345678901';

describe('labels of marathon-lb', () => {
  it('a route says which labels it comes from', () => {
    const [route] = read({ PATH: '/x', STICKY: 'no' }).routes;
    expect(route).toEqual({
      kind: 'match',
      id: 'marathon/s#0/a.test/x',
      protocol: 'http',
      listeners: ['http', 'https'],
      host: 'a.test',
      path: '/x',
      pathKind: 'prefix',
      priority: 0,
      weight: 1,
      backendKey: 'marathon/s#0',
      serviceKey: 'marathon/s',
      portIndex: 0,
      balance: 'roundrobin',
      targets: [{ backendKey: 'marathon/s#0', serviceKey: 'marathon/s', portIndex: 0, weight: 1 }],
      middlewares: [],
      source: ['HAPROXY_0_VHOST', 'HAPROXY_0_PATH', 'HAPROXY_0_STICKY'],
    } satisfies Route);
    expect(structuredClone(route)).toEqual(route);
  });

  it.each<[string, Record<string, string>, string[]]>([
    ['tcp without a host', { VHOST: '', PORT: '10000' }, ['tcp port:10000 *']],
    ['http by mode', { VHOST: '', PORT: '10000', MODE: 'http' }, ['http port:10000 *']],
    ['http by host', { PORT: '10000' }, ['http http,https a.test', 'http port:10000 *']],
    [
      'tcp by mode beside a host',
      { PORT: '10000', MODE: 'TCP' },
      ['http http,https a.test', 'tcp port:10000 *'],
    ],
    ['TLS', { VHOST: '', PORT: '443', SSL_CERT: '/etc/x.pem' }, ['tcp port:443 * terminate /etc/x.pem']],
    ['nothing without a port and a host', { VHOST: '', MODE: 'tcp' }, []],
  ])('service port: %s', (_name, labels, expected) => {
    const { routes } = read(labels);
    expect(
      routes.map((r) =>
        [r.protocol, r.listeners.join(','), r.host, r.tls?.mode, r.tls?.certificate]
          .filter(Boolean)
          .join(' '),
      ),
    ).toEqual(expected);
  });

  it.each<[string, Record<string, string>, Middleware[]]>([
    ['TLS', { REDIRECT_TO_HTTPS: 'true' }, [{ kind: 'redirect', status: 301, scheme: 'https' }]],
    ['HSTS', { USE_HSTS: 'yes' }, [{ kind: 'hsts', maxAgeSeconds: 15_768_000, includeSubdomains: false }]],
    ['root', { HTTP_BACKEND_REDIR: '/app' }, [{ kind: 'redirect', status: 301, regex: '/', path: '/app' }]],
    ['strip', { HTTP_BACKEND_PROXYPASS_PATH: '/app' }, [{ kind: 'rewrite', stripPrefix: '/app' }]],
    ['back', { HTTP_BACKEND_REVPROXY_PATH: '/app' }, [{ kind: 'rewrite', locationPrefix: '/app' }]],
    [
      'networks',
      { BACKEND_NETWORK_ALLOWED_ACL: '127.0.0.1/8 fd00::/8' },
      [{ kind: 'ipFilter', allow: ['127.0.0.1/8', 'fd00::/8'] }],
    ],
    [
      'password',
      { AUTH },
      [
        {
          kind: 'basicAuth',
          realm: 'Staff only',
          users: [{ name: 'ann', hash: '$apr1$8HXqzzzz$0123456789012345678901' }],
          removeHeader: false,
        },
      ],
    ],
  ])('middleware: %s', (_name, labels, expected) => {
    expect(middlewares(labels)).toEqual(expected);
  });

  it('who may come is decided before the redirect, TLS before the password, and HSTS is in every answer', () => {
    const labels = {
      PORT: '9000',
      REDIRECT_TO_HTTPS: 'true',
      USE_HSTS: 'true',
      AUTH,
      BACKEND_NETWORK_ALLOWED_ACL: '10.0.0.0/8',
      HTTP_BACKEND_PROXYPASS_PATH: '/app',
    };
    const kinds = read(labels).routes.map((r) => r.middlewares.map((m) => m.kind));
    expect(kinds).toEqual([
      ['hsts', 'ipFilter', 'redirect', 'basicAuth', 'rewrite'],
      ['hsts', 'ipFilter', 'basicAuth', 'rewrite'],
    ]);
    expect(read({ ...labels, MODE: 'tcp' }).routes[1]?.middlewares.map((m) => m.kind)).toEqual(['ipFilter']);
  });

  it.each<[Record<string, string>, object]>([
    [{}, { balance: 'roundrobin' }],
    [{ BALANCE: 'URI' }, { balance: 'ringhash', hash: { of: 'path' } }],
    [{ BALANCE: 'hdr(X-User)' }, { balance: 'ringhash', hash: { of: 'header', name: 'x-user' } }],
    [{ STICKY: 'true' }, { balance: 'roundrobin', sticky: { cookie: 'mesosphere_server_id' } }],
    [
      { BACKEND_HEALTHCHECK_PORT_INDEX: '1' },
      {
        balance: 'roundrobin',
        check: {
          probe: { kind: 'tcp' },
          portIndex: 1,
          intervalMs: 10_000,
          timeoutMs: 5_000,
          rise: 1,
          fall: 3,
        },
      },
    ],
  ])('backend: %j', (labels, expected) => {
    expect(read(labels).policy).toEqual(expected);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ HAPROXY_0_AUTH: 'realm:user' }, /write 'realm:user:hash'/],
    [{ HAPROXY_0_AUTH: 'realm:user:secret' }, /no kind that can be verified/],
    [{ HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL: 'office' }, /not published/],
  ])('what protects and does not hold takes the port away: %j', (labels, reason) => {
    const all = new Map(Object.entries({ HAPROXY_0_VHOST: 'a', HAPROXY_0_PORT: '9000', ...labels }));
    const { routes, problems } = readLabels(service({ name: 's', labels: all, instances: [instance(1)] }), [
      '*',
    ]);
    expect(routes).toEqual([]);
    expect(problems.at(-1)?.reason).toMatch(reason);
  });
});

describe('passwords', () => {
  it.each([
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'sha1'],
    ['$apr1$8HXqzzzz$0123456789012345678901', 'apr1'],
    [`$5$rounds=5000$salt$${'x'.repeat(43)}`, 'sha256-crypt'],
    [`$6$salt$${'x'.repeat(86)}`, 'sha512-crypt'],
    ['$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdHNhbHQ', 'scrypt'],
    [`$6$rounds=999999$salt$${'x'.repeat(86)}`, undefined],
    ['$scrypt$ln=20,r=8,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdHNhbHQ', undefined],
    ['$2y$05$abcdefghijklmnopqrstuv', undefined],
    ['$1$salt$0123456789012345678901', undefined],
    ['secret', undefined],
    ['', undefined],
  ])('%s', (hash, kind) => {
    expect(passwordKind(hash)).toBe(kind);
  });
});

describe('networks', () => {
  it.each(['0.0.0.0/0', '10.0.0.1', '::/0', '::1', 'fd00::/8', '1:2:3:4:5:6:7:8/128', '::ffff:10.0.0.1/96'])(
    '%s is one',
    (text) => expect(isNetwork(text)).toBe(true),
  );
  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/08',
  ])('%s is none', (text) => expect(isNetwork(text)).toBe(false));
  it.each([
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1::2::3',
    '1:2:3:4:5:6:7:8::',
    'g::',
    '::/129',
    '::1%lo',
    '10.0.0.1::',
  ])('%s is none either', (text) => expect(isNetwork(text)).toBe(false));
});
