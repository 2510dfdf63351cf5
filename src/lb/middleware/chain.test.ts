import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Admission, FieldFilter, Hops } from '../forward/index.ts';
import { writeRequestHead, writeResponseHead } from '../forward/heads.ts';
import { HeadWriter, latin1Bytes, RequestParser, ResponseParser } from '../http1/index.ts';
import type { Middleware } from '../router/middleware.ts';
import { Chain } from './chain.ts';
import { bucketMemory } from './token-buckets.ts';
import type { Visit } from './types.ts';
import { Verifier } from './verifier.ts';

const parser = new RequestParser({ headBytes: 65_536, lineBytes: 8_192, fields: 100 });
const responses = new ResponseParser({ headBytes: 65_536, fields: 100 });
const clock = new FakeClock(10_000);
const verifier = new Verifier({ clock, random: seededRandom(1), stopwatch: () => clock.monotonic() });

interface Asked {
  readonly target?: string;
  readonly fields?: readonly string[];
  readonly method?: string;
  readonly host?: string;
  readonly client?: string;
  readonly secure?: boolean;
}

function visit({ target = '/', fields = [], method = 'GET', host = 'a.test', client, secure }: Asked): Visit {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields];
  const bytes = latin1Bytes(`${lines.join('\r\n')}\r\n\r\n`);
  parser.parse(bytes, 0, bytes.length);
  const request = new Admission(undefined).admit(parser);
  if (typeof request === 'string') throw new Error(request);
  const now = clock.monotonic();
  return {
    head: parser,
    request,
    client: client ?? '10.0.0.1',
    secure: secure ?? false,
    now,
    resumed: false,
  };
}

const chain = (...middlewares: Middleware[]): Chain => {
  const rates = { memory: bucketMemory(seededRandom(1), 16), aheadMs: 0 };
  return new Chain(middlewares, { verifier, rates }, 'a route');
};

/** The refusal's reason and Location, or the target that goes on. */
function ask(middlewares: Middleware | Middleware[], asked: Asked): string {
  const seen = visit(asked);
  const result = chain(...[middlewares].flat()).run(seen);
  if ('hold' in result) return 'held';
  if (!('reason' in result)) return `to ${seen.request.target}`;
  const location = /Location: (.*)\r\n/.exec(result.fields ?? '')?.[1];
  return location === undefined ? result.reason : `${result.status} ${location}`;
}

const redirect = (options: object): Middleware => ({ kind: 'redirect', status: 302, ...options });
const rewrite = (options: object): Middleware => ({ kind: 'rewrite', ...options });

describe('redirect', () => {
  const toTls = redirect({ scheme: 'https', status: 301 });
  const table: readonly (readonly [string, Middleware, Asked, string])[] = [
    ['to TLS', toTls, { target: '/x?y=1' }, '301 https://a.test/x?y=1'],
    ['to TLS from another port', toTls, { host: 'a.test:8000' }, '301 https://a.test/'],
    ['what is TLS already goes on', toTls, { secure: true }, 'to /'],
    ['also at another port', toTls, { secure: true, host: 'a.test:8443' }, 'to /'],
    ['the port of the scheme is none', redirect({ scheme: 'https', port: 443 }), { secure: true }, 'to /'],
    ['another host', redirect({ host: 'b.test' }), { target: '/x?y' }, '302 http://b.test/x?y'],
    ['the same host', redirect({ host: 'a.test' }), {}, 'to /'],
    ['another port', redirect({ port: 8080 }), {}, '302 http://a.test:8080/'],
    ['a path', redirect({ path: '/new' }), { target: '/old?q=1' }, '302 http://a.test/new?q=1'],
    [
      'a path with a query',
      redirect({ path: '/new?z=1' }),
      { target: '/old?q=1' },
      '302 http://a.test/new?z=1',
    ],
    ['the path that it is', redirect({ path: '/new' }), { target: '/new' }, 'to /new'],
    [
      'by groups',
      redirect({ regex: '/old/(.*)', path: '/new/$1' }),
      { target: '/old/a/b?c' },
      '302 http://a.test/new/a/b?c',
    ],
    [
      'where the pattern does not fit',
      redirect({ regex: '/old/(.*)', path: '/new/$1' }),
      { target: '/x' },
      'to /x',
    ],
    ['OPTIONS *', toTls, { method: 'OPTIONS', target: '*' }, 'to *'],
    [
      'two slashes lead nowhere else',
      redirect({ regex: '/go(.*)', path: '/$1' }),
      { target: '/go/evil.test' },
      '302 http://a.test//evil.test',
    ],
  ];
  it.each(table)('%s', (_name, middleware, asked, expected) => {
    expect(ask(middleware, asked)).toBe(expected);
  });
});

