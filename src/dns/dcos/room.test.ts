import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { DnsConfigInput } from '../config.ts';
import { HandCatalog, agent, task } from '../testing/catalog.ts';
import { askUdp, decoded, queryBytes, startDns } from '../testing/start.ts';
import type { Started } from '../testing/start.ts';
import { RCODE, TYPE, encodeMessage, textOfName } from '../wire/index.ts';

// The DNS room as a whole with the names of DC/OS: what is known when, and who answers for it.

const running: Started[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ dns }) => dns.stop()));
});

async function start(dcos: object = {}, more: DnsConfigInput = {}) {
  const config = { ...more, drainMs: 0, dcos: { enabled: true, http: { port: 0 }, ...dcos } };
  const started = await startDns(config);
  running.push(started);
  const { dns, reactor } = started;
  const ask = async (name: string, type: number = TYPE.A) => {
    const reply = await askUdp(reactor, dns.addresses.udp, queryBytes(name, type));
    return { ...reply, told: reply.answers.map((r) => `${r.name} ${r.ttl} ${[...r.rdata].join('.')}`) };
  };
  const get = (path: string) => fetch(`http://127.0.0.1:${dns.addresses.dcosHttp?.port}${path}`);
  return { ...started, ask, get };
}

/** A resolver that says 192.0.2.1 to everything, and notes what it was asked. */
async function resolverAt192(asked: string[]): Promise<{ readonly address: string; close(): void }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const [question] = decoded(query).questions;
    if (!question) return;
    asked.push(question.name.toLowerCase());
    const rdata = Uint8Array.of(192, 0, 2, 1);
    const answers = [{ name: question.name, type: TYPE.A, class: 1, ttl: 60, rdata }];
    const reply = { ...decoded(query), response: true, answers, additional: [] };
    socket.send(encodeMessage(reply).bytes, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, close: () => void socket.close() };
}

const web = task('web.1', {
  netinfoIps: ['9.0.0.5'],
  discovery: {
    name: 'web',
    visibility: 'CLUSTER',
    ports: [
      { number: 8080, name: '', protocol: 'tcp', labels: new Map([['VIP_0', '/acme:80']]) },
      { number: 8081, name: '', protocol: 'tcp', labels: new Map([['VIP_0', 'acme']]) },
    ],
  },
});
const STATE = { agents: [agent()], tasks: [web], leader: { ip: '10.0.0.9', port: 5050 } };

describe('before anything is known of the cluster', () => {
  it('names that do not come from it are answered, and denied', async () => {
    const { ask } = await start({ zkAddresses: ['10.0.0.7'] });
    expect((await ask('ready.spartan.')).told).toEqual(['ready.spartan. 5 127.0.0.1']);
    expect((await ask('localhost.')).told).toEqual(['localhost. 5 127.0.0.1']);
    expect((await ask('zk-3.zk.')).told).toEqual(['zk-3.zk. 5 10.0.0.7']);
    for (const name of ['none.spartan.', 'none.zk.']) expect((await ask(name)).rcode).toBe(RCODE.NXDOMAIN);
  });

  it('the others are neither: it is too early to say', async () => {
    const { ask, get } = await start({ aliases: { registry: 'master.dcos.thisdcos.directory' } });
    for (const name of [
      'web.marathon.autoip.dcos.thisdcos.directory.',
      'acme.marathon.l4lb.thisdcos.global.',
      'registry.thisdcos.directory.',
      'zk-1.zk.',
      'web.marathon.mesos.',
    ])
      expect([name, (await ask(name)).rcode]).toEqual([name, RCODE.SERVFAIL]);
    for (const path of ['/v1/vips', '/v1/nodes', '/v1/records', '/v1/hosts/leader.dcos.thisdcos.directory'])
      expect([path, (await get(path)).status]).toEqual([path, 503]);
    expect(await (await get('/v1/hosts/ready.spartan')).json()).toEqual([
      { host: 'ready.spartan', ip: '127.0.0.1' },
    ]);
  });
});

