import { createServer, request } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { Health } from '../core/health.ts';
import { silentLogger } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import { seededRandom } from '../core/random.ts';
import type { ChangeApplied } from './control/change-trace.ts';
import type { PlaneLink, StartPlane } from './control/plane-link.ts';
import { planesInThreads } from './control/thread-link.ts';
import { createLoadBalancer, lbConfigSchema } from './index.ts';
import type { LoadBalancer } from './index.ts';
import type { PlaneWord } from './plane/messages.ts';
import { FakeCatalog, instance, service } from './testing/fake-catalog.ts';

const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);
// Elsewhere there is one (`planesFor`).
const PLANES = process.platform === 'linux' ? 2 : 1;
const VHOST = new Map([['HAPROXY_0_VHOST', 'a.test']]);

interface Reply {
  readonly status: number;
  readonly reason: string | undefined;
  readonly body: string;
}

/** One request on a connection of its own, so that it may be any plane's. */
function ask(port: number, host = 'a.test'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', headers: { host }, agent: false };
    const req = request(options, (res) => {
      let body = '';
      res.on('data', (piece: Buffer) => (body += piece.toString()));
      res.on('error', reject);
      res.on('end', () => {
        const reason = res.headers['x-rimrock-reason'] as string | undefined;
        resolve({ status: res.statusCode ?? 0, reason, body });
      });
    });
    req.on('error', reject);
    req.end();
  });
}

const askOften = (port: number, times: number, host?: string): Promise<Reply[]> =>
  Promise.all(Array.from({ length: times }, () => ask(port, host)));