describe('rewrite', () => {
  const table: readonly (readonly [string, object, string, string])[] = [
    ['strip a prefix', { stripPrefix: '/api' }, '/api/x?y', 'to /x?y'],
    ['the prefix alone', { stripPrefix: '/api' }, '/api?y', 'to /?y'],
    ['no part of a segment', { stripPrefix: '/api' }, '/apix', 'to /apix'],
    ['with a slash at its end', { stripPrefix: '/api/' }, '/api/x', 'to /x'],
    ['add a prefix', { addPrefix: '/v1' }, '/x', 'to /v1/x'],
    [
      'one after the other',
      { stripPrefix: '/api', regex: '/u/([0-9]+)', replacement: '/user?id=$1', addPrefix: '/v1' },
      '/api/u/7?z',
      'to /v1/user?id=7&z',
    ],
    ['where the pattern does not fit', { regex: '/u/([0-9]+)', replacement: '/$1' }, '/u/x', 'to /u/x'],
    ['groups that make another path', { regex: '/x(.*)', replacement: '/$1' }, '/x..', 'ambiguous-path'],
    [
      'groups that make another path, encoded',
      { regex: '/x(.*)', replacement: '/$1' },
      '/x%2e%2e/etc',
      'ambiguous-path',
    ],
  ];
  it.each(table)('%s', (_name, options, target, expected) => {
    expect(ask(rewrite(options), { target })).toBe(expected);
  });
});

describe('who may come', () => {
  const inside: Middleware = { kind: 'ipFilter', allow: ['10.0.0.0/8', 'fd00::/8'], deny: ['10.6.6.6'] };
  it.each([
    ['10.1.2.3', 'to /'],
    ['::ffff:10.1.2.3', 'to /'],
    ['fd00::1', 'to /'],
    ['10.6.6.6', 'address-refused'],
    ['::ffff:10.6.6.6', 'address-refused'],
    ['192.0.2.1', 'address-refused'],
    ['2001:db8::1', 'address-refused'],
  ])('%s: %s', (client, expected) => {
    expect(ask(inside, { client })).toBe(expected);
  });

  it('all but the denied, without an allow list', () => {
    const middleware: Middleware = { kind: 'ipFilter', deny: ['192.0.2.0/24'] };
    expect(ask(middleware, { client: '192.0.2.9' })).toBe('address-refused');
    expect(ask(middleware, { client: '192.0.3.9' })).toBe('to /');
  });
});

describe('rate and size', () => {
  it('429 with the seconds to wait, for each client by itself', () => {
    const limited = chain({ kind: 'rateLimit', perSecond: 0.5, burst: 2, by: { of: 'client' } });
    const of = (client: string): string => {
      const result = limited.run(visit({ client }));
      return 'reason' in result ? `${result.reason} ${result.fields}` : 'ok';
    };
    expect([of('a'), of('a'), of('b')]).toEqual(['ok', 'ok', 'ok']);
    expect(of('a')).toBe('rate-limited Retry-After: 2\r\n');
    clock.advance(2_000);
    expect([of('a'), of('b')]).toEqual(['ok', 'ok']);
    expect(limited.explain(visit({ client: 'a' })).steps).toMatchObject([
      { outcome: 'refuses', detail: /rate-limited/ },
    ]);
  });

  it('by a header field', () => {
    const limited = chain({ kind: 'rateLimit', perSecond: 1, burst: 1, by: { of: 'header', name: 'x-key' } });
    const of = (key: string): boolean => 'reason' in limited.run(visit({ fields: [`X-Key: ${key}`] }));
    expect([of('1'), of('1'), of('2')]).toEqual([false, true, false]);
    clock.advance(999);
    expect(of('1')).toBe(true);
    clock.advance(1);
    expect(of('1')).toBe(false);
  });

  it('a request that was held is not counted again', () => {
    const limited = chain({ kind: 'rateLimit', perSecond: 1, burst: 1, by: { of: 'client' } });
    expect('reason' in limited.run(visit({}))).toBe(false);
    expect('reason' in limited.run({ ...visit({}), resumed: true })).toBe(false);
    expect('reason' in limited.run(visit({}))).toBe(true);
  });

  it('bodies that say they are too large are refused at once; the least of several limits holds', () => {
    const limits: Middleware[] = [
      { kind: 'bodyLimit', bytes: 10 },
      { kind: 'bodyLimit', bytes: 20 },
    ];
    expect(ask(limits, { method: 'POST', fields: ['Content-Length: 10'] })).toBe('to /');
    expect(ask(limits, { method: 'POST', fields: ['Content-Length: 11'] })).toBe('body-over-route-limit');
    const result = chain(...limits).run(visit({ method: 'POST', fields: ['Transfer-Encoding: chunked'] }));
    expect(result).toMatchObject({ bodyLimit: 10 });
  });
});