describe('with a cluster', () => {
  it('each zone has its own SOA record, and its own TTL', async () => {
    const { ask, catalog } = await start();
    catalog.become(STATE);
    const denied = await ask('none.l4lb.thisdcos.directory.');
    expect([denied.rcode, denied.authority.map((r) => [r.name, r.type, r.ttl])]).toEqual([
      RCODE.NXDOMAIN,
      [['l4lb.thisdcos.directory.', TYPE.SOA, 1]],
    ]);
    const soa = await ask('dcos.thisdcos.directory.', TYPE.SOA);
    const rdata = soa.answers[0]?.rdata ?? new Uint8Array();
    expect(textOfName(rdata)).toBe('ns.spartan.');
    expect([soa.answers[0]?.ttl, new DataView(rdata.slice(-16).buffer).getUint32(0)]).toEqual([5, 60]);
    expect((await ask('thisdcos.directory.', TYPE.NS)).answers[0]?.ttl).toBe(3600);
    expect((await ask('web.marathon.mesos.')).answers[0]?.ttl).toBe(60);
    expect((await ask('web.marathon.mesos.thisdcos.directory.')).answers[0]?.ttl).toBe(5);
  });

  it('names of its own are no part of the copy', async () => {
    const { ask, catalog } = await start();
    catalog.become(STATE);
    expect((await ask('s1.agent.mesos.')).told).toHaveLength(1);
    expect((await ask('s1.agent.mesos.thisdcos.directory.')).rcode).toBe(RCODE.NXDOMAIN);
  });

  it.each([
    'acme.marathon.l4lb.thisdcos.directory.',
    'acme.marathon.dclb.thisdcos.directory.',
    'acme.marathon.dclb.thisdcos.global.',
    'acme.marathon.l4lb.thisdcos.global.',
    'acme.marathon.l4lb.kdx31.dcos.directory.',
  ])('%s is answered under the name that was asked', async (name) => {
    const { ask, catalog } = await start({ clusterId: 'kdx31' });
    catalog.become(STATE);
    expect((await ask(name)).told).toEqual([`${name} 5 11.9.179.74`]);
  });

  it.each([
    ['none.bar.dclb.thisdcos.global.', RCODE.NXDOMAIN, 'dclb.thisdcos.global.'],
    ['none.bar.l4lb.thisdcos.global.', RCODE.NXDOMAIN, 'l4lb.thisdcos.global.'],
    ['none.thisdcos.global.', RCODE.NXDOMAIN, 'thisdcos.global.'],
    ['acme.marathon.dclb.thisdcos.directory.', RCODE.NOERROR, 'dclb.thisdcos.directory.'],
    ['none.l4lb.kdx31.dcos.directory.', RCODE.NXDOMAIN, 'l4lb.kdx31.dcos.directory.'],
  ])('%s is denied by its zone under the name that was asked', async (name, rcode, zone) => {
    const { ask, catalog } = await start({ clusterId: 'kdx31' });
    catalog.become(STATE);
    const { rcode: got, answers, authority } = await ask(name, TYPE.AAAA);
    expect([got, answers, authority.map((r) => r.name)]).toEqual([rcode, [], [zone]]);
  });

  it('what is below other names of its zones is asked of nobody else', async () => {
    const { ask, catalog, metrics } = await start({}, { externalOn: true, resolvers: ['127.0.0.1:9'] });
    catalog.become(STATE);
    for (const name of [
      'none.thisdcos.global.',
      'none.dclb.thisdcos.directory.',
      `${'a.'.repeat(112)}thisdcos.global.`,
    ])
      expect([RCODE.NXDOMAIN, RCODE.REFUSED]).toContain((await ask(name)).rcode);
    expect(await metrics.text()).toContain('rimrock_dns_forwarded_total 0');
  });

  it('aliases of the operator lead where they lead, also under another name of their zone', async () => {
    const aliases = { www: 'leader.dcos.thisdcos.directory', docs: 'docs.example.test' };
    const asked: string[] = [];
    const upstream = await resolverAt192(asked);
    const { ask, catalog } = await start({ aliases }, { externalOn: true, resolvers: [upstream.address] });
    catalog.become(STATE);
    expect((await ask('www.thisdcos.global.')).told[1]).toBe('leader.dcos.thisdcos.directory. 5 10.0.0.9');
    const outside = await ask('docs.thisdcos.global.');
    expect(outside.answers[0]).toMatchObject({ name: 'docs.thisdcos.global.', type: TYPE.CNAME });
    expect(outside.told[1]).toBe('docs.example.test. 60 192.0.2.1');
    expect(new Set(asked)).toEqual(new Set(['docs.example.test.']));
    upstream.close();
  });

  it('the REST API, the metrics and /rejected tell of it', async () => {
    const { get, catalog, dns, metrics } = await start();
    catalog.become(STATE);
    expect(await (await get('/v1/vips')).json()).toEqual([
      {
        vip: 'acme.marathon.l4lb.thisdcos.directory:80',
        protocol: 'tcp',
        backend: [{ ip: '9.0.0.5', port: 8080 }],
      },
    ]);
    expect(await (await get('/v1/hosts/acme.marathon.dclb.thisdcos.global')).json()).toMatchObject([
      { ip: '11.9.179.74' },
    ]);
    const records = (await (await get('/v1/records')).json()) as { readonly name: string }[];
    expect(records.some((r) => r.name === 'web.marathon.mesos.thisdcos.directory.')).toBe(true);
    expect(records.filter((r) => r.name.endsWith('.mesos.'))).toEqual([]);
    const rejected = await fetch(`http://127.0.0.1:${dns.addresses.http?.port}/rejected`);
    expect(await rejected.json()).toMatchObject([{ kind: 'label', id: 'fw-1 web.1' }]);
    expect(await metrics.text()).toMatch(/^rimrock_vip_backends\{state="taking"\} 1$/m);
    expect(await (await get('/v1/metrics/l4lb')).text()).toMatch(/^rimrock_vip_vips 1$/m);
  });
});

describe('its API', () => {
  it('is not there when it is not wanted', async () => {
    const { dns } = await start({ http: { enabled: false } });
    expect(dns.addresses.dcosHttp).toBeUndefined();
  });

  it('says where it could not listen, and nothing of DNS stays behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(
      startDns({ dcos: { enabled: true, http: { port } } }, new HandCatalog()),
    ).rejects.toMatchObject({
      code: 'DNS_DCOS_HTTP_BIND_FAILED',
      message: expect.stringContaining(`127.0.0.1 port ${port}`),
    });
    taken.close();
  });
});
