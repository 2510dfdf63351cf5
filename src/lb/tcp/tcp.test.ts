import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { planesInThreads } from '../control/thread-link.ts';
import { createLoadBalancer, lbConfigSchema } from '../index.ts';
import type { LoadBalancer } from '../index.ts';
import { FakeCatalog, instance, service } from '../testing/fake-catalog.ts';
import { RawClient } from '../testing/lb-harness.ts';
import { freePorts } from '../../core/testing/free-ports.ts';

// Bytes are spliced by the one and copied by the other.
const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);

const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 8_000, interval: 15 });

/** Whether nobody listens there. */
function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

describe.each(ENGINES)('TCP services, %s engine', (engine) => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  interface Started {
    readonly lb: LoadBalancer;
    readonly catalog: FakeCatalog;
    readonly metrics: Metrics;
    readonly port: number;
    readonly admin: (path: string) => Promise<Record<string, unknown>>;
  }

  async function start(config: Record<string, unknown> = {}, workers = 1): Promise<Started> {
    const catalog = new FakeCatalog();
    const metrics = new Metrics();
    const [port = 0] = await freePorts(1);
    const lb = createLoadBalancer({
      config: lbConfigSchema.parse({
        http: { port: 0 },
        admin: { port: 0 },
        workers,
        engine,
        servicePorts: { min: 10_000, max: 65_535 },
        ...config,
        timeouts: { drainMs: 300, connectMs: 400, ...(config['timeouts'] as object) },
      }),
      catalog,
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
      metrics,
      health: new Health(),
      startPlane: planesInThreads(engine, silentLogger),
    });
    await lb.start();
    cleanup.push(() => lb.stop());
    const at = `http://127.0.0.1:${lb.addresses.admin.port}`;
    const admin = async (path: string): Promise<Record<string, unknown>> =>
      (await (await fetch(`${at}${path}`)).json()) as Record<string, unknown>;
    return { lb, catalog, metrics, port, admin };
  }

  /** A TCP origin on a free port; it says who it is and then echoes, unless the test plays it. */
  async function origin(
    name: string,
    play?: (socket: Socket) => void,
  ): Promise<{ port: number; server: Server }> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      if (play !== undefined) return play(socket);
      socket.write(`${name}\n`);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return { port: (server.address() as AddressInfo).port, server };
  }

  function dial(port: number): RawClient {
    const client = new RawClient(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    cleanup.push(() => void client.socket.destroy());
    return client;
  }

  const wants = (port: number, more: Record<string, string> = {}): ReadonlyMap<string, string> =>
    new Map(Object.entries({ HAPROXY_0_PORT: String(port), HAPROXY_0_MODE: 'tcp', ...more }));

  async function state({ admin }: Started, name: string): Promise<unknown> {
    const { servicePorts } = (await admin('/service-ports')) as {
      servicePorts: { name: string; state: string }[];
    };
    return servicePorts.find((one) => one.name === name)?.state;
  }

  const listening = (lb: Started, port: number): Promise<void> =>
    eventually(async () => expect(await state(lb, `port:${port}`)).toBe('listening'));

  const metric = async ({ metrics }: Started, name: string): Promise<number> => {
    const line = (await metrics.text()).split('\n').find((text) => text.startsWith(name));
    return Number(line?.split(' ').at(-1));
  };

  it('joins clients to instances both ways, passes ends on each on its own, and counts', async () => {
    const lb = await start();
    const { port } = await origin('echo', (socket) => {
      const pieces: Buffer[] = [];
      socket.on('data', (bytes: Buffer) => pieces.push(bytes));
      socket.on('end', () => socket.end(Buffer.concat(pieces)));
    });
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: [instance(port)] }));
    await listening(lb, lb.port);
    const client = dial(lb.port);
    const sent = 'x'.repeat(300_000);
    client.socket.end(`begin ${sent} end`);
    expect((await client.untilEnd()) === `begin ${sent} end`).toBe(true);
    const labels = '{service="marathon/db#0"';
    await eventually(async () => {
      expect(await metric(lb, `rimrock_lb_tcp_connections_total${labels}`)).toBe(1);
      expect(await metric(lb, `rimrock_lb_tcp_connections${labels}`)).toBe(0);
      expect(await metric(lb, `rimrock_lb_tcp_bytes_total${labels},direction="in"`)).toBe(300_010);
      expect(await metric(lb, `rimrock_lb_tcp_bytes_total${labels},direction="out"`)).toBe(300_010);
    });
  });

  it('lets the instance speak first, and keeps slow readers from filling the memory', async () => {
    const lb = await start();
    const flood = Buffer.alloc(8 * 1024 * 1024, 'abcdefgh');
    const { port } = await origin('flood', (socket) => socket.end(flood));
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: [instance(port)] }));
    await listening(lb, lb.port);
    const client = dial(lb.port);
    let naps = 0;
    client.socket.on('data', () => {
      if (naps++ % 20 > 0) return;
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 2);
    });
    expect((await client.untilEnd()) === flood.toString('latin1')).toBe(true);
  });

  it('connects elsewhere when an instance is gone, and never asks a second one once connected', async () => {
    const lb = await start();
    const [dead = 0] = await freePorts(1);
    let reached = 0;
    const cutting = await origin('cutting', (socket) => {
      reached += 1;
      socket.once('data', () => socket.resetAndDestroy());
    });
    const both = [instance(dead), instance(cutting.port)];
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: both }));
    await listening(lb, lb.port);
    for (let i = 1; i <= 6; i++) {
      const client = dial(lb.port).send('do it');
      await eventually(() => expect(client.closed).toBe(true));
      expect(client.error).toMatchObject({ code: 'ECONNRESET' });
      expect(reached).toBe(i);
    }
    expect(await metric(lb, 'rimrock_lb_tcp_retries_total{service="marathon/db#0"')).toBeGreaterThan(0);
  });

  it('refuses where nobody is, tells the cause, and takes one up that comes while a client waits', async () => {
    const lb = await start();
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port) }));
    await listening(lb, lb.port);
    const refused = dial(lb.port);
    await eventually(() => expect(refused.closed).toBe(true));
    await eventually(async () =>
      expect(
        await metric(lb, 'rimrock_lb_tcp_failures_total{service="marathon/db#0",cause="no-endpoints"}'),
      ).toBe(1),
    );
    const { port } = await origin('late');
    const starting = instance(port, { phase: 'waiting' });
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: [starting] }));
    await lb.admin('/routes');
    const client = dial(lb.port);
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: [instance(port)] }));
    await client.until((text) => text === 'late\n');
  });

  it('lets connections to a leaving instance go on, and new ones go elsewhere; one that is gone is cut in the end', async () => {
    const lb = await start();
    const [one, two] = [await origin('one'), await origin('two')];
    const labels = wants(lb.port);
    lb.catalog.set(service({ name: 'db', labels, instances: [instance(one.port)] }));
    await listening(lb, lb.port);
    const old = dial(lb.port);
    await old.until((text) => text === 'one\n');
    lb.catalog.set(
      service({
        name: 'db',
        labels,
        instances: [instance(one.port, { phase: 'draining' }), instance(two.port)],
      }),
    );
    await lb.admin('/routes');
    const fresh = dial(lb.port);
    await fresh.until((text) => text === 'two\n');
    old.send('still here');
    await old.until((text) => text === 'one\nstill here');
    lb.catalog.set(service({ name: 'db', labels, instances: [instance(two.port)] }));
    await old.untilEnd();
    fresh.send('me too');
    await fresh.until((text) => text === 'two\nme too');
  });

  it('cuts connections to a leaving instance when the service says how long they get', async () => {
    const lb = await start();
    const [one, two] = [await origin('one'), await origin('two')];
    const at = { 'rimrock.tcp.db.listeners': `port:${lb.port}`, 'rimrock.tcp.db.drainSeconds': '0.3' };
    const labels = new Map(Object.entries(at));
    lb.catalog.set(service({ name: 'db', labels, instances: [instance(one.port)] }));
    await listening(lb, lb.port);
    const old = dial(lb.port);
    await old.until((text) => text === 'one\n');
    const leaving = instance(one.port, { phase: 'draining' });
    lb.catalog.set(service({ name: 'db', labels, instances: [leaving, instance(two.port)] }));
    await old.untilEnd();
  });

  it('cuts what is idle for too long, and holds the limit on connections of one client', async () => {
    const lb = await start({ timeouts: { tunnelIdleMs: 600 }, limits: { connectionsPerClient: 2 } });
    const { port } = await origin('echo');
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: [instance(port)] }));
    await listening(lb, lb.port);
    const [idle, busy] = [dial(lb.port), dial(lb.port)];
    await idle.until((text) => text === 'echo\n');
    await busy.until((text) => text === 'echo\n');
    const third = dial(lb.port);
    await eventually(() => expect(third.closed).toBe(true));
    expect(third.text).toBe('');
    const beat = setInterval(() => busy.send('.'), 50);
    await idle.untilEnd();
    clearInterval(beat);
    expect(busy.closed).toBe(false);
    await dial(lb.port).until((text) => text === 'echo\n');
  });

  it('at the end lets connections finish until the deadline, and cuts the rest with an end', async () => {
    const lb = await start({ timeouts: { drainMs: 700 } });
    const { port } = await origin('echo');
    lb.catalog.set(service({ name: 'db', labels: wants(lb.port), instances: [instance(port)] }));
    await listening(lb, lb.port);
    const [done, stays] = [dial(lb.port), dial(lb.port)];
    await done.until((text) => text === 'echo\n');
    await stays.until((text) => text === 'echo\n');
    const stopped = lb.lb.stop();
    await eventually(async () => expect(await refuses(lb.port)).toBe(true));
    done.send('last words');
    await done.until((text) => text === 'echo\nlast words');
    done.socket.end();
    await done.untilEnd();
    expect(stays.closed).toBe(false);
    await stopped;
    await stays.untilEnd();
    expect([done.error, stays.error]).toEqual([undefined, undefined]);
  });

  it('opens and closes ports with the services, for HTTP as for TCP, on all planes; connections outlive their port', async () => {
    const lb = await start({}, 2);
    const { port } = await origin('echo');
    const web = createHttpServer((_, res) => res.end('web'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => void web.close());
    const tcp = service({ name: 'db', labels: wants(lb.port), instances: [instance(port)] });
    lb.catalog.set(tcp);
    await listening(lb, lb.port);
    const clients = Array.from({ length: 8 }, () => dial(lb.port));
    for (const client of clients) await client.until((text) => text === 'echo\n');
    lb.catalog.remove(tcp.key);
    await eventually(async () => expect(await refuses(lb.port)).toBe(true));
    for (const client of clients) client.send('on');
    for (const client of clients) await client.until((text) => text === 'echo\non');
    const { port: webPort } = web.address() as AddressInfo;
    lb.catalog.set(
      service({
        name: 'web',
        labels: wants(lb.port, { HAPROXY_0_MODE: 'http' }),
        instances: [instance(webPort)],
      }),
    );
    await listening(lb, lb.port);
    for (let i = 0; i < 8; i++)
      expect(
        await (await fetch(`http://127.0.0.1:${lb.port}/`, { headers: { connection: 'close' } })).text(),
      ).toBe('web');
  });

  it('says who won a port, and that one is out of range or somebody else has it, and gets it once it is free', async () => {
    const lb = await start({}, engine === 'linux' ? 2 : 1);
    const taken = await origin('somebody else');
    const { port } = await origin('echo');
    const rejected = async (): Promise<{ service: string; reason: string }[]> =>
      (await lb.admin('/rejected'))['rejected'] as { service: string; reason: string }[];
    const web = { HAPROXY_0_MODE: 'http' };
    lb.catalog.set(
      service({ name: 'a', labels: wants(lb.port), instances: [instance(port)] }),
      service({ name: 'b', labels: wants(lb.port, web), instances: [instance(port)] }),
      service({ name: 'c', labels: wants(80), instances: [instance(port)] }),
      service({ name: 'd', labels: wants(taken.port), instances: [instance(port)] }),
    );
    await listening(lb, lb.port);
    await dial(lb.port).until((text) => text === 'echo\n');
    await eventually(async () => expect(await state(lb, `port:${taken.port}`)).toBe('failed'));
    const said = await rejected();
    const of = (name: string): string =>
      said.flatMap((one) => (one.service === `marathon/${name}` ? one.reason : [])).join('\n');
    expect(of('b')).toMatch(/already speaks tcp for marathon\/a/);
    expect(of('c')).toMatch(/ports from 10000 to 65535/);
    expect(of('d')).toMatch(/cannot be opened .*EADDRINUSE/);
    await new Promise((resolve) => taken.server.close(resolve));
    await listening(lb, taken.port);
    await dial(taken.port).until((text) => text === 'echo\n');
    // The winner goes, and the other one gets the port.
    lb.catalog.remove('marathon/a');
    await eventually(async () =>
      expect((await rejected()).some((one) => one.service === 'marathon/b')).toBe(false),
    );
  });
});