describe('passwords', () => {
  // correct horse
  const users = [{ name: 'jo', hash: '$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB' }];
  const guarded = chain({ kind: 'basicAuth', realm: 'here', users, removeHeader: true });
  const basic = (text: string): Asked => ({
    fields: [`Authorization: Basic ${Buffer.from(text).toString('base64')}`],
  });
  const verdict = (asked: Asked): string => {
    const result = guarded.run(visit(asked));
    return 'hold' in result ? 'held' : 'reason' in result ? result.reason : 'ok';
  };
  const settled = async (asked: Asked): Promise<string> => {
    const result = guarded.run(visit(asked));
    if (!('hold' in result)) return verdict(asked);
    const { promise, resolve } = Promise.withResolvers<void>();
    result.hold(resolve);
    // The stopwatch of the test stands still, so that one slice does it all.
    clock.advance(1);
    await promise;
    return verdict(asked);
  };

  it('are asked for, worked out once, and then known', async () => {
    expect(guarded.run(visit({}))).toMatchObject({
      reason: 'auth-required',
      fields: 'WWW-Authenticate: Basic realm="here", charset="UTF-8"\r\n',
    });
    expect(verdict(basic('jo:correct horse'))).toBe('held');
    expect(await settled(basic('jo:correct horse'))).toBe('ok');
    expect(verdict(basic('jo:correct horse'))).toBe('ok');
    expect(await settled(basic('jo:wrong'))).toBe('auth-wrong');
    expect(verdict(basic('jo:wrong'))).toBe('auth-wrong');
    // The password of one user does not open the door for a name that is not there.
    expect(await settled(basic('joe:correct horse'))).toBe('auth-wrong');
    expect(await settled(basic('jo:'))).toBe('auth-wrong');
  });

  it('that are no credentials, or too long to be worth hashing, are refused without work', () => {
    expect(verdict({ fields: ['Authorization: Bearer x'] })).toBe('auth-required');
    expect(verdict({ fields: ['Authorization: Basic !!'] })).toBe('auth-required');
    expect(verdict(basic('no colon'))).toBe('auth-required');
    const twice = basic('jo:correct horse').fields ?? [];
    expect(verdict({ fields: [...twice, ...twice] })).toBe('auth-required');
    expect(verdict(basic(`jo:${'x'.repeat(300)}`))).toBe('auth-wrong');
  });

  it('that many try at once are refused from some number on', () => {
    const verdicts = Array.from({ length: 80 }, (_, i) => verdict(basic(`jo:guess-${i}`)));
    expect(verdicts.filter((v) => v === 'held')).toHaveLength(64);
    expect(verdicts.at(-1)).toBe('auth-busy');
    clock.advance(100);
    expect(verdict(basic('jo:guess-1'))).toBe('auth-wrong');
    expect(verdict(basic('jo:correct horse'))).toBe('ok');
  });

  it('go no further where they need not', () => {
    const result = guarded.run(visit(basic('jo:correct horse')));
    expect('drop' in result && result.drop?.has('authorization')).toBe(true);
  });
});

/** What the instance gets, and what the client gets of an answer with these fields. */
function heads(
  middlewares: Middleware[],
  asked: Asked,
  answer: readonly string[],
): { readonly to: string; readonly back: string } {
  const seen = visit(asked);
  const result = chain(...middlewares).run(seen);
  if ('hold' in result || 'reason' in result) throw new Error('refused');
  seen.request.passage = result;
  const out = new HeadWriter();
  const filter = new FieldFilter(100);
  const via = { name: 'edge', maxReturns: 1 };
  const hops = new Hops(via, { traceparent: false, requestId: false }, seededRandom(1));
  const facts = { ip: '10.0.0.1', trusted: false, port: 80, secure: asked.secure ?? false };
  writeRequestHead(out, filter, parser, seen.request, facts, hops);
  const to = Buffer.from(out.take((n) => new Uint8Array(n))).toString('latin1');
  const bytes = latin1Bytes(`${['HTTP/1.1 200 OK', ...answer].join('\r\n')}\r\n\r\n`);
  responses.parse(bytes, 0, bytes.length);
  const shape = { close: false, http10: false, dechunk: false, upgrade: false, changes: result.response };
  const written = writeResponseHead(out, filter, responses, shape);
  const back = written
    ? Buffer.from(out.take((n) => new Uint8Array(n))).toString('latin1')
    : bytes.toString();
  return { to, back };
}

const none = { remove: [], set: [], add: [] };

