import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { createLoadBalancer, lbConfigSchema } from '../../src/lb/index.ts';
import { FakeCatalog, instance, service } from '../../src/lb/testing/fake-catalog.ts';
import { createPortableReactor } from '../../src/net/index.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { has } from '../support/peers.ts';
import { Pebble } from '../support/pebble.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';

// Certificates from an authority that we did not write: Pebble, with every fifth nonce refused.

const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);
const WAIT = { timeoutMs: 60_000 };

/** One of /certificates. */
interface Shown {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly issuer: string | null;
  readonly notAfter: string | null;
  readonly acme?: {
    readonly state: string;
    readonly lastError: string | null;
    readonly nextTry: string | null;
  };
}

describe.skipIf(!has('pebble') || !has('pebble-challtestsrv'))('certificates by ACME (needs pebble)', () => {
  const cleanup: (() => unknown)[] = [];
  let storage: string;
  let httpPort: number;
  let tlsPort: number;

  beforeEach(async () => {
    [httpPort = 0, tlsPort = 0] = await freePorts(2);
    storage = mkdtempSync(join(tmpdir(), 'rimrock-acme-'));
    cleanup.push(() => rmSync(storage, { recursive: true, force: true }));
  });
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function pebble(more: { lifeSeconds?: number; blocked?: readonly string[] } = {}): Promise<Pebble> {
    const started = await Pebble.start({ httpPort, tlsPort, ...more });
    cleanup.push(() => started.stop());
    return started;
  }

  interface Edge {
    readonly catalog: FakeCatalog;
    readonly health: Health;
    readonly metrics: Metrics;
    /** What /certificates says of this name. */
    shown(name: string): Promise<Shown | undefined>;
    certificate(name: string): Promise<Shown>;
    get(path: string): Promise<string>;
    stop(): Promise<void>;
  }

  async function edge(
    { directory, ca }: Pebble,
    acme: Readonly<Record<string, unknown>>,
    engine: 'linux' | 'portable' | 'auto' = 'auto',
  ): Promise<Edge> {
    const [catalog, health, metrics] = [new FakeCatalog(), new Health(), new Metrics()];
    const lb = createLoadBalancer({
      config: lbConfigSchema.parse({
        http: { port: httpPort },
        https: { port: tlsPort },
        admin: { port: 0 },
        workers: 2,
        engine,
        tls: { unknownNames: 'refuse' },
        acme: { directory, directoryCa: ca, email: 'a@b.test', termsOfServiceAgreed: true, storage, ...acme },
      }),
      catalog,
      reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics,
      health,
    });
    await lb.start();
    let stopped = false;
    const stop = async (): Promise<void> => {
      if (!stopped) await lb.stop();
      stopped = true;
    };
    cleanup.push(stop);
    const get = async (path: string): Promise<string> =>
      (await fetch(`http://127.0.0.1:${lb.addresses.admin.port}${path}`)).text();
    const shown = async (name: string): Promise<Shown | undefined> => {
      const { certificates } = JSON.parse(await get('/certificates')) as { certificates: Shown[] };
      return certificates.find((certificate) => certificate.name === `acme:${name}`);
    };
    const certificate = (name: string): Promise<Shown> =>
      eventually(
        `a certificate for ${name}`,
        async () => {
          const view = await shown(name);
          return view?.acme?.state === 'good' ? view : undefined;
        },
        WAIT,
      );
    return { catalog, health, metrics, shown, certificate, get, stop };
  }

  /** A TLS connection to the edge; its certificate is not judged. */
  async function dial(servername: string, ALPNProtocols: string[] = ['http/1.1']): Promise<TLSSocket> {
    const socket = connect({
      host: '127.0.0.1',
      port: tlsPort,
      servername,
      ALPNProtocols,
      rejectUnauthorized: false,
    });
    cleanup.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    // The edge may go before it.
    socket.on('error', () => {});
    return socket;
  }

  const leafOf = (socket: TLSSocket): X509Certificate => {
    const leaf = socket.getPeerX509Certificate();
    if (leaf === undefined) throw new Error('no certificate was shown');
    return leaf;
  };

  describe.each(ENGINES)('the %s engine', (engine) => {
    it.each(['http-01', 'tls-alpn-01'] as const)('shows by %s that names are its own', async (challenge) => {
      const ca = await pebble();
      const it = await edge(ca, { names: ['a.edge.test', 'b.edge.test'], challenge }, engine);
      const view = await it.certificate('a.edge.test');
      expect(view).toMatchObject({ hosts: ['a.edge.test'], acme: { state: 'good', lastError: null } });
      expect(view.issuer).toContain('Pebble Intermediate CA');
      await it.certificate('b.edge.test');
      for (const name of ['a.edge.test', 'b.edge.test']) {
        const leaf = leafOf(await dial(name));
        expect(leaf.checkHost(name)).toBe(name);
        expect(leaf.issuer).toContain('Pebble');
      }
      // Nothing is answered for challenges that are not under way.
      const gone = await fetch(`http://127.0.0.1:${httpPort}/.well-known/acme-challenge/x`);
      expect(gone.headers.get('x-rimrock-reason')).not.toBe('acme-challenge');
      await expect(dial('a.edge.test', ['acme-tls/1'])).rejects.toThrow();
      expect(await it.metrics.text()).toMatch(/rimrock_lb_acme_orders_total\{outcome="obtained"\} 2/);
      expect(it.health.report().conditions['lb-certificates']).toEqual({ ok: true, warning: true });
    });
  });

  it('keeps account and keys to itself, and needs no authority to start again', async () => {
    const ca = await pebble();
    const first = await edge(ca, { names: ['a.edge.test'] });
    await first.certificate('a.edge.test');
    const serial = leafOf(await dial('a.edge.test')).serialNumber;
    await first.stop();
    expect(readdirSync(storage).sort()).toEqual([
      'a.edge.test.json',
      expect.stringMatching(/^account-[0-9a-f]{16}\.json$/),
    ]);
    for (const file of readdirSync(storage)) expect(statSync(join(storage, file)).mode & 0o777).toBe(0o600);
    await ca.stop();
    const second = await edge(ca, { names: ['a.edge.test'] });
    expect((await second.shown('a.edge.test'))?.acme?.state).toBe('good');
    expect(leafOf(await dial('a.edge.test')).serialNumber).toBe(serial);
  });

  it('an authority that has forgotten the account is told of it again', async () => {
    const ca = await pebble();
    const first = await edge(ca, { names: ['a.edge.test'] });
    await first.certificate('a.edge.test');
    await first.stop();
    await ca.restart();
    const second = await edge(ca, { names: ['a.edge.test', 'b.edge.test'] });
    await second.certificate('b.edge.test');
    expect(await second.metrics.text()).toMatch(/rimrock_lb_acme_orders_total\{outcome="failed"\} 0/);
  });

  it('names that get none, each for another reason, do not hinder the one that does', async () => {
    const ca = await pebble({ blocked: ['blocked.edge.test'] });
    // Nobody listens there.
    await ca.address('away.edge.test', '127.0.0.77');
    const it = await edge(ca, { names: ['blocked.edge.test', 'away.edge.test', 'good.edge.test'] });
    await it.certificate('good.edge.test');
    const failed = async (name: string): Promise<Shown> =>
      eventually(
        `an error for ${name}`,
        async () => {
          const view = await it.shown(name);
          return view?.acme?.state === 'failing' ? view : undefined;
        },
        WAIT,
      );
    const blocked = await failed('blocked.edge.test');
    expect(blocked).toMatchObject({ issuer: null, notAfter: null });
    expect(blocked.acme?.lastError).toMatch(/^rejectedIdentifier: /);
    const away = await failed('away.edge.test');
    expect(away.acme?.lastError).toMatch(/^connection: /);
    // It is tried again, but not at once.
    expect(Date.parse(away.acme?.nextTry ?? '')).toBeGreaterThan(systemClock.now() + 200_000);
    expect(await it.metrics.text()).toMatch(/rimrock_lb_acme_names\{state="failing"\} 2/);
    expect(leafOf(await dial('good.edge.test')).checkHost('good.edge.test')).toBe('good.edge.test');
    // Not even a restart makes it come sooner.
    await it.stop();
    const again = await edge(ca, { names: ['away.edge.test'] });
    expect((await again.shown('away.edge.test'))?.acme).toEqual(away.acme);
  });

  it('renews in time, without a connection being dropped', async () => {
    const ca = await pebble({ lifeSeconds: 20 });
    const it = await edge(ca, { routes: true });
    const origin = createServer((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      socket.on('error', () => {});
    });
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    cleanup.push(() => origin.close());
    const { port } = origin.address() as { port: number };
    it.catalog.set(
      service({
        name: 'web',
        labels: new Map([
          ['rimrock.http.web.host', 'web.edge.test'],
          ['rimrock.http.web.tls', 'acme'],
        ]),
        instances: [instance(port)],
      }),
    );
    await it.certificate('web.edge.test');
    const kept = await dial('web.edge.test');
    const before = leafOf(kept).serialNumber;
    const asked = async (): Promise<string> => {
      kept.write('GET / HTTP/1.1\r\nHost: web.edge.test\r\n\r\n');
      const [bytes] = (await once(kept, 'data')) as [Buffer];
      return bytes.toString().split('\r\n', 1)[0] ?? '';
    };
    expect(await asked()).toBe('HTTP/1.1 200 OK');
    await eventually(
      'another certificate',
      async () => {
        const socket = await dial('web.edge.test');
        const serial = leafOf(socket).serialNumber;
        socket.destroy();
        return serial !== before;
      },
      { timeoutMs: 60_000, everyMs: 250 },
    );
    expect(await asked()).toBe('HTTP/1.1 200 OK');
    expect(kept.destroyed).toBe(false);
  });

  describe('killed in the midst of an order', () => {
    /** What is kept of the name. */
    const kept = (): { order?: { key: string }; certificate?: { key: string } } => {
      try {
        return JSON.parse(readFileSync(join(storage, 'a.edge.test.json'), 'utf8')) as ReturnType<typeof kept>;
      } catch {
        return {};
      }
    };
    const ordered = ({ output }: Pebble): number => output.match(/Added order/g)?.length ?? 0;

    /** A whole edge, as a person starts one. */
    async function site(ca: Pebble, port?: number): Promise<{ port: number; start: () => Promise<Running> }> {
      const made = await Site.make();
      cleanup.push(() => made.close());
      const config = join(made.data, 'rimrock.yaml');
      const http = { port: port ?? made.ports.http };
      const acme = {
        directory: ca.directory,
        directoryCa: ca.ca,
        termsOfServiceAgreed: true,
        names: ['a.edge.test'],
        storage,
      };
      const settings = {
        data: made.data,
        cluster: { masters: [`127.0.0.1:${made.ports.master}`] },
        dns: { port: made.ports.dns, httpPort: made.ports.dnsHttp },
        lb: { http, https: { port: tlsPort }, admin: { port: made.ports.admin }, acme },
      };
      writeFileSync(config, JSON.stringify(settings));
      const start = (): Promise<Running> =>
        made.start('edge', { arguments: ['--config', config], until: 'spawned' });
      return { ...http, start };
    }

    const certificate = (running: Running): Promise<string> =>
      eventually('the certificate', () => kept().certificate?.key, WAIT).catch((error: unknown) => {
        throw new Error(`no certificate:\n${running.output()}`, { cause: error });
      });

    it('goes on with the same order and key', async () => {
      const ca = await pebble();
      const { start } = await site(ca, httpPort);
      const first = await start();
      const key = await eventually('an order', () => kept().order?.key, { ...WAIT, everyMs: 2 });
      await eventually('the authority to be content', () => ca.output.includes('set VALID'), {
        ...WAIT,
        everyMs: 2,
      });
      await first.kill9();
      const second = await start();
      expect(await certificate(second)).toBe(key);
      expect(ordered(ca)).toBe(1);
      for (const run of [first, second]) expect(run.output()).not.toContain('PRIVATE KEY');
    });

    it('begins another order at once when the authority has given that one up', async () => {
      const ca = await pebble();
      const { port, start } = await site(ca);
      // Stands where the authority looks, and does not answer before the edge is there again.
      let isOpen = false;
      const waiting: Socket[] = [];
      const gate = createServer((socket) => {
        socket.on('error', () => {});
        if (!isOpen) return void waiting.push(socket);
        const onward = connectTcp(port, '127.0.0.1');
        onward.on('error', () => socket.destroy());
        socket.pipe(onward).pipe(socket);
      });
      gate.listen(httpPort, '127.0.0.1');
      await once(gate, 'listening');
      cleanup.push(() => gate.close());
      const first = await start();
      await eventually('the authority to look', () => waiting.length > 0, WAIT).catch((error: unknown) => {
        throw new Error(`nobody looked:\n${first.output()}${ca.output}`, { cause: error });
      });
      const key = kept().order?.key;
      await first.kill9();
      for (const socket of waiting) socket.destroy();
      await eventually('the authority to give up', () => ca.output.includes('set INVALID'), WAIT);
      isOpen = true;
      const second = await start();
      expect(await certificate(second)).not.toBe(key);
      expect(ordered(ca)).toBe(2);
    });
  });
});
