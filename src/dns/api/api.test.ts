import { afterEach, describe, expect, it } from 'vitest';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import { seededRandom } from '../../core/random.ts';
import { Health } from '../../core/health.ts';
import type { Api } from '../../core/http/server.ts';
import { Metrics } from '../../core/metrics.ts';
import { dnsConfigSchema } from '../config.ts';
import type { DnsConfigInput } from '../config.ts';
import { HandCatalog, agent, framework, task, version } from '../testing/catalog.ts';
import { MESOS_SETTINGS, zoneFor } from '../testing/zone.ts';
import { createDnsApi } from './api.ts';

const apis: Api[] = [];
afterEach(async () => {
  await Promise.all(apis.splice(0).map((api) => api.close()));
});

function make(
  config: DnsConfigInput = {},
  policy?: CompiledPolicy,
  zone = zoneFor({ ipSources: ['netinfo', 'host'] }),
): { api: Api; catalog: HandCatalog } {
  const catalog = new HandCatalog();
  catalog.onChange((next, diff) => zone.apply(next, diff));
  catalog.become({
    agents: [agent()],
    frameworks: [framework()],
    tasks: [
      task('web.1', { ports: [31000], netinfoIps: ['10.1.0.1', 'fd00::1'] }),
      task('!!!.1', { name: '!!!' }),
    ],
    leader: { ip: '10.0.0.9', port: 5050 },
  });
  const api = createDnsApi({
    config: dnsConfigSchema.parse(config),
    catalog,
    zone,
    settings: { ...MESOS_SETTINGS, ipSources: ['netinfo', 'host'] },
    serial: () => 1234,
    explainer: { explain: async () => undefined },
    random: seededRandom(1),
    metrics: new Metrics(),
    health: new Health(),
    policy,
  });
  apis.push(api);
  return { api, catalog };
}
const get = (api: Api, url: string, headers: Record<string, string> = {}) =>
  api.inject({ method: 'GET', url, headers });