describe('header fields', () => {
  it('are changed one middleware after the other, on the way back in the opposite order', () => {
    const first: Middleware = {
      kind: 'headers',
      request: { remove: ['x-gone'], set: [['x-set', '1']], add: [['x-add', '1']] },
      response: { ...none, set: [['x-last', 'first']] },
    };
    const second: Middleware = {
      kind: 'headers',
      request: { ...none, remove: ['x-add'], add: [['x-add', '2']] },
      response: { remove: ['server'], set: [['x-last', 'second']], add: [['x-more', '1']] },
    };
    const { to, back } = heads([first, second], { fields: ['X-Gone: 1', 'X-Set: 0', 'X-Kept: 1'] }, [
      'Server: x',
      'X-Kept: 1',
    ]);
    expect(to).toMatch(/x-set: 1\r\nx-add: 2\r\n\r\n$/);
    expect(to).toContain('X-Kept: 1\r\n');
    expect(to).not.toMatch(/x-gone|X-Set: 0|x-add: 1/i);
    expect(back).toBe('HTTP/1.1 200 OK\r\nX-Kept: 1\r\nx-more: 1\r\nx-last: first\r\n\r\n');
  });

  it('HSTS comes over TLS only', () => {
    const hsts: Middleware = { kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: true };
    expect(heads([hsts], { secure: true }, ['X: 1']).back).toContain(
      'strict-transport-security: max-age=60; includeSubDomains\r\n',
    );
    expect(heads([hsts], {}, ['X: 1']).back).not.toContain('strict');
  });

  it.each([
    ['/login', 'Location: /app/login'],
    ['http://a.test/login', 'Location: http://a.test/app/login'],
    ['https://A.test:8443/login?x', 'Location: https://A.test:8443/app/login?x'],
    ['//a.test', 'Location: //a.test/app'],
    ['http://b.test/login', 'Location: http://b.test/login'],
    ['login', 'Location: login'],
  ])('Location %s becomes %s', (location, expected) => {
    const { back } = heads([rewrite({ locationPrefix: '/app' })], {}, [`Location: ${location}`, 'X: 1']);
    expect(back).toContain(`${expected}\r\n`);
    expect(back.match(/Location/g)).toHaveLength(1);
  });

  it('that belong to one connection never pass, whatever is changed', () => {
    const hop = [
      'Connection: close, x-mine',
      'Keep-Alive: 1',
      'Proxy-Connection: x',
      'TE: trailers',
      'X-Mine: 1',
      'Upgrade: x',
    ];
    const name = fc.constantFrom('x-a', 'x-b', 'server', 'cookie');
    const pairs = fc.array(fc.tuple(name, fc.constantFrom('1', '2')), { maxLength: 3 });
    const changes = fc.record({ remove: fc.array(name, { maxLength: 3 }), set: pairs, add: pairs });
    const middlewares = fc.array(fc.record({ request: changes, response: changes }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(middlewares, fc.shuffledSubarray(hop), (all, fields) => {
        const { to, back } = heads(
          all.map((m) => ({ kind: 'headers', ...m })),
          { fields },
          fields,
        );
        for (const text of [to, back])
          expect(text).not.toMatch(/\r\n(?:keep-alive|proxy-connection|te|upgrade):/i);
        if (fields.includes('Connection: close, x-mine')) expect(to + back).not.toMatch(/x-mine/i);
        expect(to).not.toMatch(/\r\nconnection:/i);
        // What was removed by the last who had a say is not there; what was set stands once.
        const last = all.at(-1)?.request;
        for (const [key, value] of last?.set ?? [])
          if (!last?.add.some(([k]) => k === key) && last?.set.filter(([k]) => k === key).length === 1)
            expect(to.match(new RegExp(`\\r\\n${key}:.*`, 'gi'))).toEqual([`\r\n${key}: ${value}`]);
      }),
    );
  });
});

describe('a refusal', () => {
  it('bears what the middlewares before it do to answers, and none behind it runs', () => {
    const hsts: Middleware = { kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false };
    const closed: Middleware = { kind: 'ipFilter', allow: ['192.0.2.1'] };
    const limit: Middleware = { kind: 'rateLimit', perSecond: 1, burst: 1, by: { of: 'client' } };
    const guarded = chain(hsts, closed, limit);
    const result = guarded.run(visit({ secure: true }));
    expect(result).toMatchObject({
      reason: 'address-refused',
      passage: { response: { lines: 'strict-transport-security: max-age=60\r\n' } },
    });
    expect(guarded.explain(visit({ secure: true })).steps).toEqual([
      { middleware: 'hsts', outcome: 'changes' },
      {
        middleware: 'ipFilter',
        outcome: 'refuses',
        detail: 'address-refused: 10.0.0.1 is not among those allowed',
      },
      { middleware: 'rateLimit', outcome: 'not-reached' },
    ]);
  });
});
