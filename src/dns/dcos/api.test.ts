import { afterEach, describe, expect, it } from 'vitest';
import type { Api } from '../../core/http/server.ts';
import { Metrics } from '../../core/metrics.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import { createAcl } from '../acl/acl.ts';
import { HandCatalog, agent } from '../testing/catalog.ts';
import { createDcosApi } from './api.ts';
import type { DcosNamesView, DcosRecord } from './api.ts';
import type { Vip } from '../../cluster/vips/index.ts';

const apis: Api[] = [];
afterEach(async () => {
  await Promise.all(apis.splice(0).map((api) => api.close()));
});

const RECORDS: DcosRecord[] = [
  { name: 'web.marathon.mesos.', type: 'A', host: '10.0.0.1' },
  { name: 'web.marathon.mesos.', type: 'A', host: '10.0.0.2' },
  { name: '_web._tcp.marathon.mesos.', type: 'SRV', host: 'web.marathon.mesos.:31000' },
  { name: '_web._tcp.marathon.mesos.', type: 'SRV', host: 'gone.marathon.mesos.:31001' },
  { name: 'registry.component.thisdcos.directory.', type: 'CNAME', host: 'master.dcos.thisdcos.directory.' },
];

const named: Vip = {
  key: 'tcp 80 web',
  protocol: 'tcp',
  name: 'web.marathon.l4lb.thisdcos.directory.',
  addresses: ['11.1.2.3', 'fd01:c::1'],
  port: 80,
  backends: [
    { ip: '9.0.0.1', port: 8080, weight: 1, state: 'up' },
    { ip: '9.0.0.2', port: 8080, weight: 0, state: 'unhealthy' },
  ],
};
const fixed: Vip = { ...named, protocol: 'udp', name: undefined, addresses: ['1.2.3.4'], backends: [] };

interface Options {
  readonly acl?: 'any' | 'none';
  readonly policy?: CompiledPolicy;
  readonly records?: Iterable<DcosRecord>;
  readonly ready?: boolean;
}

function make(options: Options = {}) {
  const catalog = new HandCatalog();
  const vips = { revision: 1, list: [named, fixed], vips: () => vips.list };
  const names: DcosNamesView = {
    ready: options.ready ?? true,
    lookup: (name, type) => RECORDS.filter((r) => r.name === name && r.type === type).map((r) => r.host),
    records: () => options.records ?? RECORDS,
  };
  const metrics = new Metrics();
  metrics.observed('rimrock_dns_truncated_total', 'Truncated.', () => [{ value: 3 }]);
  metrics.observed('rimrock_cluster_stale', 'Stale.', () => [{ value: 0 }]);
  const clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const acl = createAcl(options.acl ?? 'any');
  const api = createDcosApi({
    names,
    vips,
    catalog,
    clock,
    metrics,
    acl,
    zones: ['mesos.', 'thisdcos.directory.'],
    policy: options.policy,
  });
  apis.push(api);
  const get = (url: string, headers: Record<string, string> = {}) =>
    api.inject({ method: 'GET', url, headers });
  return { api, get, catalog, vips };
}

describe('/v1/vips', () => {
  it('lists names or addresses with their backends, without weights', async () => {
    const { get, catalog } = make();
    catalog.become({});
    const reply = await get('/v1/vips');
    expect(reply.headers['content-type']).toContain('application/json');
    expect(reply.json()).toEqual([
      {
        vip: 'web.marathon.l4lb.thisdcos.directory:80',
        protocol: 'tcp',
        backend: [
          { ip: '9.0.0.1', port: 8080 },
          { ip: '9.0.0.2', port: 8080 },
        ],
      },
      { vip: '1.2.3.4:80', protocol: 'udp', backend: [] },
    ]);
  });

  it('has an ETag that changes with the list, and says when nothing has changed', async () => {
    const { get, catalog, vips } = make();
    catalog.become({});
    const etag = String((await get('/v1/vips')).headers.etag);
    expect(etag).toMatch(/^"[A-Za-z0-9+/]{27}="$/);
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const reply = await get('/v1/vips', { 'if-none-match': tag });
      expect([reply.statusCode, reply.body, reply.headers.etag]).toEqual([304, '', etag]);
    }
    vips.list = [named];
    vips.revision++;
    const reply = await get('/v1/vips', { 'if-none-match': etag });
    expect([reply.statusCode, reply.headers.etag === etag, reply.json().length]).toEqual([200, false, 1]);
  });
});

describe('/v1/nodes', () => {
  it('lists agents, and masters beside them', async () => {
    const { get, catalog } = make();
    catalog.become({
      agents: [agent(), agent({ id: 'S2', hostname: 'node-2', ips: [] })],
      masters: [
        { ip: '10.0.0.1', port: 5050 },
        { ip: '10.0.0.9', port: 5050 },
      ],
      leader: { ip: '10.0.0.9', port: 5050 },
    });
    const updated = '2026-01-02T03:04:05.000Z';
    expect((await get('/v1/nodes?force')).json()).toEqual([
      { private_ip: '10.0.0.1', public_ips: [], hostname: 'node-1', updated },
      { private_ip: '10.0.0.9', public_ips: [], hostname: '10.0.0.9', updated },
    ]);
  });

  it('says since when it could not be refreshed', async () => {
    const { get, catalog } = make();
    catalog.become({ agents: [agent()], stale: { sinceMs: 1000, reason: 'gone' } });
    expect((await get('/v1/nodes')).json()).toMatchObject([{ updated: '1970-01-01T00:00:01.000Z' }]);
  });
});