describe('the Mesos-DNS HTTP API', () => {
  it('writes JSON with one blank of indent and no newline at the end', async () => {
    const reply = await get(make().api, '/v1/hosts/leader.mesos');
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.body).toBe('[\n {\n  "host": "leader.mesos.",\n  "ip": "10.0.0.9"\n }\n]');
  });

  it('tells what it is', async () => {
    const { Service, URL, Version } = (await get(make().api, '/v1/version')).json();
    expect([Service, URL]).toEqual(['Mesos-DNS', 'https://github.com/mesosphere/mesos-dns']);
    expect(Version).toMatch(/^v0\.\d+\.\d+/);
  });

  it.each([
    ['leader.mesos', [{ host: 'leader.mesos.', ip: '10.0.0.9' }]],
    ['LEADER.mesos.', [{ host: 'leader.mesos.', ip: '10.0.0.9' }]],
    ['web.*.marathon.mesos', ['10.1.0.1', 'fd00::1'].map((ip) => ({ host: 'web.marathon.mesos.', ip }))],
    ['nope.mesos', [{ host: '', ip: '' }]],
    ['_web._tcp.marathon.mesos', [{ host: '', ip: '' }]],
    ['.*', [{ host: '', ip: '' }]],
    ['ns1.mesos', [{ host: 'ns1.mesos.', ip: '10.9.9.9' }]],
  ])('hosts/%s', async (host, expected) => {
    const { api } = make();
    for (const url of [`/v1/hosts/${host}`, `/v1/hosts/${host}/`])
      expect((await get(api, url)).json()).toEqual(expected);
  });

  it('services', async () => {
    const { api } = make();
    expect((await get(api, '/v1/services/_Leader._tcp.mesos')).json()).toEqual([
      { service: '_Leader._tcp.mesos', host: 'leader.mesos.', ip: '10.0.0.9', port: '5050' },
    ]);
    expect((await get(api, '/v1/services/%5fweb._tcp.marathon.mesos')).json()).toEqual([
      {
        service: '_web._tcp.marathon.mesos',
        host: expect.stringMatching(/^web-.{5}-s1\.marathon\.slave\.mesos\.$/),
        ip: '10.0.0.1',
        port: '31000',
      },
    ]);
    expect((await get(api, '/v1/services/nope')).json()).toEqual([
      { service: '', host: '', ip: '', port: '' },
    ]);
  });

  it('axfr is for whom the policy lets transfer the zone', async () => {
    const may = (network: string, zone: string): CompiledPolicy =>
      new CompiledPolicy({
        version: 1,
        default: 'deny',
        rules: [{ name: 'a', effect: 'allow', who: [network], may: ['dns:transfer'], on: [zone] }],
      });
    const status = async (policy: CompiledPolicy): Promise<number> =>
      (await get(make({ domain: 'mesos' }, policy).api, '/v1/axfr')).statusCode;
    expect(await status(may('net:127.0.0.0/8', 'mesos'))).toBe(200);
    expect(await status(may('net:10.0.0.0/8', 'mesos'))).toBe(403);
    expect(await status(may('net:127.0.0.0/8', 'other'))).toBe(403);
  });

  it('enumerate and axfr', async () => {
    const { api, catalog } = make({ domain: 'mesos', ttlSeconds: 60 });
    const { frameworks } = (await get(api, '/v1/enumerate')).json();
    expect(frameworks.map((f: { name: string; tasks: unknown[] }) => [f.name, f.tasks.length])).toEqual([
      ['marathon', 2],
    ]);
    expect(frameworks[0].tasks[0].records[0]).toEqual({
      name: 'web.marathon.mesos.',
      host: '10.1.0.1',
      rtype: 'A',
    });
    const axfr = (await get(api, '/v1/axfr')).json();
    expect(Object.keys(axfr)).toEqual([
      'TTL',
      'Serial',
      'RefreshSeconds',
      'Mname',
      'Rname',
      'Domain',
      'Records',
    ]);
    expect(axfr).toMatchObject({
      TTL: 60,
      Serial: 1234,
      RefreshSeconds: 60,
      Mname: 'ns1.mesos.',
      Rname: 'root.ns1.mesos.',
      Domain: 'mesos',
    });
    expect(axfr.Records.As['web.marathon.mesos.']).toEqual(['10.1.0.1']);
    expect(axfr.Records.AAAAs['web.marathon.mesos.']).toEqual(['fd00::1']);
    expect(axfr.Records.SRVs['_leader._tcp.mesos.']).toEqual(['leader.mesos.:5050']);
    catalog.become({});
    expect((await get(api, '/v1/enumerate')).json()).toEqual({ frameworks: null });
  });

  it('hides enumeration when told so', async () => {
    const { api } = make({ enumerationOn: false });
    for (const url of ['/v1/enumerate', '/v1/axfr']) expect((await get(api, url)).statusCode).toBe(404);
  });

  it('shows its configuration in the keys of Mesos-DNS, and never the secret', async () => {
    const mesosDnsConfig = {
      MesosCredentials: { Principal: 'dns', Secret: 'hunter2' },
      Masters: ['10.0.0.9:5050'],
      File: '/etc/c.json',
    };
    const reply = await get(make({ port: 53, mesosDnsConfig }).api, '/v1/config');
    expect(reply.body).not.toContain('hunter2');
    const shown = reply.json();
    expect(shown).toMatchObject({
      Port: 53,
      SOASerial: 1234,
      SOAMname: 'ns1.mesos.',
      Masters: ['10.0.0.9:5050'],
      File: '/etc/c.json',
      MesosCredentials: { Principal: 'dns', Secret: '******' },
    });
    expect(Object.keys(shown).slice(0, 3)).toEqual(['RefreshSeconds', 'Port', 'Timeout']);
    expect(Object.keys(shown)).toHaveLength(38);
  });

  it.each([
    ['GET', '/v1/hosts/x/ports', 501, 'To be implemented...'],
    ['GET', '/v1/nope', 404, '404: Page Not Found'],
    ['GET', '/', 404, '404: Page Not Found'],
    ['GET', '/v1/hosts/%zz', 400, '400: Bad Request'],
    ['GET', '/%', 400, '400: Bad Request'],
    ['POST', '/v1/version', 405, '405: Method Not Allowed'],
    ['OPTIONS', '/v1/version', 405, '405: Method Not Allowed'],
    ['DELETE', '/v1/hosts/leader.mesos', 405, '405: Method Not Allowed'],
    ['POST', '/v1/nope', 404, '404: Page Not Found'],
  ] as const)('%s %s is %i', async (method, url, status, body) => {
    const reply = await make().api.inject({ method, url });
    expect([reply.statusCode, reply.body]).toEqual([status, body]);
    expect(reply.headers['content-type']).toContain('text/plain');
  });

  it('has no HEAD', async () => {
    expect((await make().api.inject({ method: 'HEAD', url: '/v1/version' })).statusCode).toBe(405);
  });

  it.each([
    [undefined, 200],
    ['application/json', 200],
    ['text/html, */*;q=0.1', 200],
    ['text/html,application/json;q=0.9', 200],
    ['text/html', 406],
    ['application/*', 406],
  ])('Accept %s gives %i', async (accept, status) => {
    const reply = await get(make().api, '/v1/version', accept === undefined ? {} : { accept });
    expect(reply.statusCode).toBe(status);
    if (status === 406) expect(reply.body).toBe('406: Not Acceptable');
  });

  it('sends doubled slashes to the clean path', async () => {
    const reply = await get(make().api, '/v1//version?x=1');
    expect([reply.statusCode, reply.headers.location]).toEqual([301, '/v1/version?x=1']);
    expect((await get(make().api, '//evil.example/v1')).headers.location).toBe('/evil.example/v1');
  });

  it('shows what found no room in the table', async () => {
    const records = Array.from({ length: 14_000 }, (_, i) => `r${i}.mesos.`);
    const many = {
      name: 'many',
      *step() {
        const after = records.map((name) => ({ name, type: 'TXT' as const, host: 'x'.repeat(1400) }));
        yield { before: [], after };
        yield { before: [], after: [], namesAfter: ['late.mesos.'] };
      },
    };
    const zone = zoneFor({}, { publishers: [many] });
    zone.load(version(1));
    const rejected = (await get(make({}, undefined, zone).api, '/rejected')).json<{ id: string }[]>();
    expect(rejected.length).toBe(zone.leftOut);
    const reason = expect.stringContaining('raise dns.maxTableMiB');
    expect(rejected).toContainEqual({ kind: 'record', id: 'late.mesos.', reason });
    expect(rejected[0]).toMatchObject({ kind: 'record', reason });
    expect(rejected[0]?.id).toMatch(/^r\d+\.mesos\. TXT xxx/);
  });

  it('lets only those in whom the list names', async () => {
    const { api } = make({ acl: { api: ['10.0.0.0/8'] } });
    for (const url of ['/v1/version', '/rejected', '/explain?name=web.marathon.mesos', '/metrics', '/nope']) {
      const inject = (remoteAddress: string) => api.inject({ method: 'GET', url, remoteAddress });
      expect((await inject('192.0.2.1')).body, url).toBe('403: Forbidden');
      expect((await inject('10.1.2.3')).statusCode, url).not.toBe(403);
    }
  });

  it('shows what was set aside, and the routes of every part', async () => {
    const { api } = make();
    const rejected = (await get(api, '/rejected')).json();
    expect(rejected).toContainEqual({
      kind: 'record',
      id: expect.stringContaining('.marathon.mesos. A '),
      reason: expect.stringContaining('empty label'),
    });
    for (const url of ['/metrics', '/health', '/ready']) expect((await get(api, url)).statusCode).toBe(200);
  });
});
