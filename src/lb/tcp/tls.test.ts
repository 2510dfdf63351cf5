import { once } from 'node:events';
import { createServer as createTcpServer, connect as dial } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { FakeAuthority } from '../testing/fake-authority.ts';
import { createLoadBalancer, lbConfigSchema } from '../index.ts';
import { FakeCatalog, instance, service } from '../testing/fake-catalog.ts';
import { freePorts } from '../../core/testing/free-ports.ts';

const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);
const authority = new FakeAuthority(systemClock);

describe.each(ENGINES)('TCP by the name that TLS asks for, %s engine', (engine) => {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  /** What comes back for `text`, and whose certificate was shown; undefined when there is no TLS to be had. */
  async function ask(port: number, servername: string, text: string): Promise<string | undefined> {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername,
      ca: authority.root,
      rejectUnauthorized: false,
    });
    cleanup.push(() => socket.destroy());
    let answer = '';
    socket.on('data', (piece: Buffer) => (answer += piece.toString()));
    socket.on('error', () => {});
    const secure = await Promise.race([
      once(socket, 'secureConnect').then(
        () => true,
        () => false,
      ),
      once(socket, 'close').then(() => false),
    ]);
    if (!secure) return undefined;
    const { subject } = socket.getPeerCertificate();
    socket.end(text);
    await once(socket, 'close');
    return `${String(subject.CN)}: ${answer}`;
  }

  it('passes through to one service, ends TLS for another one, and refuses names that nobody has', async () => {
    const identity = authority.issue(['pass.test']);
    const tls = createTlsServer({ cert: identity.certificateChain, key: identity.privateKey }, (socket) => {
      socket.write('the instance itself, ');
      socket.pipe(socket);
    });
    const plain = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.write('a plain instance, ');
      socket.pipe(socket);
    });
    const [passPort, endPort] = [await listening(tls), await listening(plain)];
    const [port = 0] = await freePorts(1);
    const catalog = new FakeCatalog();
    const lb = createLoadBalancer({
      config: lbConfigSchema.parse({
        http: { port: 0 },
        https: { port: 0 },
        admin: { port: 0 },
        workers: 1,
        engine,
        servicePorts: { max: 65_535 },
        timeouts: { drainMs: 100 },
        tls: { selfSigned: ['end.test'], unknownNames: 'refuse' },
      }),
      catalog,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health: new Health(),
    });
    await lb.start();
    cleanup.push(() => lb.stop());
    const labels = (name: string, more: Record<string, string> = {}): ReadonlyMap<string, string> =>
      new Map(
        Object.entries({ listeners: `port:${port}`, host: `${name}.test`, ...more }).map(([key, value]) => [
          `rimrock.tcp.${name}.${key}`,
          value,
        ]),
      );
    catalog.set(
      service({ name: 'pass', labels: labels('pass'), instances: [instance(passPort)] }),
      service({ name: 'end', labels: labels('end', { tls: 'terminate' }), instances: [instance(endPort)] }),
    );
    const admin = `http://127.0.0.1:${lb.addresses.admin.port}`;
    await vi.waitFor(
      async () => {
        const { servicePorts } = (await (await fetch(`${admin}/service-ports`)).json()) as {
          servicePorts: unknown[];
        };
        expect(servicePorts).toMatchObject([{ port, protocol: 'tls', state: 'listening' }]);
      },
      { timeout: 8_000, interval: 20 },
    );
    const long = 'x'.repeat(100_000);
    expect(await ask(port, 'pass.test', 'hello')).toBe('pass.test: the instance itself, hello');
    expect((await ask(port, 'pass.test', long))?.length).toBe(
      100_000 + 'pass.test: the instance itself, '.length,
    );
    expect(await ask(port, 'end.test', 'hello')).toMatch(/: a plain instance, hello$/);
    expect((await ask(port, 'end.test', long))?.endsWith(`a plain instance, ${long}`)).toBe(true);
    expect(await ask(port, 'other.test', 'hello')).toBe(undefined);
    // Who speaks no TLS gets nowhere.
    const bare = dial(port, '127.0.0.1');
    bare.on('error', () => {});
    bare.write('GET / HTTP/1.1\r\n\r\n');
    let answer = '';
    bare.on('data', (piece: Buffer) => (answer += piece.toString('latin1')));
    await once(bare, 'close');
    expect(answer).not.toMatch(/instance/);
  });
});
