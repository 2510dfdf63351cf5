import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
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
import { NetworkNamespace } from '../support/network-namespace.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';

// Apps that know of nothing but a name and a port call a guarded service at its VIP, and it goes by mutual TLS.

const STAND_INS = /127\.119\.\d+\.\d+/;

/** What this machine lacks; undefined: nothing. */
function lacks(): string | undefined {
  if (!NetworkNamespace.possible) return 'root on Linux';
  if (spawnSync('nft', ['--version']).status !== 0) return 'nft';
  return / - cgroup2 /.test(readFileSync('/proc/self/mountinfo', 'utf8')) ? undefined : 'cgroup v2';
}

const lacking = lacks();
const title = 'calls to the VIP of a guarded service';

describe.skipIf(lacking !== undefined)(
  `${title}${lacking === undefined ? '' : ` (needs ${lacking})`}`,
  () => {
    const network = new NetworkNamespace();
    let site: Site;
    let marathon: Marathon;
    let platform: Running;
    let set: readonly string[];
    let servers: readonly number[];
    let [client, intruder] = [0, 0];

    const portsOf = async (name: string): Promise<number[]> =>
      (await marathon.runningTasks(name)).flatMap(({ ports }) => ports);
    const rules = (): string => spawnSync('nft', ['list', 'ruleset']).stdout.toString();
    /** Where VIPs are, by the API of the load balancer. */
    const vip = async (name: string): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${site.ports.admin}/vips`);
      const { vips } = (await answer.json()) as { vips: { vip: string; address: string }[] };
      return vips.find((one) => one.vip.startsWith(`${name}.`))?.address.split(':')[0] ?? '';
    };

    beforeAll(async () => {
      network.make();
      site = await Site.make();
      const policy = join(site.data, 'policy.yaml');
      writeFileSync(policy, policyFor('vip-client'));
      const settings = {
        ...site.settings(),
        'auth.policy.file': policy,
        'auth.ca.leafSeconds': String(LEAF_SECONDS),
        'dns.dcos.enabled': 'true',
        'lb.vips.mode': 'kernel',
      };
      set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
      platform = await site.start('up', { arguments: set });
      marathon = new Marathon(site.ports.marathon);
      const env = { DNS: `127.0.0.1:${site.ports.dns}` };
      await marathon.deploy('POST', '/apps', sample('server'));
      for (const id of ['vip-client', 'intruder'])
        await marathon.deploy('POST', '/apps', { ...sample('vip-client'), id: `/${id}`, env });
      await marathon.settled(90_000);
      servers = await portsOf('server');
      [[client = 0], [intruder = 0]] = [await portsOf('vip-client'), await portsOf('intruder')];
      await eventually('the client to reach the server', async () => (await ask(client)).status === 200);
    });

    afterAll(async () => {
      await site?.close();
      network.remove();
    });

    it('the client reaches both instances by the name of the VIP; who is not allowed, or no task, gets nothing', async () => {
      expect(servers).toHaveLength(2);
      await reachesBoth(client);
      const refused = await ask(intruder);
      expect([refused.status, refused.text]).toEqual([502, expect.not.stringContaining(SECRET)]);
      // we are no task: the VIP brings us before a guard, in plain
      const address = await vip('server');
      expect(address).toMatch(/^\d/);
      expect(await plainAnswer(8080, address)).toBe('');
      const metrics = await (await fetch(`http://127.0.0.1:${site.ports.agent}/metrics`)).text();
      for (const code of ['policy-denied', 'not-tls'])
        expect(metrics).toMatch(new RegExp(`rimrock_mesh_refused_total{code="${code}"} [1-9]`));
      expect(metrics).toMatch(/rimrock_mesh_vips 1\n/);
    });

    it('nobody comes to the outlet of another one', async () => {
      const [local = ''] = STAND_INS.exec(rules()) ?? [];
      const ports = [...rules().matchAll(/"[^"]*rimrock[^"]*" : (\d+)/g)].map(([, port]) => Number(port));
      expect(ports.length).toBeGreaterThanOrEqual(4);
      for (const port of ports) {
        expect(await plainAnswer(port, local)).toBe('');
        expect(await plainAnswer(port, '10.79.0.1')).toBe('');
      }
    });

    it('a service that is not guarded is reached at its VIP as ever', async () => {
      const env = { DNS: `127.0.0.1:${site.ports.dns}` };
      const { cmd } = sample('vip-client') as { readonly cmd: string };
      const open = JSON.parse(
        JSON.stringify(sample('server')).replaceAll('/server:8080', '/open:8080'),
      ) as object;
      await marathon.deploy('POST', '/apps', { ...open, id: '/open', labels: {} });
      const other = {
        ...sample('vip-client'),
        id: '/other',
        env,
        cmd: cmd.replace('server.marathon', 'open.marathon'),
      };
      await marathon.deploy('POST', '/apps', other);
      await marathon.settled(90_000);
      const [port = 0] = await portsOf('other');
      await eventually('it to be reached', async () => (await ask(port)).status === 200);
      expect((await ask(port)).text).toContain(SECRET);
      for (const name of ['open', 'other']) await marathon.deploy('DELETE', `/apps/${name}?force=true`);
      await marathon.settled(90_000);
    });

    it('what others did to the rules, and a platform that was killed, do no harm for long', async () => {
      const table = /table inet (rimrock_mesh_\w+)/.exec(rules())?.[1] ?? '';
      await platform.kill9();
      expect(rules()).toContain(table);
      platform = await site.start('up', { arguments: set });
      await eventually('the client to reach the server', async () => (await ask(client)).status === 200);
      expect((await ask(intruder)).status).toBe(502);
      execFileSync('nft', ['delete', 'table', 'inet', table]);
      await eventually('the rules to be there again', () => rules().includes(table), { timeoutMs: 90_000 });
      expect((await ask(client)).status).toBe(200);
    });

    it(
      'certificates and rules change under traffic, and no request fails; on the wire there is no plain byte',
      { timeout: LOAD_MS + 120_000 },
      async () => {
        const before = rules();
        const env = { DNS: `127.0.0.1:${site.ports.dns}` };
        const another = { ...sample('vip-client'), id: '/another', env };
        await Promise.all([marathon.deploy('POST', '/apps', another), changesUnderTraffic(client, servers)]);
        await eventually('the rules to have changed', () => rules() !== before);
      },
    );

    it('at the end nothing is left in the kernel', async () => {
      await platform.interrupt();
      expect(rules()).not.toContain('rimrock_mesh');
    });
  },
);
