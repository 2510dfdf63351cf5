import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { Marathon } from '../support/marathon.ts';
import {
  LEAF_SECONDS,
  LOAD_MS,
  SECRET,
  ask,
  changesUnderTraffic,
  plainAnswer,
  policyFor,
  reachesBoth,
  sample,
} from '../support/mtls.ts';
import type { Answer } from '../support/mtls.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';

// Two apps that know nothing of TLS call each other by mutual TLS; a third one is kept out by the policy.

describe('mutual TLS between apps that know nothing of it', () => {
  let site: Site;
  let marathon: Marathon;
  let servers: readonly number[];
  let client: number;
  let intruder: number;
  let platform: Running;
  let set: readonly string[];
  /** TCP ports of the load balancer, by the app behind them. */
  let bytes: Readonly<Record<string, number>>;

  beforeAll(async () => {
    site = await Site.make();
    const [front = 0, impostor = 0] = await freePorts(2);
    bytes = { front, impostor };
    const policy = join(site.data, 'policy.yaml');
    writeFileSync(policy, policyFor('client'));
    const settings = {
      ...site.settings(),
      'auth.policy.file': policy,
      'auth.ca.leafSeconds': String(LEAF_SECONDS),
      'lb.servicePorts.enabled': 'true',
      'lb.servicePorts.min': '1024',
      'lb.servicePorts.max': '65535',
      // the rules of the machine are left alone
      'mesh.vips': 'off',
      'mesh.firstPort': String(site.ports.tasks + 250),
      'mesh.lastPort': String(site.ports.tasks + 499),
      'agent.resources': `cpus:64;mem:65536;disk:65536;ports:[${site.ports.tasks}-${site.ports.tasks + 249}]`,
    };
    set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    platform = await site.start('up', { arguments: set });
    marathon = new Marathon(site.ports.marathon);
    for (const name of ['server', 'client', 'intruder']) await marathon.deploy('POST', '/apps', sample(name));
    await marathon.settled(90_000);
    const portOf = async (name: string): Promise<number[]> =>
      (await marathon.runningTasks(name)).flatMap(({ ports }) => ports);
    servers = await portOf('server');
    [[client = 0], [intruder = 0]] = [await portOf('client'), await portOf('intruder')];
    await eventually('the client to reach the server', async () => (await ask(client)).status === 200);
  });
  afterAll(() => site.close());

  it('the client reaches both instances; who speaks no TLS, or is not allowed, gets nothing', async () => {
    expect(servers).toHaveLength(2);
    await reachesBoth(client);
    for (const port of servers) expect(await plainAnswer(port)).not.toContain(SECRET);
    const refused = await ask(intruder);
    expect([refused.status, refused.text]).toEqual([502, expect.not.stringContaining(SECRET)]);
    const metrics = await (await fetch(`http://127.0.0.1:${site.ports.agent}/metrics`)).text();
    for (const code of ['policy-denied', 'not-tls'])
      expect(metrics).toMatch(new RegExp(`rimrock_mesh_refused_total{code="${code}"} [1-9]`));
  });

  it('the load balancer reaches an instance that it knows by its identity, and no other one', async () => {
    const behind = (name: string, id: string): object => ({
      ...sample('server'),
      id: `/${name}`,
      labels: {
        'rimrock.mtls': 'strict',
        'rimrock.http.front.host': `${name}.test`,
        'rimrock.http.front.upstream.tls': 'mutual',
        'rimrock.http.front.upstream.tls.spiffeId': `spiffe://rimrock.local/framework/marathon/task/${id}`,
        'rimrock.tcp.bytes.listeners': `port:${bytes[name] ?? 0}`,
        'rimrock.tcp.bytes.upstream.tls': 'mutual',
        'rimrock.tcp.bytes.upstream.tls.spiffeId': `spiffe://rimrock.local/framework/marathon/task/${id}`,
      },
    });
    await marathon.deploy('POST', '/apps', behind('front', 'front'));
    await marathon.deploy('POST', '/apps', behind('impostor', 'front'));
    await marathon.settled(90_000);
    const at = (name: string): Promise<Answer> => ask(site.ports.http, { host: `${name}.test` });
    await eventually('the edge to reach it', async () => (await at('front')).status === 200);
    expect((await at('front')).text).toContain(SECRET);
    await eventually('the impostor to be known', async () => (await at('impostor')).status !== 404);
    expect((await at('impostor')).status).toBeGreaterThanOrEqual(502);
    // the same behind TCP ports
    await eventually('the port to be open', async () => (await ask(bytes['front'] ?? 0)).status === 200);
    expect((await ask(bytes['front'] ?? 0)).text).toContain(SECRET);
    expect((await ask(bytes['impostor'] ?? 0)).text).not.toContain(SECRET);
    for (const name of ['front', 'impostor']) await marathon.deploy('DELETE', `/apps/${name}?force=true`);
  });

  it('a label that says nothing keeps a task from running, and is told', async () => {
    const wrong = { ...sample('server'), id: '/wrong', labels: { 'rimrock.mtls': 'strikt' } };
    await marathon.deploy('POST', '/apps', wrong);
    await eventually('the reason to be told', async () => {
      const app = (await marathon.app('wrong')) as { lastTaskFailure?: { message?: string } };
      return /did you mean strict/.test(app.lastTaskFailure?.message ?? '');
    });
    await marathon.deploy('DELETE', '/apps/wrong?force=true');
  });

  it('a platform that was killed stands before its tasks again, at the same ports', async () => {
    const seen = async (): Promise<readonly string[]> =>
      (await marathon.runningTasks('server')).map(({ id, ports }) => `${id} at ${ports.join()}`).sort();
    const before = await seen();
    await platform.kill9();
    expect((await ask(client)).status).toBe(502);
    platform = await site.start('up', { arguments: set });
    await eventually('the client to reach the server', async () => (await ask(client)).status === 200);
    expect(await seen()).toEqual(before);
    expect((await ask(intruder)).status).toBe(502);
  });

  it(
    'certificates change under traffic, and no request fails; on the wire there is no plain byte',
    { timeout: LOAD_MS + 120_000 },
    async () => {
      await changesUnderTraffic(client, servers);
    },
  );
});
