import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { curl, dig, digShort, has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { ReplayMaster } from '../support/replay-master.ts';

// `rimrock edge` on a node of DC/OS, with the sample for it: asked as its programs ask dcos-net.

const TAIL = 'thisdcos.directory';

/** `key: value` pairs as Mesos writes labels. */
function labels(of: Readonly<Record<string, string>>): object {
  return { labels: Object.entries(of).map(([key, value]) => ({ key, value })) };
}

interface Run {
  readonly framework?: string;
  readonly ip: string;
  readonly state?: string;
  readonly healthy?: boolean;
  readonly checked?: boolean;
  readonly vips?: Readonly<Record<string, string>>;
}

/** A task on the agent 10.0.0.1, with one port of its container. */
function task(name: string, run: Run): object {
  const { framework = 'marathon', ip, healthy, checked, vips = {}, state = 'TASK_RUNNING' } = run;
  const port = { number: 8080, protocol: 'tcp', labels: labels({ ...vips, 'network-scope': 'container' }) };
  return {
    name: name.split('#')[0],
    task_id: { value: `${name}.1` },
    framework_id: { value: framework },
    agent_id: { value: 'S1' },
    state,
    ...(checked && { health_check: { type: 'COMMAND' } }),
    discovery: { visibility: 'CLUSTER', name: name.split('#')[0], ports: { ports: [port] } },
    statuses: [
      {
        state: 'TASK_RUNNING',
        timestamp: 1,
        ...(healthy !== undefined && { healthy }),
        container_status: { network_infos: [{ ip_addresses: [{ ip_address: ip }] }] },
      },
    ],
  };
}

function stateOf(tasks: readonly object[], frameworks: readonly string[]): unknown {
  const agent_info = { hostname: 'node-1', port: 5051, id: { value: 'S1' } };
  return {
    get_tasks: { tasks },
    get_executors: { executors: [] },
    get_agents: { agents: [{ agent_info, active: true, pid: 'slave(1)@10.0.0.1:5051' }] },
    get_frameworks: {
      frameworks: frameworks.map((name) => ({
        framework_info: { user: 'root', name, id: { value: name }, hostname: '10.0.0.9' },
        active: true,
      })),
    },
  };
}

describe.skipIf(!has('dig') || !has('curl'))('the edge on a node of DC/OS (needs dig and curl)', () => {
  let site: Site;
  let master: ReplayMaster;
  let restPort: number;

  beforeEach(async () => {
    site = await Site.make();
    [restPort = 0] = await freePorts(1);
    master = await new ReplayMaster().listen();
  });
  afterEach(async () => {
    await master.close();
    await site.close();
  });

  const start = (until: 'ready' | 'spawned' = 'ready', more: readonly string[] = []): Promise<Running> => {
    const settings = [
      `cluster.masters=${master.address}`,
      `cluster.keepFile=${join(site.data, 'state')}`,
      'dns.host=127.0.0.1',
      `dns.port=${site.ports.dns}`,
      `dns.httpPort=${site.ports.dnsHttp}`,
      'dns.externalOn=false',
      'dns.dcos.clusterId=kdx31yqrx1',
      // The kernel of this machine is not for tests.
      'lb.vips.mode=off',
      `dns.dcos.http.port=${restPort}`,
      `lb.http.port=${site.ports.http}`,
      `lb.admin.port=${site.ports.admin}`,
      ...more,
    ];
    const set = settings.flatMap((text) => ['--set', text]);
    return site.start('edge', { arguments: ['--config', 'config/edge-dcos.yaml', ...set], until });
  };
  const short = (name: string, type = 'A'): Promise<string[]> => digShort(site.ports.dns, name, type);
  const status = async (name: string): Promise<string> => (await dig(site.ports.dns, name)).status;
  const rest = (path: string, ...options: string[]) =>
    curl(...options, `http://127.0.0.1:${restPort}${path}`);

  it('tells the names of what a real Apache Mesos runs', async () => {
    master.situation('master-running');
    const edge = await start('ready', ['lb.vips.mode=proxy']);
    expect(edge.output()).toMatch(new RegExp(`REST API of DC/OS +http://127.0.0.1:${restPort}\\n`));
    expect(await short(`px.marathon.agentip.dcos.${TAIL}`)).toEqual(['127.0.0.1']);
    expect(await short(`px.marathon.containerip.dcos.${TAIL}`)).toEqual(['10.9.8.7']);
    expect(await short(`px.marathon.autoip.dcos.${TAIL}`)).toEqual(['10.9.8.7']);
    expect(await short(`web.marathon.autoip.dcos.${TAIL}`)).toEqual(['127.0.0.1']);
    for (const name of ['master', 'leader'])
      expect(await short(`${name}.dcos.${TAIL}`)).toEqual(['127.0.0.1']);
    expect(await short('zk-5.zk')).toEqual(['127.0.0.1']);

    const srv = await dig(site.ports.dns, `_http._web._tcp.marathon.mesos.${TAIL}`, 'SRV');
    expect(srv.answers.map((a) => [a.ttl, a.data.split(' ').slice(0, 3).join(' ')])).toEqual([
      [5, '1 1 31000'],
      [5, '1 1 31000'],
    ]);
    for (const { data } of srv.answers) expect(data).toMatch(/\.marathon\.mesos\.thisdcos\.directory\.$/);
    expect(await short(`leader.mesos.${TAIL}`)).toEqual(await short('leader.mesos'));

    const [web] = await short(`web.marathon.l4lb.${TAIL}`);
    expect(web).toMatch(/^11\./);
    expect(JSON.parse((await rest('/v1/vips')).body)).toEqual([
      {
        vip: `web.marathon.l4lb.${TAIL}:80`,
        protocol: 'tcp',
        backend: [{ ip: '127.0.0.1', port: 31000 }],
      },
    ]);

    // What carries the traffic knows the same address.
    const carried = await curl(`http://127.0.0.1:${site.ports.admin}/vips`);
    expect(JSON.parse(carried.body)).toMatchObject({
      mode: 'proxy',
      vips: [
        {
          vip: `web.marathon.l4lb.${TAIL}:80`,
          address: `${web}:80`,
          listens: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
          backends: [{ address: '127.0.0.1:31000', weight: 1, why: 'up' }],
        },
      ],
    });

    const cname = await dig(site.ports.dns, `registry.component.${TAIL}`);
    expect(cname.answers.map((a) => [a.name, a.type, a.data])).toEqual([
      [`registry.component.${TAIL}.`, 'CNAME', `master.dcos.${TAIL}.`],
      [`master.dcos.${TAIL}.`, 'A', '127.0.0.1'],
    ]);
    expect(await edge.interrupt()).toBe(0);
  });

  it('gives VIPs the addresses that every node of DC/OS gives them, under all their names', async () => {
    const vips = (ip: string, vip: string, framework = 'marathon'): object =>
      task(`t-${ip.replaceAll('.', '-')}`, { ip, framework, vips: { VIP_0: vip } });
    master.getState = stateOf(
      [
        vips('9.0.0.1', '/acme:80'),
        vips('9.0.0.2', 'l4lbtest:5000'),
        vips('9.0.0.3', '/app-0:80'),
        vips('9.0.0.4', '/foo:80', 'bar'),
        vips('9.0.0.5', '1.2.3.4:80'),
        vips('9.0.0.6', '/no-port'),
      ],
      ['marathon', 'bar'],
    );
    await start();
    expect(await short(`acme.marathon.l4lb.${TAIL}`)).toEqual(['11.9.179.74']);
    expect(await short(`l4lbtest.marathon.l4lb.${TAIL}`)).toEqual(['11.128.73.162']);
    expect(await short(`app-0.marathon.l4lb.${TAIL}`)).toEqual(['11.149.218.241']);
    for (const zone of [
      `l4lb.${TAIL}`,
      `dclb.${TAIL}`,
      'dclb.thisdcos.global',
      'l4lb.thisdcos.global',
      'l4lb.kdx31yqrx1.dcos.directory',
    ]) {
      const reply = await dig(site.ports.dns, `Foo.bar.${zone}`);
      expect([reply.status, reply.answers]).toEqual([
        'NOERROR',
        [{ name: `Foo.bar.${zone}.`, ttl: 5, type: 'A', data: '11.138.58.156' }],
      ]);
      const overTcp = await dig(site.ports.dns, `none.bar.${zone}`, 'A', '+tcp');
      expect([overTcp.status, overTcp.flags.includes('aa')]).toEqual(['NXDOMAIN', true]);
    }
    expect(await status('foo.bar.l4lb.other.dcos.directory')).toBe('REFUSED');

    const told = JSON.parse((await rest('/v1/vips')).body) as { readonly vip: string }[];
    expect(told.map((v) => v.vip)).toEqual(
      expect.arrayContaining([
        `foo.bar.l4lb.${TAIL}:80`,
        '1.2.3.4:80',
        `l4lbtest.marathon.l4lb.${TAIL}:5000`,
      ]),
    );
    expect(told).toHaveLength(5);
    const rejected = await curl(`http://127.0.0.1:${site.ports.dnsHttp}/rejected`);
    expect(JSON.parse(rejected.body)).toMatchObject([
      { kind: 'label', id: 'marathon t-9-0-0-6.1', reason: 'VIP_0=/no-port: has no port; write /name:port' },
    ]);
  });

  it('follows what happens to the tasks behind a VIP', async () => {
    const VIP = { VIP_0: '/web:80' };
    const state = (first: Partial<Run>, second: Partial<Run>): unknown => {
      const both = [
        { ip: '9.0.0.1', ...first },
        { ip: '9.0.0.2', ...second },
      ];
      return stateOf(
        both.map((run, i) => task(`web#${i}`, { vips: VIP, ...run })),
        ['marathon'],
      );
    };
    const backends = async (): Promise<string> => {
      const metrics = (await rest('/v1/metrics/l4lb')).body;
      const count = (of: string): string =>
        new RegExp(`rimrock_vip_backends\\{state="${of}"\\} (\\d+)`).exec(metrics)?.[1] ?? '?';
      return `${count('taking')} taking, ${count('draining')} draining`;
    };
    master.getState = state({}, { healthy: true });
    await start();
    expect(await backends()).toBe('2 taking, 0 draining');
    const etag = /^etag: (.*)\r$/im.exec((await rest('/v1/vips', '-i')).body)?.[1] ?? '';
    expect((await rest('/v1/vips', '-H', `If-None-Match: ${etag}`)).status).toBe(304);

    master.getState = state({}, { healthy: false });
    master.drop();
    await eventually('the unhealthy one to drain', async () => (await backends()) === '1 taking, 1 draining');
    master.getState = state({ state: 'TASK_KILLING' }, { healthy: false });
    master.drop();
    await eventually('the leaving one too', async () => (await backends()) === '0 taking, 2 draining');
    expect(await short(`web.marathon.l4lb.${TAIL}`)).toHaveLength(1);

    master.getState = state({ checked: true }, { checked: true, healthy: true });
    master.drop();
    await eventually('the one that was checked', async () => (await backends()) === '1 taking, 1 draining');

    master.getState = stateOf([], ['marathon']);
    master.drop();
    await eventually(
      'the VIP to be gone',
      async () => (await status(`web.marathon.l4lb.${TAIL}`)) === 'NXDOMAIN',
    );
    expect((await rest('/v1/vips', '-H', `If-None-Match: ${etag}`)).body).toBe('[]');
  });

  it('before there is a master answers what does not depend on one, and nothing else', async () => {
    master.mode = 'unavailable';
    await start('spawned');
    const ready = async (): Promise<boolean> => (await short('ready.spartan')).join() === '127.0.0.1';
    await eventually('the edge to answer', ready, { timeoutMs: 30_000 });
    // The watchdog of DC/OS asks for all types.
    expect((await dig(site.ports.dns, 'ready.spartan', 'ANY', '+notcp')).answers).toHaveLength(1);
    expect(await short('ns.spartan')).toEqual(['198.51.100.1']);
    expect(await short('localhost', 'AAAA')).toEqual(['::1']);
    expect(await status('none.spartan')).toBe('NXDOMAIN');
    for (const name of [
      `master.dcos.${TAIL}`,
      'web.marathon.l4lb.thisdcos.global',
      `registry.component.${TAIL}`,
    ])
      expect([name, await status(name)]).toEqual([name, 'SERVFAIL']);
    await eventually('the REST API to be there', async () => (await rest('/v1/version')).status === 200);
    for (const path of ['/v1/vips', '/v1/nodes', '/v1/records'])
      expect([path, (await rest(path)).status]).toEqual([path, 503]);

    master.situation('master-running').mode = 'modern';
    await eventually('the cluster to be known', async () => (await rest('/v1/nodes')).status === 200);
    const nodes = JSON.parse((await rest('/v1/nodes')).body) as { readonly private_ip: string }[];
    expect(nodes.map((n) => n.private_ip)).toEqual(['127.0.0.1']);
    const host = `master.dcos.${TAIL}`;
    expect(JSON.parse((await rest(`/v1/hosts/${host}`)).body)).toEqual([{ host, ip: '127.0.0.1' }]);
    const service = `_http._web._tcp.marathon.mesos.${TAIL}`;
    expect(JSON.parse((await rest(`/v1/services/${service}`)).body)[0]).toMatchObject({
      service,
      port: 31000,
    });
    const records = JSON.parse((await rest('/v1/records')).body) as { readonly rtype: string }[];
    expect(new Set(records.map((r) => r.rtype))).toEqual(new Set(['A', 'AAAA', 'SRV', 'CNAME']));
    expect((await rest('/v1/config')).status).toBe(501);
    expect((await rest('/lashup/key')).status).toBe(404);
  });

  it('gives ZooKeeper the addresses of the config, also before there is a master', async () => {
    master.mode = 'unavailable';
    await start('spawned', ['dns.dcos.zkAddresses=10.0.0.7,10.0.0.8']);
    const zk = async (): Promise<boolean> => (await short('zk-3.zk')).join() === '10.0.0.7';
    await eventually('the edge to answer', zk, { timeoutMs: 30_000 });
    expect(await short('zk-4.zk')).toEqual(['10.0.0.8']);
    expect(await status('zk-6.zk')).toBe('NXDOMAIN');
  });
});
