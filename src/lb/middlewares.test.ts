import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness, RawClient } from './testing/lb-harness.ts';

const HASH = '$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB'; // correct horse

const labels = (all: Record<string, string>): Map<string, string> => new Map(Object.entries(all));

/** Seen by the instance: request line and fields in lower case. */
interface Seen {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

describe('middlewares on real sockets', () => {
  let h: Harness;
  let seen: Seen[] = [];

  beforeAll(async () => {
    h = await startHarness({
      trustedProxies: ['127.0.0.2'],
      accessLog: { sample: 1 },
      via: { maxReturns: 2 },
    });
    const { port } = await h.origin((request, response) => {
      seen.push({ url: request.url ?? '', headers: request.headers as Record<string, string> });
      response.setHeader('location', '/login');
      request.resume();
      request.on('end', () => response.end('hello'));
      request.on('error', () => {});
    });
    const app = (name: string, all: Record<string, string>): ReturnType<typeof service> =>
      service({ name, labels: labels(all), instances: [instance(port)] });
    h.catalog.set(
      app('open', { HAPROXY_0_VHOST: 'open.test' }),
      app('guarded', { HAPROXY_0_VHOST: 'guarded.test', HAPROXY_0_AUTH: `here:jo:${HASH}` }),
      app('inside', {
        HAPROXY_0_VHOST: 'inside.test',
        HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL: '192.0.2.0/24',
      }),
      app('moved', {
        HAPROXY_0_VHOST: 'moved.test',
        HAPROXY_0_REDIRECT_TO_HTTPS: 'true',
        HAPROXY_0_USE_HSTS: 'true',
      }),
      app('below', {
        HAPROXY_0_VHOST: 'below.test',
        HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH: '/app',
        HAPROXY_0_HTTP_BACKEND_REVPROXY_PATH: '/app',
      }),
      app('small', {
        'rimrock.http.x.host': 'small.test',
        'rimrock.http.x.middlewares': 'size',
        'rimrock.middleware.size.bodyLimit.bytes': '10',
      }),
      app('slow', {
        'rimrock.http.x.host': 'slow.test',
        'rimrock.http.x.middlewares': 'rate',
        'rimrock.middleware.rate.rateLimit.perSecond': '0.01',
        'rimrock.middleware.rate.rateLimit.burst': '2',
      }),
    );
  });
  afterAll(() => h.close());

  const status = (text: string): number => Number(text.slice(9, 12));
  const reason = (text: string): string | undefined => /x-rimrock-reason: (\S+)/.exec(text)?.[1];
  const get = (host: string, fields: readonly string[] = [], path = '/'): string =>
    [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...fields, 'Connection: close', '', ''].join('\r\n');
  const ask = async (text: string, client: RawClient = h.dial()): Promise<string> =>
    client.send(text).untilEnd();
  const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;

  it('passwords: the request waits on its connection, with what comes after it, and goes on when they are known', async () => {
    expect(status(await ask(get('guarded.test')))).toBe(401);
    const right = basic('jo:correct horse');
    const first = `GET /1 HTTP/1.1\r\nHost: guarded.test\r\n${right}\r\n\r\n`;
    seen = [];
    const text = await ask(first + get('guarded.test', [right], '/2'));
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(seen.map(({ url }) => url)).toEqual(['/1', '/2']);
    const wrong = await ask(get('guarded.test', [basic('jo:wrong horse')]));
    expect([status(wrong), reason(wrong)]).toEqual([401, 'auth-wrong']);
    expect(wrong).toContain('WWW-Authenticate: Basic realm="here"');
    // A client that leaves while its password is worked out disturbs nobody.
    const gone = h.dial();
    gone.send(get('guarded.test', [basic('jo:gone')]));
    gone.socket.destroy();
    expect(status(await ask(get('guarded.test', [right])))).toBe(200);
  });

  it('a body that waits for a password is not lost', async () => {
    const client = h.dial();
    client.send(
      `POST / HTTP/1.1\r\nHost: guarded.test\r\n${basic('jo:correct horse')}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabc`,
    );
    client.send('def');
    expect(status(await client.untilEnd())).toBe(200);
  });

  it('addresses: nobody gets in by saying to be somebody else', async () => {
    for (const spoof of [
      'X-Forwarded-For: 192.0.2.1',
      'X-Forwarded-For: 192.0.2.1, 127.0.0.2',
      'Forwarded: for=192.0.2.1',
      'X-Real-IP: 192.0.2.1',
      'X-Client-IP: 192.0.2.1',
      'True-Client-IP: 192.0.2.1',
      'CF-Connecting-IP: 192.0.2.1',
    ]) {
      const text = await ask(get('inside.test', [spoof]));
      expect([spoof, status(text), reason(text)]).toEqual([spoof, 403, 'address-refused']);
    }
  });

  it('rates: the same', async () => {
    const answers: number[] = [];
    for (let i = 0; i < 4; i++)
      answers.push(status(await ask(get('slow.test', [`X-Forwarded-For: 192.0.2.${i}`]))));
    expect(answers).toEqual([200, 200, 429, 429]);
    const text = await ask(get('slow.test'));
    expect(text).toMatch(/Retry-After: \d+\r\n/);
  });

  it('redirects, with what else the route says of answers; in the clear there is no HSTS', async () => {
    const text = await ask(get('moved.test', [], '/x?y=1'));
    expect(text).toContain('HTTP/1.1 301 Moved Permanently\r\n');
    expect(text).toContain('Location: https://moved.test/x?y=1\r\n');
    expect(text).not.toContain('strict-transport-security');
  });

  it('rewrites the path, and Location back', async () => {
    seen = [];
    const text = await ask(get('below.test', [], '/app/x?y=1'));
    expect(seen[0]?.url).toBe('/x?y=1');
    expect(text).toContain('Location: /app/login\r\n');
  });

  it('bodies that grow too large while they come are cut with 413', async () => {
    const head = 'POST / HTTP/1.1\r\nHost: small.test\r\nTransfer-Encoding: chunked\r\n\r\n';
    const client = h.dial().send(`${head}5\r\nabcde\r\n`);
    client.send('6\r\nabcdef\r\n');
    const text = await client.untilEnd();
    expect([status(text), reason(text)]).toEqual([413, 'body-over-route-limit']);
    expect(
      status(
        await ask(
          `${head}5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n`.replace('chunked', 'chunked\r\nConnection: close'),
        ),
      ),
    ).toBe(200);
  });

  it('requests that go round in a circle end', async () => {
    const via = (times: number): string => `Via: ${Array(times).fill('1.1 rimrock').join(', ')}`;
    expect(status(await ask(get('open.test', [via(2)])))).toBe(200);
    const text = await ask(get('open.test', [via(2), 'Via: 1.1 other, 1.0 Rimrock (x)']));
    expect([status(text), reason(text)]).toEqual([508, 'loop-detected']);
  });

  it('a trace is passed on or begun; who asks may not name requests unless trusted', async () => {
    const trace = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    seen = [];
    await ask(get('open.test', [trace, 'tracestate: a=1', 'X-Request-Id: mine']));
    expect(seen[0]?.headers).toMatchObject({ traceparent: trace.slice(13), tracestate: 'a=1' });
    expect(seen[0]?.headers['x-request-id']).toBe('0af7651916cd43dd8448eb211c80319c');
    await ask(get('open.test', ['traceparent: 00-0-0-00', 'tracestate: a=1']));
    expect(seen[1]?.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(seen[1]?.headers['tracestate']).toBeUndefined();
  });

  it('answers of our own come in the form that is asked for, and nothing of the request can break out of them', async () => {
    const json = await ask(get('nowhere.test', ['Accept: application/json']));
    expect(json).toContain('Content-Type: application/json');
    expect(JSON.parse(json.slice(json.indexOf('\r\n\r\n')))).toMatchObject({
      status: 404,
      reason: 'no-route',
      detail: expect.stringContaining('host nowhere.test') as string,
      look: expect.stringContaining('/explain') as string,
    });
    const html = await ask(get('inside.test', ['Accept: text/html,application/xhtml+xml;q=0.9']));
    expect(html).toContain('<h1>403 Forbidden</h1>');
    expect(html).toContain('<p>Rule: marathon/inside#0/inside.test</p>');
    const text = await ask(get('open.test', [], '/?<script>'));
    expect(text).not.toContain('<script>');
  });

  it('the access log has every request with how it ended', async () => {
    await ask(get('open.test', [], '/path?secret=1'));
    await ask(get('inside.test'));
    await ask('GARBAGE\r\n\r\n');
    const lines = (await h.access.until(({ reason: last }) => last === 'bad-request-line')).slice(-3);
    expect(lines[0]).toMatchObject({
      proto: 'http',
      client: '127.0.0.1',
      listener: 'http',
      method: 'GET',
      host: 'open.test',
      path: '/path',
      status: 200,
      bytesIn: 0,
      bytesOut: 5,
      route: 'marathon/open#0/open.test',
      service: 'marathon/open',
      endpoint: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
    expect(JSON.stringify(lines)).not.toContain('secret');
    expect(lines[1]).toMatchObject({ status: 403, reason: 'address-refused', service: 'marathon/inside' });
    expect(lines[2]).toMatchObject({ status: 400, reason: 'bad-request-line' });
    expect(lines[2]).not.toHaveProperty('method');
  });
});
