import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { BackendPolicy } from './balancer/index.ts';
import type { Instance } from '../cluster/index.ts';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

const VHOST = new Map([['HAPROXY_0_VHOST', 'a.test']]);

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  readonly id?: string;
  readonly cookie?: string;
  readonly body?: string;
}

/** The load balancer in front of several instances, by the real way of a request. */
describe('balancing', () => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function start(
    policy: Partial<BackendPolicy> = {},
    config: Record<string, unknown> = {},
  ): Promise<Harness> {
    const timeouts = { drainMs: 200, connectMs: 1_000, ...(config['timeouts'] as object) };
    const harness = await startHarness({ ...config, timeouts }, { balance: 'p2c', ...policy });
    cleanup.push(() => harness.close());
    return harness;
  }

  function publish(h: Harness, instances: readonly Instance[]): void {
    h.catalog.set(service({ name: 'a', labels: VHOST, instances }));
  }

  /** Origins that count what they get; answered by `listener(n)`. */
  async function origins(
    h: Harness,
    n: number,
    listener: (n: number) => RequestListener = () => (_req, res) => res.end('ok'),
  ): Promise<{ instances: Instance[]; counts: number[]; ids: string[][] }> {
    const counts = Array.from({ length: n }, () => 0);
    const ids = Array.from({ length: n }, (): string[] => []);
    const instances: Instance[] = [];
    for (let i = 0; i < n; i++) {
      const origin = await h.origin((req, res) => {
        counts[i] = (counts[i] ?? 0) + 1;
        ids[i]?.push(String(req.headers['x-id']));
        listener(i)(req, res);
      });
      instances.push(instance(origin.port));
    }
    publish(h, instances);
    return { instances, counts, ids };
  }

  function asker(h: Harness, connections = 16): (options?: Ask) => Promise<Reply> {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    cleanup.push(() => agent.destroy());
    return ({ method = 'GET', id, cookie, body } = {}) =>
      new Promise((resolve, reject) => {
        const headers = { host: 'a.test', ...(id && { 'x-id': id }), ...(cookie && { cookie }) };
        const req = request({ port: h.port, host: '127.0.0.1', agent, method, headers }, (res) => {
          let text = '';
          res.on('data', (piece: Buffer) => (text += piece.toString()));
          res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
          res.on('error', reject);
        });
        req.on('error', reject);
        req.end(body);
      });
  }

  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

  describe('a crash (L7)', () => {
    it('costs no GET and only the POSTs that were under way; nothing comes twice; the instance is left out', async () => {
      const h = await start();
      const sockets = new Set<Socket>();
      const seen = new Map<string, number>();
      let came = 0;
      let lost = 0;
      let dead = 0;
      const answer: RequestListener = (req, res) => {
        const id = String(req.headers['x-id']);
        seen.set(id, (seen.get(id) ?? 0) + 1);
        setImmediate(() => res.end('ok'));
      };
      const { instances } = await origins(h, 4, () => answer);
      const victim = await h.origin((req, res) => {
        answer(req, res);
        came += 1;
        if (came < 100 || lost > 0) return;
        // SIGKILL: the port is closed, the kernel resets what is open. Each connection carries one request at most.
        lost = sockets.size;
        victim.server.close();
        for (const socket of sockets) socket.resetAndDestroy();
      });
      victim.server.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      publish(h, [...instances, instance(victim.port)]);
      const ask = asker(h, 20);
      const all = Array.from({ length: 2_000 }, async (_, i) => {
        const method = i % 2 === 0 ? 'GET' : 'POST';
        const { status, headers } = await ask({
          method,
          id: `${method}-${i}`,
          body: method === 'POST' ? 'x' : '',
        });
        if (status === 200) return;
        expect([method, status, headers['x-rimrock-reason']]).toEqual(['POST', 502, 'upstream-reset']);
        dead += 1;
      });
      await Promise.all(all);
      expect(lost).toBeGreaterThan(0);
      expect(dead).toBeLessThanOrEqual(lost);
      for (const [id, times] of seen) if (id.startsWith('POST')) expect([id, times]).toEqual([id, 1]);
      const { endpoints } = (await (await fetch(`${h.admin}/explain?url=http://a.test/`)).json()) as {
        endpoints: { address: string; eligibility: string }[];
      };
      expect(endpoints.filter((e) => e.eligibility === 'ejected').map((e) => e.address)).toEqual([
        `127.0.0.1:${victim.port}`,
      ]);
      const failures = /upstream_failures_total\{[^}]*connect-failed[^}]*\} (\d+)/.exec(
        await h.metrics.text(),
      );
      // Five in a row, and those that were already on their way.
      expect(Number(failures?.[1] ?? 0)).toBeLessThanOrEqual(5 + 20);
    });
  });

  describe('the keep-alive race (L8)', () => {
    it('costs nothing, though all kept connections of all instances die under the requests', async () => {
      const h = await start();
      const instances: Instance[] = [];
      for (let i = 0; i < 3; i++) {
        const server = createServer((socket) => {
          let answered = 0;
          socket.on('error', () => {});
          socket.on('data', () => {
            if (answered++ > 0) return socket.resetAndDestroy();
            return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          });
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        cleanup.push(() => void server.close());
        instances.push(instance((server.address() as AddressInfo).port));
      }
      publish(h, instances);
      const ask = asker(h, 12);
      const replies = await Promise.all(Array.from({ length: 300 }, () => ask()));
      expect(replies.filter((r) => r.status !== 200)).toEqual([]);
    });
  });

  describe('answers that say "not me" (L9)', () => {
    const busy: RequestListener = (_req, res) => {
      res.writeHead(503, { 'x-origin': 'yes' });
      res.end('the original words');
    };

    it('cost a fifth more requests at most when all give them, never to the same instance, and arrive as they were', async () => {
      const h = await start();
      const { counts, ids } = await origins(h, 3, () => busy);
      const ask = asker(h);
      const replies = await Promise.all(Array.from({ length: 500 }, (_, i) => ask({ id: `${i}` })));
      for (const r of replies) {
        expect([r.status, r.body, r.headers['x-origin']]).toEqual([503, 'the original words', 'yes']);
        expect(r.headers['x-rimrock-reason']).toBeUndefined();
      }
      expect(sum(counts)).toBeGreaterThan(500);
      expect(sum(counts)).toBeLessThanOrEqual(600);
      for (const of of ids) expect(new Set(of).size).toBe(of.length);
    });

    it('are tried elsewhere while the budget lasts, for requests that may be sent twice', async () => {
      const h = await start(
        { balance: 'roundrobin' },
        { passiveHealth: { consecutiveFailures: 1_000, failureRatio: 1 } },
      );
      const { counts, ids } = await origins(h, 10, (n) =>
        n === 0 ? busy : (_req, res) => void res.end('ok'),
      );
      const ask = asker(h, 1);
      // The first few requests earn the first retry.
      for (let i = 0; i < 9; i++) await ask();
      const before = counts[0] ?? 0;
      for (let i = 0; i < 100; i++) expect((await ask()).status).toBe(200);
      expect((counts[0] ?? 0) - before).toBeGreaterThanOrEqual(9);
      const posts = await Promise.all(
        Array.from({ length: 30 }, (_, i) => ask({ method: 'POST', body: 'x', id: `post-${i}` })),
      );
      expect(posts.filter((r) => r.status === 503)).toHaveLength(3);
      expect(ids.flat().filter((id) => id.startsWith('post'))).toHaveLength(30);
    });

    it('a POST cut in the middle is seen once', async () => {
      const h = await start();
      const seen = new Map<string, number>();
      const arrived: (() => void)[] = [];
      await origins(h, 3, () => (req) => {
        const id = String(req.headers['x-id']);
        seen.set(id, (seen.get(id) ?? 0) + 1);
        req.on('error', () => {});
        req.resume();
        req.once('close', () => arrived.pop()?.());
      });
      const all = Array.from({ length: 200 }, async (_, i) => {
        const over = new Promise<void>((resolve) => arrived.push(resolve));
        const client = h.dial();
        client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nX-Id: ${i}\r\nContent-Length: 100\r\n\r\nhalf of it`);
        await expect.poll(() => seen.get(`${i}`), { interval: 5, timeout: 5_000 }).toBe(1);
        client.socket.resetAndDestroy();
        await over;
      });
      await Promise.all(all);
      expect([...seen.values()].every((n) => n === 1)).toBe(true);
      expect(seen.size).toBe(200);
    });
  });

  describe('panic (L10)', () => {
    it('sends requests to all when six of ten are unhealthy, evenly, and counts it once', async () => {
      const h = await start();
      const { instances, counts } = await origins(h, 10);
      publish(
        h,
        instances.map((one, i) => ({ ...one, healthy: i >= 6 })),
      );
      const ask = asker(h);
      await Promise.all(Array.from({ length: 2_000 }, () => ask()));
      for (const n of counts) expect(Math.abs(n - 200)).toBeLessThan(60);
      await expect
        .poll(() => h.metrics.text(), { timeout: 5_000 })
        .toMatch(/^rimrock_lb_panics_total\{[^}]*\} 1$/m);
    });

    it('leaves five of ten unhealthy ones alone', async () => {
      const h = await start();
      const { instances, counts } = await origins(h, 10);
      publish(
        h,
        instances.map((one, i) => ({ ...one, healthy: i >= 5 })),
      );
      const ask = asker(h);
      await Promise.all(Array.from({ length: 200 }, () => ask()));
      expect(sum(counts.slice(0, 5))).toBe(0);
    });
  });

  describe('shares (L11)', () => {
    it.each(['p2c', 'roundrobin', 'leastconn', 'random'] as const)(
      '%s: equals get equal shares',
      async (balance) => {
        const h = await start({ balance });
        const { counts } = await origins(h, 10);
        const ask = asker(h);
        await Promise.all(Array.from({ length: 3_000 }, () => ask()));
        for (const n of counts) expect(Math.abs(n - 300)).toBeLessThan(balance === 'random' ? 90 : 75);
      },
    );

    it('p2c: one that is ten times slower gets less than a third of a share', async () => {
      const h = await start();
      const { counts } = await origins(h, 5, (n) => (_req, res) => {
        setTimeout(() => res.end('ok'), n === 0 ? 100 : 10);
      });
      const ask = asker(h, 10);
      await Promise.all(Array.from({ length: 1_000 }, () => ask()));
      expect(counts[0]).toBeLessThan(1_000 / 5 / 3);
    });

    it('ring hash: a client comes to the same instance, whatever the connection', async () => {
      const h = await start({ balance: 'ringhash', hash: { of: 'header', name: 'x-id' } });
      const { ids } = await origins(h, 5);
      const ask = asker(h, 1);
      for (let i = 0; i < 200; i++) await ask({ id: `user-${i % 40}` });
      const homes = ids.flatMap((of) => [...new Set(of)]);
      expect(homes).toHaveLength(40);
      expect(ids.filter((of) => of.length > 0).length).toBeGreaterThan(3);
    });
  });

  describe('sticky clients', () => {
    it('come back by their cookie; when the instance is gone they get another one, and a new cookie', async () => {
      const h = await start({ sticky: { cookie: 'mesosphere_server_id', maxAgeSeconds: 60 } });
      const { instances, counts } = await origins(h, 4);
      const ask = asker(h);
      const first = await ask();
      const [set] = first.headers['set-cookie'] ?? [];
      expect(set).toMatch(/^mesosphere_server_id=[0-9a-f]{16}; Path=\/; Max-Age=60; HttpOnly$/);
      expect(first.headers['cache-control']).toBe('private');
      const cookie = `other=1; ${set?.split(';')[0]}`;
      for (let i = 0; i < 20; i++) expect((await ask({ cookie })).headers['set-cookie']).toBeUndefined();
      const home = counts.findIndex((n) => n === 21);
      expect(sum(counts)).toBe(21);
      publish(
        h,
        instances.filter((_, i) => i !== home),
      );
      const moved = await ask({ cookie });
      expect([moved.status, moved.headers['set-cookie']?.length]).toEqual([200, 1]);
      expect(moved.headers['set-cookie']?.[0]).not.toBe(set);
    });
  });

  describe('circuit breakers', () => {
    it('let so many through and shed the rest at once; who waits gets the connection that becomes free', async () => {
      const h = await start({ breakers: { connections: 1, pending: 1 } });
      const waiting: (() => void)[] = [];
      const sockets = new Set<unknown>();
      await origins(h, 1, () => (req, res) => {
        sockets.add(req.socket);
        waiting.push(() => res.end('ok'));
      });
      const ask = asker(h);
      const running = ask();
      await expect.poll(() => waiting.length, { interval: 5 }).toBe(1);
      const queued = ask();
      // Both are under way when a third one finds no room.
      const third = await (async () => {
        for (;;) {
          const inFlight = await fetch(`${h.admin}/explain?url=http://a.test/`).then((r) => r.text());
          if (inFlight.includes('"inFlight":2')) return ask();
        }
      })();
      expect([third.status, third.headers['x-rimrock-reason'], third.headers['retry-after']]).toEqual([
        503,
        'overloaded',
        '1',
      ]);
      waiting.shift()?.();
      expect((await running).body).toBe('ok');
      await expect.poll(() => waiting.length, { interval: 5 }).toBe(1);
      waiting.shift()?.();
      expect((await queued).body).toBe('ok');
      expect(sockets.size).toBe(1);
    });

    it('end the wait for a connection in time, and say which limit it was', async () => {
      const h = await start({ breakers: { connections: 1, pending: 5 } }, { timeouts: { connectMs: 200 } });
      let finish = (): void => {};
      await origins(h, 1, () => (_req, res) => {
        finish = () => res.end('ok');
      });
      const ask = asker(h);
      const running = ask();
      await expect.poll(() => finish.name, { interval: 5 }).toBe('finish');
      const queued = await ask();
      expect([queued.status, queued.headers['x-rimrock-reason']]).toEqual([503, 'queue-timeout']);
      expect(queued.body).toContain('lb.timeouts.connectMs');
      finish();
      expect((await running).status).toBe(200);
    });

    it('send those who wait elsewhere when their instance drains', async () => {
      const h = await start({ breakers: { connections: 1, pending: 5 } });
      const finish: (() => void)[] = [];
      const { instances } = await origins(h, 1, () => (_req, res) => {
        finish.push(() => res.end('old'));
      });
      const ask = asker(h);
      const running = ask();
      await expect.poll(() => finish.length, { interval: 5 }).toBe(1);
      const queued = ask({ method: 'POST', body: 'x' });
      for (let text = ''; !text.includes('"inFlight":2');)
        text = await fetch(`${h.admin}/explain?url=http://a.test/`).then((r) => r.text());
      const young = await h.origin((_req, res) => res.end('young'));
      publish(h, [...instances.map((one) => ({ ...one, phase: 'draining' as const })), instance(young.port)]);
      expect((await queued).body).toBe('young');
      finish[0]?.();
      expect((await running).body).toBe('old');
    });
  });

  it('the answer to a request that ran out of time names the limit', async () => {
    const h = await start({}, { timeouts: { firstByteMs: 200 } });
    await origins(h, 1, () => () => {});
    expect((await asker(h)()).body).toContain('lb.timeouts.firstByteMs');
  });
});
