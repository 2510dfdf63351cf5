import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Policy, PolicySource } from '../../core/policy/types.ts';
import { createPortableReactor } from '../../net/index.ts';
import { FakeAuthority } from '../testing/fake-authority.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { FakeIdentity, TRUST_DOMAIN } from '../testing/fake-identity.ts';
import { ENGINES, startThreaded } from '../testing/threaded.ts';
import { freePorts } from '../../core/testing/free-ports.ts';

const authority = new FakeAuthority(systemClock);
const stranger = new FakeAuthority(systemClock);
const ID = `spiffe://${TRUST_DOMAIN}/marathon/db`;
const FIRST = `spiffe://${TRUST_DOMAIN}/edge/1`;
const PATIENT = { timeout: 20_000, interval: 20 };

/** An instance that takes only whom it knows: says who comes, and then what it hears. */
interface Guarded {
  readonly port: number;
  readonly heard: () => string;
}

/** Denies everybody, or those who show no certificate. */
class OnePolicy implements PolicySource {
  readonly #listeners = new Subscribers<void>((error) => {
    throw error;
  });
  #who: readonly string[] | undefined;

  part(): Policy | undefined {
    if (this.#who === undefined) return undefined;
    const rule = {
      name: 'some',
      effect: 'allow' as const,
      who: this.#who,
      may: ['call'],
      on: ['marathon/db'],
    };
    return { version: 1, default: 'deny', rules: [rule] };
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  allowOnly(...who: readonly string[]): void {
    this.#who = who;
    this.#listeners.emit();
  }
}

describe.each(ENGINES)('TCP to instances that speak TLS, %s engine', (engine) => {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function guarded(names: readonly string[], by = authority): Promise<Guarded> {
    const { certificateChain: cert, privateKey: key } = by.issue(names);
    const trust = { ca: authority.root, requestCert: true, rejectUnauthorized: true };
    const sockets = new Set<TLSSocket>();
    let heard = '';
    const server = createTlsServer({ cert, key, ...trust, allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
      const { subjectaltname = 'nobody' } = socket.getPeerCertificate();
      socket.write(`${socket.alpnProtocol || 'bytes'} of ${subjectaltname}: `);
      socket.pipe(socket);
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, heard: () => heard };
  }

  async function start(
    labels: Readonly<Record<string, string>>,
    instances: readonly Guarded[],
    policy?: PolicySource,
  ) {
    const identity = new FakeIdentity(authority);
    identity.issue('edge/1');
    const [port = 0] = await freePorts(1);
    const config = {
      engine,
      servicePorts: { max: 65_535 },
      timeouts: { connectMs: 2_000, drainMs: 100 },
      tls: { selfSigned: ['db.test'] },
      https: { port: 0 },
    };
    const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
    const running = await startThreaded(config, { identity, reactor, ...(policy && { policy }) });
    cleanup.push(() => running.lb.stop());
    const all = { listeners: `port:${port}`, ...labels };
    await running.serve(
      service({
        name: 'db',
        labels: new Map(Object.entries(all).map(([key, value]) => [`rimrock.tcp.db.${key}`, value])),
        instances: instances.map((one) => instance(one.port)),
      }),
    );
    const listening = async (): Promise<unknown> => {
      const { servicePorts } = (await (await fetch(`${running.admin}/service-ports`)).json()) as {
        servicePorts: { state: string }[];
      };
      return servicePorts[0]?.state;
    };
    await expect.poll(listening, PATIENT).toBe('listening');
    return { ...running, identity, port };
  }

  /** All that comes back for what is said, ended on this side; empty when nobody answers. */
  async function say(port: number, text: string): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('error', () => {}).on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
    socket.on('end', () => socket.end());
    socket.end(text);
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  }

  const MUTUAL = { 'upstream.tls': 'mutual', 'upstream.tls.spiffeId': ID };

  it('shows who we are, the newest of it, and carries what is said, much or little', async () => {
    const one = await guarded([ID]);
    const { port, identity } = await start(MUTUAL, [one]);
    expect(await say(port, 'hello')).toBe(`bytes of URI:${FIRST}: hello`);
    const much = 'x'.repeat(3_000_000);
    expect((await say(port, much)).length).toBe(much.length + `bytes of URI:${FIRST}: `.length);
    identity.issue('edge/2');
    await expect.poll(() => say(port, 'again'), PATIENT).toMatch(/edge\/2: again$/);
  });

  it('goes elsewhere when an instance is not who it should be, and tells nobody else anything', async () => {
    const [bad, evil, good] = [
      await guarded([`spiffe://${TRUST_DOMAIN}/marathon/web`]),
      await guarded([ID], stranger),
      await guarded([ID]),
    ];
    const { port } = await start(MUTUAL, [bad, evil, good]);
    for (let i = 0; i < 8; i++) expect(await say(port, 'secret')).toMatch(/: secret$/);
    const alone = await start(MUTUAL, [bad]);
    expect(await say(alone.port, 'secret')).toBe('');
    expect([bad.heard(), evil.heard()]).toEqual(['', '']);
    expect(good.heard()).toBe('secret'.repeat(8));
    await expect.poll(() => alone.metrics.text(), PATIENT).toMatch(/"upstream-not-trusted"\} [1-9]/);
  });

  it('checks instances as connections reach them', async () => {
    const often = { 'check.type': 'tcp', 'check.intervalSeconds': '0.1', 'check.fall': '1' };
    const [bad, good] = [await guarded([`${ID}/2`]), await guarded([ID])];
    const { port, admin } = await start({ ...MUTUAL, ...often }, [bad, good]);
    const healthy = async (): Promise<unknown> => {
      const answer = await (await fetch(`${admin}/endpoints`)).json();
      const { backends } = answer as {
        backends: { endpoints: { check: { healthy: boolean | null } | null }[] }[];
      };
      return backends[0]?.endpoints.map(({ check }) => check?.healthy);
    };
    await expect.poll(healthy, PATIENT).toEqual([false, true]);
    for (let i = 0; i < 4; i++) expect(await say(port, 'x')).toMatch(/: x$/);
  });

  it('the policy denies before an instance hears of it, also by what the client shows where TLS ends here', async () => {
    const policy = new OnePolicy();
    const one = await guarded([ID]);
    const plain = await start(MUTUAL, [one], policy);
    expect(await say(plain.port, 'before')).toMatch(/: before$/);
    policy.allowOnly(`spiffe://${TRUST_DOMAIN}/marathon/client`);
    await expect.poll(() => say(plain.port, 'denied'), PATIENT).toBe('');
    const heard = one.heard();
    expect(await say(plain.port, 'denied')).toBe('');
    expect(one.heard()).toBe(heard);
    await expect.poll(() => plain.metrics.text(), PATIENT).toMatch(/"policy-denied"\} [1-9]/);

    const ending = { host: 'db.test', tls: 'terminate', 'tls.clientAuth': 'require' };
    const { port } = await start({ ...MUTUAL, ...ending }, [one], policy);
    const as = async (id: string): Promise<string> => {
      const { certificateChain: cert, privateKey: key } = authority.issue([id]);
      const shown = { cert, key, servername: 'db.test', rejectUnauthorized: false };
      const socket = connectTls({ port, host: '127.0.0.1', ...shown });
      let answer = '';
      socket.on('error', () => {}).on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
      socket.end('by name');
      await new Promise((resolve) => socket.once('close', resolve));
      return answer;
    };
    expect(await as(`spiffe://${TRUST_DOMAIN}/marathon/client`)).toMatch(/: by name$/);
    const before = one.heard();
    expect(await as(`spiffe://${TRUST_DOMAIN}/marathon/other`)).toBe('');
    expect(one.heard()).toBe(before);
  });
});
