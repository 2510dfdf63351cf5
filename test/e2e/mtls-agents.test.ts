import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { SECRET, ask, plainAnswer, policyFor, sample } from '../support/mtls.ts';
import { NetworkNamespace } from '../support/network-namespace.ts';
import type { Running } from '../support/platform.ts';
import { TlsCluster } from '../support/tls-cluster.ts';

// Callers on one agent and a guarded service on another one, each a process of its own that has joined by a token: the agent of the
// callers gets to know the service by its masters, for them alone.

const SLOWLY = { timeoutMs: 90_000 };
/** Addresses of VIPs lead somewhere: to the rules of the kernel. */
const VIPS = '11.0.0.0/8';

/** Everything asks who one is; parts log in with principals of their own. */
const secretOf = (principal: string): string => `secret of ${principal}`;
const PRINCIPALS = ['operator', 'agent', 'marathon', 'edge'];
const CREDENTIALS = JSON.stringify({
  credentials: PRINCIPALS.map((principal) => ({ principal, secret: secretOf(principal) })),
});
const LOGIN = `Basic ${Buffer.from(`operator:${secretOf('operator')}`).toString('base64')}`;

/** What this machine lacks; undefined: nothing. */
function lacks(): string | undefined {
  if (!NetworkNamespace.possible) return 'root on Linux';
  if (spawnSync('nft', ['--version']).status !== 0) return 'nft';
  return / - cgroup2 /.test(readFileSync('/proc/self/mountinfo', 'utf8')) ? undefined : 'cgroup v2';
}

interface App {
  readonly tasks: readonly { readonly state: string; readonly ports: readonly number[] }[];
}

const lacking = lacks();
const title = 'mutual TLS between tasks of agents in processes of their own';