describe.each(ENGINES)('planes on threads of their own, %s engine', (engine) => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function origin(listener: RequestListener): Promise<number> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return (server.address() as AddressInfo).port;
  }

  interface Running {
    readonly lb: LoadBalancer;
    readonly catalog: FakeCatalog;
    readonly health: Health;
    readonly metrics: Metrics;
    readonly port: number;
    readonly admin: string;
    /** The newest of each plane. */
    readonly links: PlaneLink[];
    /** All that planes said, with their number. */
    readonly words: (readonly [plane: number, word: PlaneWord])[];
    readonly applied: ChangeApplied[];
  }

  function make(config: Readonly<Record<string, unknown>>): Omit<Running, 'port' | 'admin'> {
    const catalog = new FakeCatalog();
    const [health, metrics] = [new Health(), new Metrics()];
    const links: PlaneLink[] = [];
    const words: [number, PlaneWord][] = [];
    const threads = planesInThreads(engine, silentLogger);
    const startPlane: StartPlane = async (plane, setup, events) => {
      const onWord = (word: PlaneWord): void => {
        words.push([plane, word]);
        events.onWord(word);
      };
      const link = await threads(plane, setup, { ...events, onWord });
      links[plane] = link;
      return link;
    };
    const lb = createLoadBalancer({
      config: lbConfigSchema.parse({ http: { port: 0 }, admin: { port: 0 }, workers: PLANES, ...config }),
      catalog,
      startPlane,
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
      metrics,
      health,
    });
    const applied: ChangeApplied[] = [];
    lb.onApplied((change) => applied.push(change));
    return { lb, catalog, health, metrics, links, words, applied };
  }

  async function start(config: Readonly<Record<string, unknown>> = {}): Promise<Running> {
    const made = make({ timeouts: { drainMs: 200 }, ...config });
    await made.lb.start();
    cleanup.push(() => made.lb.stop());
    const { http, admin } = made.lb.addresses;
    return { ...made, port: http.port, admin: `http://127.0.0.1:${admin.port}` };
  }

  /** Resolves once all planes route by what the catalog says now. */
  async function settled({ applied, catalog, lb }: Running, change: (catalog: FakeCatalog) => void) {
    const seen = applied.length;
    const told = Promise.withResolvers<ChangeApplied>();
    const forget = lb.onApplied((one) => told.resolve(one));
    change(catalog);
    const one = await told.promise;
    forget();
    expect(applied.length).toBeGreaterThan(seen);
    return one;
  }

  const requests = async (h: Running): Promise<number> =>
    Number(/rimrock_lb_requests_total\{[^}]*2xx"\} (\d+)/.exec(await h.metrics.text())?.[1] ?? 0);

  it('serves on all of them, adds up what they count, and answers for them', async () => {
    const h = await start();
    expect(h.links.map((link) => link.engine)).toEqual(Array.from({ length: PLANES }, () => engine));
    const port = await origin((_req, res) => res.end('ok'));
    await settled(h, (catalog) =>
      catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] })),
    );
    const replies = await askOften(h.port, 60);
    expect(replies.filter((reply) => reply.body === 'ok')).toHaveLength(60);
    expect(await requests(h)).toBe(60);
    await askOften(h.port, 7, 'b.test');
    expect(await h.metrics.text()).toContain('rimrock_lb_own_answers_total{reason="no-route"} 7');
    const busy = new Set(
      h.words.flatMap(([plane, word]) =>
        word.kind === 'numbers' && word.numbers.services.length > 0 ? [plane] : [],
      ),
    );
    expect(busy.size).toBe(PLANES);
    const explained = await fetch(`${h.admin}/explain?url=http://a.test/`);
    expect(await explained.json()).toMatchObject({ picked: { address: `127.0.0.1:${port}` } });
    const routes = await fetch(`${h.admin}/routes`);
    expect(await routes.json()).toMatchObject({
      routes: [{ endpoints: [{ inFlight: 0, eligibility: 'eligible' }] }],
    });
  });

  it('has every plane route by a change before it says so', async () => {
    const h = await start();
    const old = await origin((_req, res) => res.end('old'));
    const young = await origin((_req, res) => res.end('young'));
    const at = (port: number) => (catalog: FakeCatalog) =>
      catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] }));
    for (let round = 0; round < 3; round++) {
      await settled(h, at(old));
      expect(new Set((await askOften(h.port, 20)).map((r) => r.body))).toEqual(new Set(['old']));
      const { since, sent, applied } = await settled(h, at(young));
      expect(since).toBeLessThanOrEqual(sent);
      expect(sent).toBeLessThanOrEqual(applied);
      expect(new Set((await askOften(h.port, 20)).map((r) => r.body))).toEqual(new Set(['young']));
    }
    await settled(h, (catalog) => catalog.remove('marathon/a'));
    expect(new Set((await askOften(h.port, 20)).map((r) => r.reason))).toEqual(new Set(['no-route']));
  });

  it.runIf(PLANES > 1)('goes on without a plane that dies, and has it back with all routes', async () => {
    const h = await start();
    const port = await origin((_req, res) => res.end('ok'));
    const services = Array.from({ length: 700 }, (_, i) =>
      service({
        name: `s${i}`,
        labels: new Map([['HAPROXY_0_VHOST', `s${i}.test`]]),
        instances: [instance(port, { taskKey: `t${i}` })],
      }),
    );
    h.catalog.set(...services);
    const allServe = async (): Promise<boolean> =>
      (await askOften(h.port, 20, 's699.test')).every((reply) => reply.status === 200);
    await expect.poll(allServe).toBe(true);
    await h.links[0]?.terminate();
    const meanwhile = await askOften(h.port, 20, 's699.test');
    expect(meanwhile.map((r) => r.status)).toEqual(Array.from({ length: 20 }, () => 200));
    await expect.poll(() => h.metrics.text(), { timeout: 10_000 }).toContain('rimrock_lb_planes 2\n');
    expect(await h.metrics.text()).toContain('rimrock_lb_plane_restarts_total 1\n');
    h.words.length = 0;
    for (const host of ['s0.test', 's350.test', 's699.test'])
      for (const reply of await askOften(h.port, 20, host))
        expect(reply).toMatchObject({ status: 200, body: 'ok' });
    await h.metrics.text();
    const busy = h.words.filter(([plane, { kind }]) => plane === 0 && kind === 'numbers');
    expect(busy.length).toBeGreaterThan(0);
  });

  it('does not start where the address is taken, also by one who would share it', async () => {
    const taken = createTcpServer();
    const reusePort = process.platform === 'linux';
    await new Promise<void>((resolve) =>
      taken.listen({ port: 0, host: '127.0.0.1', ...(reusePort ? { reusePort } : {}) }, resolve),
    );
    cleanup.push(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const h = make({ http: { port } });
    await expect(h.lb.start()).rejects.toMatchObject({
      code: 'LB_LISTEN_FAILED',
      cause: { code: 'EADDRINUSE', syscall: 'listen', port },
    });
    const nowhere = make({ http: { host: '192.0.2.1' } });
    await expect(nowhere.lb.start()).rejects.toMatchObject({
      code: 'LB_LISTEN_FAILED',
      cause: { code: 'EADDRNOTAVAIL' },
    });
  });

  it('drains all of them: what runs finishes, nothing new comes in', async () => {
    const h = await start({ timeouts: { drainMs: 5_000 } });
    const waiting: (() => void)[] = [];
    const arrived = Promise.withResolvers<void>();
    const port = await origin((_req, res) => {
      waiting.push(() => res.end('finished'));
      if (waiting.length === 20) arrived.resolve();
    });
    await settled(h, (catalog) =>
      catalog.set(service({ name: 'a', labels: VHOST, instances: [instance(port)] })),
    );
    const running = askOften(h.port, 20);
    await arrived.promise;
    const stopped = h.lb.stop();
    expect(h.health.report().ready).toBe(false);
    await expect
      .poll(() =>
        ask(h.port).then(
          () => 'served',
          (error: NodeJS.ErrnoException) => error.code,
        ),
      )
      .toBe('ECONNREFUSED');
    for (const finish of waiting) finish();
    expect((await running).map((reply) => reply.body)).toEqual(Array.from({ length: 20 }, () => 'finished'));
    await stopped;
  });

  it('holds the limit on connections over all planes', async () => {
    const h = await start({ limits: { maxConnections: 5 } });
    const outcome = (): Promise<'kept' | 'refused'> =>
      new Promise((resolve, reject) => {
        const socket = connect(h.port, '127.0.0.1');
        cleanup.push(() => void socket.destroy());
        socket.on('error', reject);
        socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
        socket.once('data', (text: Buffer) =>
          resolve(text.includes('too-many-connections') ? 'refused' : 'kept'),
        );
      });
    const outcomes: string[] = [];
    for (let i = 0; i < 12; i++) outcomes.push(await outcome());
    expect(outcomes.filter((one) => one === 'kept')).toHaveLength(5);
    expect(await h.metrics.text()).toContain('rimrock_lb_client_connections 5\n');
  });
});
