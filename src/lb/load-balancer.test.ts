import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

const VHOST = new Map([['HAPROXY_0_VHOST', 'a.test']]);
const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe('the load balancer on real sockets', () => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function start(config: Record<string, unknown> = {}): Promise<Harness> {
    const harness = await startHarness({
      ...config,
      timeouts: { drainMs: 200, ...(config['timeouts'] as object) },
    });
    cleanup.push(() => harness.close());
    return harness;
  }

  function ask(h: Harness, options: RequestOptions = {}, body?: string | Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const req = request(
        {
          port: h.port,
          host: '127.0.0.1',
          ...options,
          headers: { host: 'a.test', ...(options.headers as object) },
        },
        (res) => {
          let text = '';
          res.setEncoding('latin1');
          res.on('data', (piece: string) => (text += piece));
          res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
          res.on('error', reject);
        },
      );
      req.on('error', reject);
      req.end(body);
    });
  }

  /** A TCP origin that is driven by hand. */
  async function rawOrigin(onSocket: (socket: Socket, n: number) => void): Promise<number> {
    let n = 0;
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      onSocket(socket, (n += 1));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => {
      server.close();
      for (const s of sockets) s.destroy();
    });
    return (server.address() as AddressInfo).port;
  }

  it('spreads requests, says who the client is, and drops what an untrusted client claims', async () => {
    const h = await start();
    const seen: IncomingMessage['headers'][] = [];
    const answer = (name: string) => (req: IncomingMessage, res: import('node:http').ServerResponse) => {
      seen.push(req.headers);
      res.end(name);
    };
    const one = await h.origin(answer('one'));
    const two = await h.origin(answer('two'));
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(one.port), instance(two.port)] }));
    const headers = {
      'x-forwarded-for': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      'x-real-ip': '6.6.6.6',
      'x-forwarded-ssl': 'on',
      connection: 'close, x-mine',
      'x-mine': '1',
      'keep-alive': 'timeout=5',
      'x-kept': '1',
    };
    const bodies = [];
    for (let i = 0; i < 4; i++) bodies.push((await ask(h, { headers })).body);
    expect(bodies.toSorted()).toEqual(['one', 'one', 'two', 'two']);
    expect(seen[0]).toEqual({
      via: '1.1 rimrock',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) as string,
      'x-request-id': expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      host: 'a.test',
      'x-kept': '1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a.test',
      'x-forwarded-port': String(h.port),
    });
  });

  it('believes and continues the forwarding fields of a trusted proxy', async () => {
    const h = await start({ trustedProxies: ['127.0.0.0/8'] });
    let seen: IncomingMessage['headers'] = {};
    const origin = await h.origin((req, res) => {
      seen = req.headers;
      res.end();
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    await ask(h, { headers: { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https' } });
    expect(seen).toMatchObject({ 'x-forwarded-for': '9.9.9.9, 127.0.0.1', 'x-forwarded-proto': 'https' });
  });

  it('answers itself with a status and a reason', async () => {
    const h = await start();
    expect(await ask(h)).toMatchObject({ status: 503, headers: { 'x-rimrock-reason': 'not-ready' } });
    h.catalog.set(service({ name: 'a', labels: VHOST }));
    expect(await ask(h)).toMatchObject({ status: 503, headers: { 'x-rimrock-reason': 'no-endpoints' } });
    const other = await ask(h, { headers: { host: 'b.test' } });
    expect(other).toMatchObject({ status: 404, headers: { 'x-rimrock-reason': 'no-route' } });
    expect(other.body).toContain('b.test');
    expect(await ask(h, { method: 'HEAD' })).toMatchObject({ status: 503, body: '' });
    const raw = h.dial().send('GET / HTTP/1.1\r\nHost: a.test\r\nHost: b\r\n\r\n');
    expect(await raw.untilEnd()).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n[^]*x-rimrock-reason: host-duplicate\r\n/,
    );
  });

  it('keeps connections on both sides, and answers pipelined requests in order', async () => {
    const h = await start();
    const sockets = new Set<unknown>();
    const origin = await h.origin((req, res) => {
      sockets.add(req.socket);
      if (req.url === '/chunked') res.write('x');
      res.end(`${req.url};`);
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const paths = ['/1', '/chunked', '/2', '/missing-host', '/3'];
    const client = h.dial();
    client.send(
      paths
        .map((p) => `GET ${p} HTTP/1.1\r\nHost: ${p === '/missing-host' ? 'zz' : 'a.test'}\r\n\r\n`)
        .join(''),
    );
    const text = await client.until((t) => t.includes('/3;'));
    expect(text.match(/HTTP\/1\.1 \d+|\/\d;|\/chunked;/g)).toEqual([
      'HTTP/1.1 200',
      '/1;',
      'HTTP/1.1 200',
      '/chunked;',
      'HTTP/1.1 200',
      '/2;',
      'HTTP/1.1 404',
      'HTTP/1.1 200',
      '/3;',
    ]);
    expect(sockets.size).toBe(1);
  });

  it('takes a request and its answer in pieces, wherever they are cut', async () => {
    const h = await start();
    const { port } = await h.origin((req, res) => {
      let body = '';
      req.on('data', (piece: Buffer) => (body += piece.toString()));
      req.on('end', () => {
        res.write(body);
        res.end();
      });
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] }));
    const text =
      'POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n';
    const client = h.dial();
    client.socket.setNoDelay(true);
    for (let cut = 1; cut < text.length; cut++) {
      client.text = '';
      client.send(text.slice(0, cut));
      // Another connection's round trip: by then the first piece has been read.
      await h
        .dial()
        .send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
        .until((t) => t.includes('\r\n\r\n'));
      client.send(text.slice(cut));
      expect(
        await client.until((t) => t.endsWith('0\r\n\r\n') || t.includes('reason')),
        text.slice(0, cut),
      ).toMatch(/^HTTP\/1.1 200 [^]*abc/);
    }
  });

  it('streams both ways without buffering: server-sent events, and an upload against a slow reader', async () => {
    const h = await start();
    let release = (): void => {};
    const origin = await h.origin((req, res) => {
      if (req.url === '/events') {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: 1\n\n');
        release = () => res.end('data: 2\n\n');
        return;
      }
      const hash = createHash('sha256');
      let size = 0;
      req.on('data', (piece: Buffer) => {
        size += piece.length;
        hash.update(piece);
        // A slow reader: one piece per turn of the event loop.
        req.pause();
        setImmediate(() => req.resume());
      });
      req.on('end', () => res.end(`${size} ${hash.digest('hex')}`));
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const events = h.dial().send('GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await events.until((t) => t.includes('data: 1'));
    release();
    await events.until((t) => t.includes('data: 2') && t.endsWith('0\r\n\r\n'));
    const upload = Buffer.alloc(5_000_000, 'rimrock ');
    const sum = createHash('sha256').update(upload).digest('hex');
    for (const headers of [{ 'content-length': upload.length }, { 'transfer-encoding': 'chunked' }])
      expect((await ask(h, { method: 'POST', headers }, upload)).body).toBe(`${upload.length} ${sum}`);
  });

  it('passes big answers through a reader that stops and goes on', async () => {
    const h = await start();
    const big = Buffer.alloc(8_000_000, 'answer ');
    const origin = await h.origin((_req, res) => res.end(big));
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const client = h.dial();
    client.socket.pause();
    client.send(GET);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    const text = await client.until((t) => t.length >= big.length + t.indexOf('\r\n\r\n') + 4);
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect(body === big.toString('latin1')).toBe(true);
    client.send(GET);
    await client.until((t) => t.length > body.length * 2);
  });

  it('carries a WebSocket upgrade as a tunnel, and other upgrades as plain requests', async () => {
    const h = await start();
    const origin = await h.origin((req, res) => res.end(`upgrade=${req.headers.upgrade ?? 'none'}`));
    origin.server.on('upgrade', (_req, socket, first: Buffer) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.write(first);
      socket.pipe(socket);
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const upgrade = (to: string): string =>
      `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\n\r\n`;
    const client = h.dial().send(`${upgrade('websocket')}early `);
    await client.until((t) => t.includes('101 Switching') && t.endsWith('early '));
    client.send('\x81\x05later');
    await client.until((t) => t.endsWith('\x81\x05later'));
    client.socket.end();
    await client.untilEnd();
    const plain = h.dial().send(upgrade('h2c'));
    await plain.until((t) => t.includes('upgrade=none'));
  });

  it('serves HTTP/1.0 clients: chunk framing off, keep-alive only where they ask and the length is known', async () => {
    const h = await start();
    const origin = await h.origin((req, res) => {
      if (req.url === '/chunked') res.write('piece ');
      res.end('end');
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const chunked = h.dial().send('GET /chunked HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n');
    expect(await chunked.untilEnd()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\npiece end$/);
    const kept = h.dial();
    kept.send('GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n');
    expect(await kept.until((t) => t.endsWith('end'))).toContain('Connection: keep-alive');
    kept.send('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n');
    expect(await kept.untilEnd()).toContain('Connection: close');
  });

  it('relays 100-continue, 103 and trailers, less the trailers nobody may set', async () => {
    const h = await start();
    let trailers: NodeJS.Dict<string> = {};
    const origin = await h.origin((req, res) => {
      res.writeEarlyHints({ link: '</x>; rel=preload' });
      req.resume();
      req.on('end', () => {
        trailers = req.trailers;
        res.setHeader('trailer', 'x-sum');
        res.write('x');
        res.addTrailers({ 'x-sum': '1' });
        res.end();
      });
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const client = h.dial();
    client.send(
      'POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    await client.until((t) => t.includes('100 Continue'));
    client.send('1\r\nx\r\n0\r\nX-Sum: 7\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n');
    const text = await client.until((t) => t.endsWith('x-sum: 1\r\n\r\n'));
    expect(text).toContain('103 Early Hints');
    expect(trailers).toEqual({ 'x-sum': '7' });
  });

  it('cuts the client off when the instance dies in mid-answer', async () => {
    const h = await start();
    const port = await rawOrigin((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')),
    );
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] }));
    await expect(ask(h)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it.each([
    ['nonsense', 'what?\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'],
  ])('refuses an answer that is %s', async (_name, text) => {
    const h = await start();
    const port = await rawOrigin((socket) => socket.once('data', () => socket.end(text)));
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] }));
    expect(await ask(h)).toMatchObject({ status: 502, headers: { 'x-rimrock-reason': 'bad-response' } });
  });

  it('never takes left-over bytes of one answer for the next answer', async () => {
    const h = await start();
    const port = await rawOrigin((socket, n) =>
      socket.on('data', () =>
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#${n}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
        ),
      ),
    );
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] }));
    expect([(await ask(h)).body, (await ask(h)).body]).toEqual(['#1', '#2']);
  });
});
