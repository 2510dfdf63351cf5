import { request } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts } from '../core/testing/free-ports.ts';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

const VHOST = new Map([['HAPROXY_0_VHOST', 'a.test']]);
const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';

interface Reply {
  readonly status: number;
  readonly reason: string | undefined;
  readonly body: string;
}

function ask(h: Harness, options: RequestOptions = {}, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const req = request(
      { port: h.port, host: '127.0.0.1', agent: false, ...options, headers: { host: 'a.test' } },
      (res: IncomingMessage) => {
        let text = '';
        res.on('data', (piece: Buffer) => (text += piece.toString()));
        res.on('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            reason: res.headers['x-rimrock-reason'] as string | undefined,
            body: text,
          }),
        );
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

describe('the load balancer when things go wrong', () => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function start(config: Record<string, unknown> = {}): Promise<Harness> {
    const timeouts = { drainMs: 200, connectMs: 1_000, ...(config['timeouts'] as object) };
    const harness = await startHarness({ ...config, timeouts });
    cleanup.push(() => harness.close());
    return harness;
  }

  async function tcp(
    onSocket: (socket: Socket, n: number) => void,
    port = 0,
  ): Promise<{ port: number; stop: () => Promise<void> }> {
    let n = 0;
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      onSocket(socket, (n += 1));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const stop = (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const s of sockets) s.destroy();
      });
    cleanup.push(stop);
    return { port: (server.address() as AddressInfo).port, stop };
  }

  /** A port where nobody listens. */
  async function deadPort(): Promise<number> {
    const [port = 0] = await freePorts(1);
    return port;
  }

  const answering = (text: string) => (socket: Socket) =>
    void socket.on('data', () =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
    );

  it('tries elsewhere when an instance refuses, also with a POST: nothing was sent', async () => {
    const h = await start();
    const alive = await tcp(answering('ok'));
    const instances = [instance(await deadPort()), instance(await deadPort()), instance(alive.port)];
    h.catalog.set(service({ name: 'a', labels: VHOST, instances }));
    for (let i = 0; i < 6; i++) {
      expect(await ask(h, { method: 'POST' }, 'body')).toMatchObject({ status: 200, body: 'ok' });
    }
  });

  it('waits for an instance that is just starting, and says what failed when none comes', async () => {
    const h = await start({ timeouts: { connectMs: 700 } });
    const port = await deadPort();
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] }));
    expect(await ask(h)).toMatchObject({ status: 502, reason: 'connect-failed' });
    const waiting = ask(h, { method: 'POST' }, 'x');
    await tcp(answering('up'), port);
    expect(await waiting).toMatchObject({ status: 200, body: 'up' });
  });

  it('sends nothing to draining instances, and waits for one to come up', async () => {
    const h = await start();
    let asked = 0;
    const old = await tcp((socket) => {
      asked += 1;
      answering('old')(socket);
    });
    const young = await tcp(answering('young'));
    h.catalog.set(
      service({ name: 'a', labels: VHOST, instances: [instance(old.port, { phase: 'draining' })] }),
    );
    const waiting = ask(h);
    h.catalog.set(
      service({
        name: 'a',
        labels: VHOST,
        instances: [instance(old.port, { phase: 'draining' }), instance(young.port)],
      }),
    );
    expect(await waiting).toMatchObject({ body: 'young' });
    expect(asked).toBe(0);
  });

  it('lets a request that runs finish when its instance starts to drain and is gone from the catalog', async () => {
    const h = await start();
    let finish = (): void => {};
    const arrived = Promise.withResolvers<void>();
    const origin = await h.origin((_req, res) => {
      finish = () => res.end('finished');
      arrived.resolve();
    });
    const running = instance(origin.port);
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [running] }));
    const reply = ask(h);
    await arrived.promise;
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [{ ...running, phase: 'draining' }] }));
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [] }));
    finish();
    expect(await reply).toMatchObject({ status: 200, body: 'finished' });
  });

  it('repeats a GET elsewhere when the instance dies before it answers; never a POST', async () => {
    const h = await start();
    const seen: string[] = [];
    const dying = await tcp((socket) =>
      socket.on('data', (piece) => {
        seen.push(piece.toString().split(' ')[0] ?? '');
        socket.destroy();
      }),
    );
    const alive = await tcp(answering('ok'));
    h.catalog.set(
      service({ name: 'a', labels: VHOST, instances: [instance(dying.port), instance(alive.port)] }),
    );
    for (let i = 0; i < 4; i++) expect(await ask(h)).toMatchObject({ status: 200 });
    const gets = seen.length;
    expect(gets).toBeGreaterThan(0);
    const replies = [await ask(h, { method: 'POST' }, 'x'), await ask(h, { method: 'POST' }, 'x')];
    const failed = replies.filter((r) => r.status === 502 && r.reason === 'upstream-reset').length;
    expect(failed).toBe(seen.length - gets);
  });

  it('survives the keep-alive race: a kept connection that dies under a GET costs nothing', async () => {
    const h = await start();
    const origin = await tcp((socket) => {
      let first = true;
      socket.on('data', () => {
        if (!first) return socket.destroy();
        first = false;
        return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    for (let i = 0; i < 10; i++) expect(await ask(h)).toMatchObject({ status: 200, body: 'ok' });
  });

  it('ends slow heads, slow bodies, silent and idle connections within their time', async () => {
    const h = await start({ timeouts: { headMs: 300, bodyMs: 300, idleMs: 300 } });
    const origin = await tcp(() => {});
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const silent = h.dial();
    const slowHead = h.dial().send('GET / HT');
    const slowBody = h.dial().send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nx');
    const idle = h.dial().send('GET / HTTP/1.1\r\nHost: nobody\r\n\r\n');
    expect(await silent.untilEnd()).toBe('');
    expect(await slowHead.untilEnd()).toMatch(/^HTTP\/1\.1 408 [^]*request-timeout/);
    expect(await slowBody.untilEnd()).toMatch(/^HTTP\/1\.1 408 [^]*body-timeout[^]*lb\.timeouts\.bodyMs/);
    expect(await idle.untilEnd()).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('says 504 when an instance does not begin its answer', async () => {
    const h = await start({ timeouts: { firstByteMs: 200 } });
    const origin = await tcp(() => {});
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    expect(await ask(h)).toMatchObject({ status: 504, reason: 'first-byte-timeout' });
  });

  it('closes the connection to the instance when the client leaves', async () => {
    const h = await start();
    const gone = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const origin = await tcp((socket) => {
      socket.on('data', () => asked.resolve());
      socket.on('close', () => gone.resolve());
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const client = h.dial().send(GET);
    await asked.promise;
    client.socket.resetAndDestroy();
    await gone.promise;
  });

  it('answers a client that has finished its side', async () => {
    const h = await start();
    const origin = await tcp(answering('half'));
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const client = h.dial();
    client.socket.end(GET);
    expect(await client.untilEnd()).toMatch(/Connection: close\r\n\r\nhalf$/);
  });

  it('keeps to its limits on bodies and connections', async () => {
    const h = await start({ limits: { bodyBytes: 10, connectionsPerClient: 3 } });
    const origin = await h.origin((req, res) => {
      req.resume();
      req.on('end', () => res.end('ok'));
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    expect(await ask(h, { method: 'POST' }, '0123456789')).toMatchObject({ status: 200 });
    const over = h.dial().send('POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n');
    over.send('b\r\n01234567890\r\n0\r\n\r\n');
    expect(await over.until((t) => t.endsWith('\n'))).toMatch(/^HTTP\/1\.1 413 /);
    over.socket.destroy();
    const clients = [h.dial(), h.dial(), h.dial(), h.dial()];
    const texts = await Promise.race(clients.map((c) => c.until((t) => t.length > 0)));
    expect(texts).toMatch(/^HTTP\/1\.1 503 [^]*too-many-connections/);
  });

  it('drains at stop: not ready at once, running requests finish, new connections are refused', async () => {
    const h = await start({ timeouts: { drainMs: 5_000 } });
    let finish = (): void => {};
    const arrived = Promise.withResolvers<void>();
    const origin = await h.origin((_req, res) => {
      finish = () => res.end('finished');
      arrived.resolve();
    });
    h.catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(origin.port)] }));
    const idle = h.dial().send('GET / HTTP/1.1\r\nHost: nobody\r\n\r\n');
    await idle.until((t) => t.includes('404'));
    const running = h.dial().send(GET);
    await arrived.promise;
    expect(h.health.report().ready).toBe(true);
    const stopped = h.lb.stop();
    expect(h.health.report().ready).toBe(false);
    await idle.untilEnd();
    idle.socket.end();
    await expect(ask(h)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    finish();
    expect(await running.untilEnd()).toMatch(/Connection: close\r\n[^]*finished/);
    running.socket.end();
    await stopped;
  });
});
