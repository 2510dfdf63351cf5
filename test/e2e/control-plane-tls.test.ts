import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { FakeAuthority } from '../../src/lb/testing/fake-authority.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { httpApp } from '../support/marathon.ts';
import { TlsCluster } from '../support/tls-cluster.ts';

/** On a machine that is full. */
const SLOWLY = { timeoutMs: 60_000 };
/** Certificates live so short that each process gets a new one every few seconds. */
const SHORT = { 'auth.ca.leafSeconds': '8', 'auth.ca.intermediateSeconds': '40' };
/** So often each identity is renewed under traffic. */
const ROTATIONS = 4;

describe('master, agent, Marathon and edge in processes of their own, with TLS required', () => {
  let cluster: TlsCluster;
  let file = '';

  beforeAll(async () => {
    cluster = await TlsCluster.start(SHORT);
    file = join(cluster.site.data, 'agent-identity', 'identity.key');
  }, 180_000);
  afterAll(() => cluster?.close());

  it('run a task, which DNS and load balancer serve', async () => {
    const { marathon, dns, http } = cluster.site.ports;
    const body = httpApp('web', { instances: 2 });
    const created = await cluster.ask(marathon, '/v2/apps', { method: 'POST', body });
    expect(created.status, created.text).toBe(201);
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${dns}`]);
    await eventually(
      'DNS to know both',
      async () => (await resolver.resolveSrv('_web._tcp.marathon.mesos')).length === 2,
      SLOWLY,
    );
    await eventually(
      'the load balancer to serve it',
      async () => (await statusOf(http, 'web.example.test')) === 200,
      SLOWLY,
    );
  });

  it('renew their certificates under traffic, and nothing fails or subscribes again', async () => {
    const { http, master, marathon, admin, dnsHttp, agent, auth } = cluster.site.ports;
    const load = startLoad({ port: http, host: 'web.example.test', perSecond: 50 });
    const seen = new Set<string>();
    const asked: string[] = [];
    const failures: string[] = [];
    const paths = [
      [master, '/state'],
      [marathon, '/v2/apps'],
      [agent, '/state'],
      [admin, '/health'],
      [dnsHttp, '/v1/version'],
      [auth, '/ca/v1/state'],
    ] as const;
    await eventually(
      'certificates to be renewed several times',
      async () => {
        const text = readFileSync(file, 'utf8');
        seen.add((JSON.parse(text.slice(text.indexOf('{'))) as Kept).svid.certificateChain);
        for (const [port, path] of paths) {
          asked.push(path);
          const answer = await cluster.ask(port, path).catch((error: unknown) => ({ status: String(error) }));
          if (answer.status !== 200) failures.push(`${path}: ${answer.status}`);
        }
        return seen.size > ROTATIONS;
      },
      { timeoutMs: 120_000 },
    );
    const report = await load.stop();
    expect(failures).toEqual([]);
    expect(asked.length).toBeGreaterThan(ROTATIONS * paths.length);
    expect([...report.failures]).toEqual([]);
    expect(report.answered).toBeGreaterThan(100);
    const log = cluster.running.get('master')?.output() ?? '';
    expect(log.match(/agent subscribed/g)).toHaveLength(1);
    expect(
      cluster.running
        .get('marathon')
        ?.output()
        .match(/"subscribed to the master"/g),
    ).toHaveLength(1);
    expect(cluster.running.get('edge')?.output()).not.toMatch(/cannot be followed/);
  });

  it('keep their identities for their owner alone, and come back with them', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await cluster.running.get('marathon')?.interrupt();
    const again = await cluster.start('marathon', ['data', 'marathon']); // no token
    expect(again.output()).toMatch(/spiffe:\/\/rimrock\.local\/framework\/the-marathon/);
    const { text } = await cluster.ask(cluster.site.ports.marathon, '/v2/apps/web');
    expect(JSON.parse(text)).toMatchObject({ app: { tasksRunning: 2 } });
  });

  it('do not let in a process with the certificate of a stranger, by whatever name', async () => {
    const { svid, ...kept } = JSON.parse(readFileSync(file, 'utf8').slice('identity 1\n'.length)) as Kept;
    const folder = join(cluster.site.data, 'stranger-identity');
    await mkdir(folder, { mode: 0o700 });
    const stranger = new FakeAuthority(systemClock).issue([svid.id]);
    const forged = { ...kept, svid: { ...svid, ...stranger, notAfterMs: Date.now() + 3_600_000 } };
    writeFileSync(join(folder, 'identity.key'), `identity 1\n${JSON.stringify(forged)}`, { mode: 0o600 });
    const settings = { 'auth.join.folder': folder, 'agent.workDir': join(folder, 'work'), 'agent.port': '0' };
    const process = await cluster.start('agent', ['data', 'agent'], settings, 'spawned');
    await eventually(
      'it to be turned away',
      () => /not subscribed to a master/.test(process.output()),
      SLOWLY,
    );
    await eventually(
      'the master to say why',
      () =>
        /"part":"auth","address":"127\.0\.0\.1","why":"[^"]*certificate/.test(
          cluster.running.get('master')?.output() ?? '',
        ),
      SLOWLY,
    );
    const { slaves } = JSON.parse((await cluster.ask(cluster.site.ports.master, '/state')).text) as {
      slaves: { active: boolean }[];
    };
    expect(slaves.map(({ active }) => active)).toEqual([true]);
    await process.interrupt();
  });
});

/** `fetch` sends no Host of one's own. */
async function statusOf(port: number, host: string): Promise<number | undefined> {
  const sent = get({ host: '127.0.0.1', port, headers: { host }, agent: false });
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

interface Kept {
  readonly svid: { readonly id: string; readonly certificateChain: string };
}