describe.skipIf(lacking !== undefined)(
  `${title}${lacking === undefined ? '' : ` (needs ${lacking})`}`,
  () => {
    const network = new NetworkNamespace();
    let cluster: TlsCluster;
    let agents: { readonly callers: Running; readonly servers: Running };
    let ports: { readonly callers: number; readonly servers: number };
    const at: Record<string, number> = {};

    /** An agent of that name, with settings of its own; its token is spent by its first start. */
    const startAgent = async (
      name: 'callers' | 'servers',
      first: number,
      token?: string,
    ): Promise<Running> => {
      const { tasks } = cluster.site.ports;
      return cluster.start('agent', ['agent'], {
        data: join(cluster.site.data, name),
        'auth.join.folder': join(cluster.site.data, `${name}-identity`),
        ...(token === undefined ? {} : { 'auth.join.token': token }),
        'agent.principal': 'agent',
        'agent.secret': secretOf('agent'),
        'agent.port': String(ports[name]),
        'agent.hostname': name,
        'agent.onStop': 'leave',
        'agent.resources': `cpus:8;mem:8192;disk:8192;ports:[${tasks + first}-${tasks + first + 99}]`,
        'mesh.firstPort': String(tasks + first + 100),
        'mesh.lastPort': String(tasks + first + 199),
        'mesh.vips': name === 'callers' ? 'on' : 'auto',
      });
    };
    const startAgents = {
      callers: (token?: string) => startAgent('callers', 0, token),
      servers: (token?: string) => startAgent('servers', 250, token),
    };

    const marathon = async (method: string, path: string, body?: unknown): Promise<string> => {
      const { status, text } = await cluster.ask(cluster.site.ports.marathon, `/v2${path}`, {
        method,
        body,
        login: LOGIN,
      });
      expect(status, text).toBeLessThan(300);
      return text;
    };
    const running = async (name: string): Promise<readonly number[]> => {
      const { tasks } = JSON.parse(await marathon('GET', `/apps/${name}/tasks`)) as App;
      return tasks.filter(({ state }) => state === 'TASK_RUNNING').flatMap((one) => one.ports);
    };
    const run = async (name: string, agent: string, instances = 1): Promise<void> => {
      const constraints = [['hostname', 'CLUSTER', agent]];
      const env = { DNS: `127.0.0.1:${cluster.site.ports.dns}` };
      await marathon('POST', '/apps', { ...sample(name), instances, constraints, env });
      await eventually(`${name} to run`, async () => (await running(name)).length === instances, SLOWLY);
      [at[name] = 0] = await running(name);
    };
    const answers = (name: string): Promise<boolean> =>
      eventually(
        `${name} to reach the server`,
        async () => {
          const { status, text } = await ask(at[name] ?? 0);
          return (status === 200 && text.includes(SECRET)) || `${status} ${text}`;
        },
        { ...SLOWLY, accept: (seen) => seen === true },
      ) as Promise<boolean>;
    const metric = async (agent: 'callers' | 'servers', name: string): Promise<number> => {
      const { text } = await cluster.ask(ports[agent], '/metrics', { login: LOGIN });
      return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
    };

    beforeAll(async () => {
      network.make();
      execFileSync('ip', ['route', 'add', VIPS, 'dev', 'own0']);
      cluster = await TlsCluster.start((site) => {
        const [policy, credentials] = [join(site.data, 'policy.yaml'), join(site.data, 'credentials.json')];
        writeFileSync(policy, policyFor('client', 'vip-client'));
        writeFileSync(credentials, CREDENTIALS, { mode: 0o600 });
        return {
          'auth.required': 'true',
          'auth.login.credentials': credentials,
          'auth.policy.file': policy,
          'auth.workload.authority': `https://127.0.0.1:${site.ports.auth}`,
          'dns.dcos.enabled': 'true',
          'dns.dcos.http.enabled': 'false',
        };
      }, []);
      await cluster.join('marathon', {
        'marathon.principal': 'marathon',
        'marathon.secret': secretOf('marathon'),
      });
      await cluster.join('edge', { 'cluster.principal': 'edge', 'cluster.secret': secretOf('edge') });
      const [callers = 0, servers = 0] = await freePorts(2);
      ports = { callers, servers };
      agents = {
        callers: await startAgents.callers(await cluster.token('agent', 'callers')),
        servers: await startAgents.servers(await cluster.token('agent', 'servers')),
      };
      await run('server', 'servers');
    }, 240_000);

    afterAll(async () => {
      await cluster?.close();
      network.remove();
    });

    it('services are followed for callers alone', async () => {
      expect(await metric('callers', 'rimrock_mesh_services_known')).toBe(0);
      for (const name of ['client', 'intruder', 'vip-client']) await run(name, 'callers');
      expect(await metric('callers', 'rimrock_mesh_services_known')).toBe(1);
      expect(await metric('servers', 'rimrock_mesh_services_known')).toBe(0);
    });

    it('the service is reached through the listener and at its VIP; who is not allowed gets nothing', async () => {
      await answers('client');
      await answers('vip-client');
      const refused = await ask(at['intruder'] ?? 0);
      expect([refused.status, refused.text]).toEqual([502, expect.not.stringContaining(SECRET)]);
      expect(await plainAnswer(at['server'] ?? 0)).not.toContain(SECRET);
      expect(await metric('servers', 'rimrock_mesh_refused_total{code="policy-denied"}')).toBeGreaterThan(0);
      expect(await metric('callers', 'rimrock_mesh_vips')).toBe(1);
    });

    it('agents that were killed stand for their tasks again', async () => {
      await agents.callers.kill9();
      expect((await ask(at['client'] ?? 0)).status).toBe(502);
      agents = { ...agents, callers: await startAgents.callers() };
      for (const name of ['client', 'vip-client']) await answers(name);
      expect((await ask(at['intruder'] ?? 0)).status).toBe(502);
      await agents.servers.kill9();
      expect((await ask(at['client'] ?? 0)).status).toBe(502);
      agents = { ...agents, servers: await startAgents.servers() };
      for (const name of ['client', 'vip-client']) await answers(name);
    });

    it('a master that was killed is not missed; when it is back, what is new is known', async () => {
      await cluster.running.get('master')?.kill9();
      for (let i = 0; i < 20; i++)
        for (const name of ['client', 'vip-client'])
          expect(await ask(at[name] ?? 0)).toMatchObject({
            status: 200,
            text: expect.stringContaining(SECRET),
          });
      expect((await ask(at['intruder'] ?? 0)).status).toBe(502);
      await cluster.startMaster();
      await eventually(
        'a second instance to be asked for',
        async () => {
          const answer = await cluster.ask(cluster.site.ports.marathon, '/v2/apps/server', {
            method: 'PUT',
            login: LOGIN,
            body: { instances: 2 },
          });
          return answer.status < 300;
        },
        SLOWLY,
      );
      for (const name of ['client', 'vip-client']) {
        const seen = new Set<string>();
        await eventually(
          `${name} to be answered by both`,
          async () => {
            const { status, text } = await ask(at[name] ?? 0);
            expect(status).toBe(200);
            return seen.add(text).size === 2;
          },
          SLOWLY,
        );
      }
    });
  },
);
