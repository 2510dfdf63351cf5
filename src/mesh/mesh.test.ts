import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import type { MeshTask } from '../core/mesh.ts';
import type { Effect, Policy } from '../core/policy/types.ts';
import { freePorts } from '../core/testing/free-ports.ts';
import { FakeAuthority } from './testing/fake-identities.ts';
import { MeshBench, heard, outcomeOf } from './testing/mesh-bench.ts';

const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);
const STRICT = { 'rimrock.mtls': 'strict' };

const policy = (effect: Effect, who: string, otherwise: Effect = 'deny', version = 1): Policy => ({
  version,
  default: otherwise,
  rules: [{ name: 'only', effect, who: [who], may: ['call'], on: ['marathon/server'] }],
});

describe.each(ENGINES)('mutual TLS on behalf of tasks, carried by the %s engine', (engine) => {
  let bench: MeshBench;
  beforeEach(async () => {
    bench = await new MeshBench(engine).start();
    return () => bench.stop();
  });

  const codes = (): unknown[] => bench.lines.flatMap(({ code }) => (code === undefined ? [] : [code]));
  const refused = async (code: string): Promise<boolean> =>
    new RegExp(`rimrock_mesh_refused_total{code="${code}"} [1-9]`).test(await bench.metrics.text());

  /** A server under strict, and a client of it, each plain. */
  async function pair(labels: Readonly<Record<string, string>> = STRICT) {
    const identities = { server: bench.identity('server'), client: bench.identity('client') };
    const server = await bench.open('server', labels);
    const plain = await bench.serve('server', server.wiring.guarded[0]?.own ?? 0);
    bench.catalog.set('marathon/server', [{ taskId: 'server', port: server.published }]);
    const client = await bench.open('client', { 'rimrock.upstreams': 'server' }, 0);
    const [upstream] = client.wiring.upstreams;
    return {
      ...identities,
      published: server.published,
      plain,
      task: server.task,
      local: upstream?.local ?? 0,
      upstream,
    };
  }

  it('joins two tasks that know nothing of it, each side of a connection ending on its own', async () => {
    const { local, plain, upstream } = await pair();
    expect(upstream).toMatchObject({
      service: 'marathon/server',
      port: '0',
      variable: 'RIMROCK_UPSTREAM_SERVER',
    });
    const socket = bench.plain(local);
    socket.write('hello');
    expect(await heard(socket, 12)).toBe('server:hello');
    socket.end(', and goodbye');
    expect(await outcomeOf(socket)).toEqual({ text: ', and goodbye', cut: false });
    expect(plain.heard).toBe('hello, and goodbye');
  });

  it('carries much both ways, whoever is slow', async () => {
    const { local } = await pair();
    const socket = bench.plain(local);
    await heard(socket, 7);
    const size = 8 * 1024 * 1024;
    socket.pause();
    socket.end(Buffer.alloc(size, 'x'));
    let back = 0;
    socket.on('data', (bytes: Buffer) => {
      back += bytes.length;
      if (back % 7 === 0) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
    });
    socket.resume();
    await once(socket, 'end');
    expect(back).toBe(size);
  });

  it('strict: takes nobody without TLS, without an identity, or with one that is not of ours', async () => {
    const { published, client, plain } = await pair();
    const good = bench.secure(published, client);
    expect(await heard(good, 7)).toBe('server:');
    expect((await outcomeOf(bench.plain(published), 'GET / HTTP/1.1\r\n\r\n')).text).toBe('');
    expect((await outcomeOf(bench.secure(published, undefined), 'x')).text).toBe('');
    const stranger = new FakeAuthority(Date.now()).identity('task/client');
    const odd = { ca: bench.authority.root };
    expect((await outcomeOf(bench.secure(published, stranger, odd), 'x')).text).toBe('');
    for (const names of [
      [],
      ['client.test'],
      ['spiffe://other.test/task/client'],
      [client.id, `${client.id}2`],
    ]) {
      const shown = bench.authority.certificate(...names);
      expect((await outcomeOf(bench.secure(published, undefined, shown), 'x')).text).toBe('');
    }
    expect(plain.heard).toBe('');
    expect(plain.sockets.size).toBe(1);
    expect(new Set(codes())).toEqual(new Set(['not-tls', 'bad-handshake', 'not-an-svid']));
    for (const code of ['not-tls', 'bad-handshake', 'not-an-svid']) expect(await refused(code)).toBe(true);
  });

  it('permissive: takes plain connections as well, but no bad identity', async () => {
    const { published, client } = await pair({ 'rimrock.mtls': 'permissive' });
    const plain = bench.plain(published);
    plain.write('hi');
    expect(await heard(plain, 9)).toBe('server:hi');
    expect(await heard(bench.secure(published, client), 7)).toBe('server:');
    expect((await outcomeOf(bench.secure(published, undefined), 'x')).text).toBe('');
    expect(await bench.metrics.text()).toMatch(/connections_total{kind="inbound_plain"} 1/);
  });

  it('the policy says who may call; a new one cuts whom it does not let in', async () => {
    const { local, client, published, plain } = await pair();
    bench.policy.set(policy('allow', client.id));
    await bench.told();
    const socket = bench.plain(local);
    expect(await heard(socket, 7)).toBe('server:');
    const intruder = bench.identity('intruder');
    expect((await outcomeOf(bench.secure(published, intruder), 'x')).text).toBe('');
    expect(plain.heard).toBe('');
    expect(bench.lines.find(({ code }) => code === 'policy-denied')).toMatchObject({
      caller: intruder.id,
      rule: 'default',
      service: 'marathon/server',
    });
    const cut = outcomeOf(socket);
    bench.policy.set(policy('deny', client.id, 'allow', 2));
    expect((await cut).text).toBe('');
    expect(await heard(bench.secure(published, intruder), 7)).toBe('server:');
  });

  it('permissive: who proves nothing is nobody to the policy', async () => {
    const { published, client } = await pair({ 'rimrock.mtls': 'permissive' });
    bench.policy.set(policy('allow', client.id));
    await bench.told();
    expect((await outcomeOf(bench.plain(published), 'x')).text).toBe('');
    bench.policy.set(policy('allow', 'anyone', 'deny', 2));
    await bench.told();
    const plain = bench.plain(published);
    plain.write('x');
    expect(await heard(plain, 8)).toBe('server:x');
  });

  describe('calls to VIPs', () => {
    // a folder that is there on this machine, or the element is left out
    const GROUP = { path: '/sys/fs/cgroup/.', level: 1 };
    const redirected = (): { local: string; port: number } | undefined => {
      const script = bench.scripts.at(-1) ?? '';
      const [, local, port] = /: (127\.119\.[\d.]+) }[^]*" : (\d+) }/.exec(script) ?? [];
      return local === undefined ? undefined : { local, port: Number(port) };
    };

    it('come to an outlet of the caller, which speaks with its identity to who has a guard', async () => {
      const caller = await begin('caller');
      expect(bench.scripts.map((script) => script.slice(0, 5))).toEqual(['check', 'table']);
      const { published, identities } = await guarded();
      await expect.poll(redirected, { timeout: 30_000 }).toBeDefined();
      const { local = '', port = 0 } = redirected() ?? {};
      const socket = connect({ host: local, port });
      expect(await heard(socket, 7)).toBe('server:');
      socket.destroy();
      await expect
        .poll(async () => bench.metrics.text(), { timeout: 30_000 })
        .toContain('rimrock_mesh_connections_open{kind="inbound_tls"} 0');
      // who comes to no stand-in is not meant
      expect(await outcomeOf(bench.plain(port))).toMatchObject({ text: '' });
      // an identity that the policy does not let in
      bench.policy.set(policy('allow', identities.server.id));
      await bench.told();
      expect((await outcomeOf(connect({ host: local, port }), 'x')).text).toBe('');
      // the service is not guarded any more
      bench.catalog.set('marathon/server', [{ taskId: 'plain', port: published }], '/server:80');
      await expect.poll(() => bench.scripts.at(-1)?.includes('127.119'), { timeout: 30_000 }).toBe(false);
      bench.mesh.close(caller);
      await expect
        .poll(async () => (await outcomeOf(connect({ host: local, port }))).cut, { timeout: 30_000 })
        .toBe(true);
    });

    it('of a task that comes later are redirected before it runs', async () => {
      await guarded();
      await expect
        .poll(async () => bench.metrics.text(), { timeout: 30_000 })
        .toContain('rimrock_mesh_vips 1');
      await begin('caller');
      expect(redirected()).toBeDefined();
      expect(await bench.metrics.text()).toContain('rimrock_mesh_vip_callers 1');
    });

    it('of an agent that follows services when a task asks: for all tasks in groups, where that is wanted', async () => {
      for (const vips of ['auto', 'on'] as const) {
        await bench.stop();
        bench = await new MeshBench(engine, { vips }, true).start();
        const left = bench.scripts.length;
        await guarded();
        expect(bench.followed).toBe(0);
        await begin('caller');
        expect(bench.followed).toBe(vips === 'on' ? 1 : 0);
        expect([left, redirected() !== undefined]).toEqual(vips === 'on' ? [1, true] : [0, false]);
      }
    });

    async function guarded() {
      const identities = { server: bench.identity('server') };
      const server = await bench.open('server', STRICT);
      await bench.serve('server', server.wiring.guarded[0]?.own ?? 0);
      const { published } = server;
      bench.catalog.set('marathon/server', [{ taskId: 'server', port: published }], '/server:80', STRICT);
      return { published, identities };
    }

    async function begin(name: string): Promise<MeshTask> {
      bench.identity(name);
      const task = bench.task(name);
      await bench.mesh.enter(task, GROUP);
      return task;
    }
  });

  it('certificates change: what is open lives on, new handshakes use the newest and believe the newest', async () => {
    const { local, published, server, client } = await pair();
    const open = bench.plain(local);
    await heard(open, 7);
    const serialOf = async (): Promise<string> => {
      const socket = bench.secure(published, client);
      await heard(socket, 7);
      return new X509Certificate(socket.getPeerCertificate(true).raw).serialNumber;
    };
    const before = await serialOf();
    server.renew();
    client.renew();
    await bench.told();
    const after = await serialOf();
    expect(after).not.toBe(before);
    expect(after).toBe(new X509Certificate(server.current.svid.certificateChain).serialNumber);
    open.write('still');
    expect(await heard(open, 5)).toBe('still');
    // Its authority has changed: who comes with a certificate of the old one is a stranger now.
    const next = new FakeAuthority(Date.now());
    server.renew([next.root]);
    await bench.told();
    expect((await outcomeOf(bench.secure(published, client), 'x')).text).toBe('');
    open.write('ever');
    expect(await heard(open, 4)).toBe('ever');
  });

  it('services are followed when a task calls some, also for one that ran before', async () => {
    await bench.stop();
    bench = await new MeshBench(engine, {}, true).start();
    const { local, upstream } = await pair();
    expect(await heard(bench.plain(local), 7)).toBe('server:');
    expect(bench.followed).toBe(1);
    // as the next agent process does
    const next = bench.task('client');
    bench.mesh.close(next);
    await bench.mesh.open(next, { mode: 'off', guarded: [], upstreams: upstream ? [upstream] : [] });
    expect(await heard(bench.plain(local), 7)).toBe('server:');
    expect(bench.followed).toBe(1);
  });

  it('calls only who is of the service, and tries others before it gives up', async () => {
    const { local, published } = await pair();
    await expect(bench.open('impostor', STRICT)).rejects.toMatchObject({ code: 'MESH_NO_IDENTITY' });
    bench.identity('impostor');
    const other = await bench.open('impostor', STRICT);
    const wrong = await bench.serve('impostor', other.wiring.guarded[0]?.own ?? 0);
    const [dead = 0] = await freePorts(1);
    bench.catalog.set('marathon/server', [
      { taskId: 'server-1', port: dead },
      { taskId: 'server-2', port: other.published },
      { taskId: 'server-3', port: published },
    ]);
    await bench.told();
    for (let i = 0; i < 6; i++) {
      const socket = bench.plain(local);
      expect(await heard(socket, 7)).toBe('server:');
    }
    expect(codes()).toEqual(expect.arrayContaining(['endpoint-failed', 'endpoint-not-trusted']));
    bench.catalog.set('marathon/server', [{ taskId: 'server-2', port: other.published }]);
    await bench.told();
    expect((await outcomeOf(bench.plain(local), 'secret')).text).toBe('');
    bench.catalog.set('marathon/server', [{ taskId: 'server-3', port: published, up: false }]);
    await bench.told();
    expect((await outcomeOf(bench.plain(local), 'secret')).text).toBe('');
    expect(await refused('no-endpoint')).toBe(true);
    expect(wrong.heard).toBe('');
    bench.catalog.set('marathon/server', [{ taskId: 'server-3', port: published }]);
    await bench.told();
    expect(await heard(bench.plain(local), 7)).toBe('server:');
  });

  it('a task that does not listen yet is refused, and its port is free after its end', async () => {
    bench.identity('late');
    const client = bench.identity('client');
    const { task, wiring, published } = await bench.open('late', STRICT);
    expect((await outcomeOf(bench.secure(published, client))).text).toBe('');
    expect(await refused('task-unreachable')).toBe(true);
    await bench.serve('late', wiring.guarded[0]?.own ?? 0);
    const open = bench.secure(published, client);
    expect(await heard(open, 5)).toBe('late:');
    const end = outcomeOf(open);
    bench.mesh.close(task);
    expect((await end).text).toBe('');
    expect((await outcomeOf(bench.secure(published, client))).cut).toBe(true);
    await bench.mesh.open(task, wiring);
    expect(await heard(bench.secure(published, client), 5)).toBe('late:');
  });

  it('says what keeps a task from being guarded', async () => {
    bench.identity('server');
    const { task, wiring } = await bench.open('server', STRICT);
    const again = { ...task, taskId: 'twin' };
    bench.identity('twin');
    await expect(bench.mesh.open(again, wiring)).rejects.toMatchObject({ code: 'MESH_LISTEN' });
    const wanting = (labels: Record<string, string>, protocol = 'tcp') =>
      bench.mesh.plan({ ...task, labels: new Map(Object.entries(labels)), ports: [{ number: 1, protocol }] });
    await expect(wanting({ 'rimrock.mtls': 'strikt' })).rejects.toThrow(/did you mean strict/);
    await expect(wanting(STRICT, 'tcp,udp')).rejects.toMatchObject({ code: 'MESH_UDP' });
    expect(await wanting(STRICT, 'udp')).toBeUndefined();
    expect(await wanting({})).toBeUndefined();
  });

  it('no more connections than may be', async () => {
    await bench.stop();
    bench = await new MeshBench(engine, { maxConnections: 1 }).start();
    bench.identity('server');
    const client = bench.identity('client');
    const { published, wiring } = await bench.open('server', STRICT);
    await bench.serve('server', wiring.guarded[0]?.own ?? 0);
    const first = bench.secure(published, client);
    await heard(first, 7);
    expect((await outcomeOf(bench.secure(published, client))).cut).toBe(true);
    expect(await refused('too-many-connections')).toBe(true);
    first.destroy();
    await expect.poll(() => bench.metrics.text()).toMatch(/open{kind="inbound_tls"} 0/);
    expect(await heard(bench.secure(published, client), 7)).toBe('server:');
  });
});