describe('names', () => {
  it.each([
    ['/v1/hosts/web.marathon.mesos', 'web.marathon.mesos', ['10.0.0.1', '10.0.0.2']],
    ['/v1/hosts/WEB.marathon.mesos.', 'WEB.marathon.mesos.', ['10.0.0.1', '10.0.0.2']],
    ['/v1/hosts/none.mesos', 'none.mesos', []],
  ])('%s', async (url, host, ips) => {
    expect((await make().get(url)).json()).toEqual(ips.map((ip) => ({ host, ip })));
  });

  it('/v1/services has ports as numbers, and no address where there is none', async () => {
    const service = '_web._tcp.marathon.mesos';
    expect((await make().get(`/v1/services/${service}`)).json()).toEqual([
      { service, host: 'web.marathon.mesos.', ip: '10.0.0.1', port: 31000 },
      { service, host: 'gone.marathon.mesos.', port: 31001 },
    ]);
    expect((await make().get('/v1/services/none')).json()).toEqual([]);
  });

  it('/v1/records has all of them', async () => {
    const reply = await make().get('/v1/records');
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.json()).toEqual(RECORDS.map(({ name, host, type }) => ({ name, host, rtype: type })));
    expect((await make({ records: [] }).get('/v1/records')).body).toBe('[]');
  });

  it('/v1/records is for whom the policy lets transfer all of the zones', async () => {
    const rule = { name: 'house', effect: 'allow', who: ['net:127.0.0.0/8'], may: ['dns:transfer'] } as const;
    const of = async (on: readonly string[]): Promise<number> => {
      const policy = new CompiledPolicy({ version: 1, default: 'deny', rules: [{ ...rule, on }] });
      const { get } = make({ policy });
      return (await get('/v1/records')).statusCode;
    };
    expect([await of(['mesos', 'thisdcos.directory']), await of(['mesos'])]).toEqual([200, 403]);
  });

  it('/v1/records leaves in pieces, read as the client takes them', async () => {
    let made = 0;
    function* many(): Generator<DcosRecord> {
      for (; made < 50_000; made++) yield { name: `n${made}.mesos.`, type: 'A', host: '10.0.0.1' };
    }
    const { api } = make({ records: many() });
    const reply = await api.inject({ method: 'GET', url: '/v1/records', payloadAsStream: true });
    let pieces = 0;
    let text = '';
    for await (const piece of reply.stream()) {
      if (pieces++ === 0) expect(made).toBeLessThan(40_000);
      text += String(piece);
    }
    expect(pieces).toBeGreaterThan(10);
    expect(JSON.parse(text)).toHaveLength(50_000);
  });
});

describe('while nothing is known of the cluster', () => {
  it.each([
    '/v1/vips',
    '/v1/nodes',
    '/v1/records',
    '/v1/hosts/none.mesos',
    '/v1/services/_none._tcp.marathon.mesos',
  ])('%s is no empty list', async (url) => {
    expect((await make({ ready: false }).get(url)).statusCode).toBe(503);
  });

  it('names that are there are', async () => {
    const { get } = make({ ready: false });
    expect((await get('/v1/hosts/web.marathon.mesos')).json()).toHaveLength(2);
    expect((await get('/v1/version')).statusCode).toBe(200);
  });
});

describe('the rest', () => {
  it('says what it is', async () => {
    expect((await make().get('/v1/version')).json()).toEqual({
      Service: 'dcos-dns',
      Version: expect.any(String),
    });
  });

  it.each(['/v1/config', '/v1/enumerate'])('%s was never implemented', async (url) => {
    expect((await make().get(url)).statusCode).toBe(501);
  });

  it.each([
    ['/v1/metrics', ['rimrock_dns_truncated_total 3', 'rimrock_cluster_stale 0']],
    ['/v1/metrics/default', ['rimrock_dns_truncated_total 3', 'rimrock_cluster_stale 0']],
    ['/v1/metrics/dns', ['rimrock_dns_truncated_total 3']],
    ['/v1/metrics/mesos_listener', ['rimrock_cluster_stale 0']],
    ['/v1/metrics/overlay', []],
  ])('%s', async (url, samples) => {
    const reply = await make().get(url);
    const lines = reply.body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect([reply.statusCode, lines]).toEqual([200, samples]);
    expect(reply.body.split('\n').filter((l) => l.startsWith('# TYPE'))).toHaveLength(samples.length);
  });

  it.each([
    ['GET', '/v1/metrics/other', 404],
    ['GET', '/v1/axfr', 404],
    ['POST', '/v1/vips', 405],
    ['DELETE', '/v1/records', 405],
  ] as const)('%s %s gives %i', async (method, url, status) => {
    expect((await make().api.inject({ method, url })).statusCode).toBe(status);
  });

  it('is closed to who may not ask', async () => {
    expect((await make({ acl: 'none' }).get('/v1/version')).statusCode).toBe(403);
  });
});
