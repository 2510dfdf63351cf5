import { afterEach, describe, expect, it } from 'vitest';
import type { DnsConfigInput } from '../config.ts';
import { createCatalogBuilder, stateFromV0 } from '../../cluster/index.ts';
import type { CatalogStep } from '../../cluster/index.ts';
import { HandCatalog, agent, framework, task } from '../testing/catalog.ts';
import type { Content } from '../testing/catalog.ts';
import { startDns } from '../testing/start.ts';
import type { Started } from '../testing/start.ts';
import type { Explanation } from './explanation.ts';

const running: Started[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ dns }) => dns.stop()));
});

async function start(content: Content | undefined, config: DnsConfigInput = {}) {
  const started = await startDns({ ttlSeconds: 30, ...config });
  running.push(started);
  if (content) started.catalog.become(content);
  const { port } = started.dns.addresses.http ?? { port: 0 };
  const get = async (query: string) => fetch(`http://127.0.0.1:${port}/explain?${query}`);
  const explain = async (name: string, type = 'A', more = ''): Promise<Explanation> =>
    (await (await get(`name=${name}&type=${type}${more}`)).json()) as Explanation;
  return { ...started, get, explain };
}

const S1 = '20240101-000000-1-5050-1-S1';
const CONTENT: Content = {
  agents: [agent()],
  frameworks: [framework()],
  tasks: [
    task('web.1', { ports: [31000], netinfoIps: ['10.1.0.1'] }),
    task('web.2', { ports: [31001], netinfoIps: ['10.1.0.2'], healthy: true }),
  ],
  leader: { ip: '10.0.0.9', port: 5050 },
};
const LONG = [63, 63, 63, 20].map((n) => 'f'.repeat(n)).join('.');
const whys = (e: Explanation): string[] => e.leftOut.map((t) => `${t.id} ${t.why}`);
const froms = (e: Explanation): string[] =>
  (e.answer?.records ?? []).map(
    (r) => `${r.data} ${r.from.map((o) => (o.kind === 'task' ? o.id : o.kind)).join('+')}`,
  );
const sorted = (list: readonly string[]): string[] => list.toSorted((a, b) => (a < b ? -1 : 1));

describe('where a record comes from', () => {
  it('tells the tasks, in any spelling that the server takes', async () => {
    const { explain } = await start(CONTENT);
    const e = await explain('Web.*.Marathon.MESOS');
    expect(e.question).toEqual({
      asked: 'Web.*.Marathon.MESOS.',
      name: 'web.marathon.mesos.',
      type: 'A',
      client: '127.0.0.1',
    });
    expect(e).toMatchObject({ zone: 'mesos.', leftOut: [], near: [], outside: null, types: ['A'] });
    expect(e.answer).toMatchObject({
      rcode: 'NOERROR',
      authoritative: true,
      stale: false,
      ready: true,
      limit: null,
    });
    expect(sorted(froms(e))).toEqual(['10.1.0.1 web.1', '10.1.0.2 web.2']);
    expect(e.answer?.records.find((r) => r.data === '10.1.0.2')).toMatchObject({
      ttlSeconds: 30,
      from: [
        {
          kind: 'task',
          id: 'web.2',
          service: 'marathon/web',
          framework: 'marathon',
          agent: S1,
          hostname: 'node-1',
          state: 'TASK_RUNNING',
          healthy: true,
        },
      ],
    });
    expect(sorted(froms(await explain('_web._tcp.marathon.mesos', 'srv')))[0]).toMatch(
      /^0 1 31000 web-\S+ web\.1$/,
    );
  });

  it('tells frameworks, agents, masters, records of the config, and this server', async () => {
    const { explain } = await start(CONTENT, {
      records: [
        { name: 'db.mesos', type: 'TXT', value: 'a "b"' },
        { name: 'db.mesos', type: 'AAAA', value: 'FD00:0::1' },
        { name: 'alias.mesos', type: 'CNAME', value: 'web.marathon.mesos' },
      ],
    });
    expect(froms(await explain('marathon.mesos'))).toEqual(['10.0.9.1 framework']);
    expect(froms(await explain('slave.mesos'))).toEqual(['10.0.0.1 agent']);
    expect(froms(await explain('s1.agent.mesos'))).toEqual(['10.0.0.1 agent']);
    expect(froms(await explain('1.0.0.10.in-addr.arpa', 'PTR'))).toEqual(['s1.agent.mesos. agent']);
    expect(froms(await explain('2.0.1.10.in-addr.arpa', 'PTR'))).toEqual([
      expect.stringMatching(/^web-\S+ web\.2$/),
    ]);
    expect((await explain('leader.mesos')).answer?.records[0]?.from).toEqual([
      { kind: 'master', address: '10.0.0.9:5050', leads: true },
    ]);
    expect(froms(await explain('db.mesos', 'TXT'))).toEqual(['"a \\"b\\"" static']);
    expect(froms(await explain('db.mesos', 'AAAA'))).toEqual(['fd00::1 static']);
    expect(froms(await explain('mesos', 'NS'))).toEqual(['ns1.mesos. zone']);
    expect(froms(await explain('mesos', 'SOA'))[0]).toMatch(
      /^ns1\.mesos\. root\.ns1\.mesos\. \d+ 60 600 86400 5 zone$/,
    );
    expect(sorted(froms(await explain('alias.mesos')))).toEqual([
      '10.1.0.1 web.1',
      '10.1.0.2 web.2',
      'web.marathon.mesos. static',
    ]);
  });

  it('tells who is behind the names of DC/OS', async () => {
    const ports = [{ number: 31000, name: '', protocol: 'tcp', labels: new Map([['VIP_0', 'shop:80']]) }];
    const shop = task('shop.1', {
      netinfoIps: ['10.1.0.7'],
      discovery: { name: 'shop', visibility: 'CLUSTER', ports },
    });
    const { explain } = await start(
      { ...CONTENT, tasks: [shop] },
      { dcos: { enabled: true, http: { port: 0 } } },
    );
    const copy = await explain('shop.marathon.mesos.thisdcos.directory');
    expect(froms(copy)).toEqual(['10.1.0.7 shop.1']);
    expect(copy.zone).toBe('mesos.thisdcos.directory.');
    const vip = await explain('shop.marathon.l4lb.thisdcos.directory');
    expect(vip.answer?.records[0]?.from).toEqual([
      { kind: 'vip', backends: [expect.stringMatching(/^tcp 80: 10\.\d+\.\d+\.\d+:31000$/)] },
    ]);
  });

  it('says so while nothing is known, and when the state is old', async () => {
    const early = await start(undefined);
    const e = await early.explain('web.marathon.mesos');
    expect(e.answer).toMatchObject({ rcode: 'SERVFAIL', ready: false, records: [] });
    expect(e.near).toEqual([]);
    const { explain } = await start({ ...CONTENT, stale: { sinceMs: 0, reason: 'gone' } });
    expect((await explain('web.marathon.mesos')).answer).toMatchObject({ stale: true, ready: true });
  });
});

/** A cluster with real services, which health needs. */
async function cluster(tasks: readonly object[], config: DnsConfigInput = {}) {
  const builder = createCatalogBuilder({ emptyServiceMs: 60_000 });
  const slaves = [{ id: 'a-S1', hostname: 'n1', pid: 'slave(1)@10.0.0.1:5051', active: true }];
  const frameworks = [{ id: 'fw', name: 'marathon', active: true, tasks }];
  const { version, diff } = builder.apply(
    { kind: 'snapshot', state: stateFromV0({ slaves, frameworks, leader: 'master@10.0.0.9:5050' }, []) },
    0,
  ) as CatalogStep;
  const listeners: Parameters<HandCatalog['onChange']>[0][] = [];
  const catalog = {
    current: version,
    onChange: (f: (typeof listeners)[number]) => (listeners.push(f), () => {}),
  };
  const started = await startDns(config, catalog as unknown as HandCatalog);
  running.push(started);
  void diff;
  const { port } = started.dns.addresses.http ?? { port: 0 };
  return async (name: string, type = 'A'): Promise<Explanation> =>
    (await (await fetch(`http://127.0.0.1:${port}/explain?name=${name}&type=${type}`)).json()) as Explanation;
}
const raw = (
  id: string,
  state: string,
  more: { healthy?: boolean; agent?: string; ip?: string; docker?: string } = {},
) => ({
  id,
  name: id.split('.')[0],
  framework_id: 'fw',
  slave_id: more.agent ?? 'a-S1',
  state,
  statuses: [
    {
      state: 'TASK_RUNNING',
      timestamp: 1,
      ...(more.healthy === undefined ? {} : { healthy: more.healthy }),
      container_status: {
        network_infos: more.ip === undefined ? [] : [{ ip_addresses: [{ ip_address: more.ip }] }],
      },
    },
  ],
});

describe('why a task is left out', () => {
  it('tells health, states and agents apart', async () => {
    const explain = await cluster([
      raw('web.1', 'TASK_RUNNING', { healthy: true, ip: '10.1.0.1' }),
      raw('web.2', 'TASK_RUNNING', { healthy: false, ip: '10.1.0.2' }),
      raw('web.3', 'TASK_KILLING', { ip: '10.1.0.3' }),
      raw('web.4', 'TASK_STAGING'),
      raw('other.1', 'TASK_RUNNING', { healthy: false, ip: '10.1.0.9' }),
    ]);
    const e = await explain('web.marathon.mesos');
    expect(froms(e)).toEqual(['10.1.0.1 web.1']);
    expect(sorted(whys(e))).toEqual(['web.2 unhealthy', 'web.3 being-killed', 'web.4 not-running']);
    expect(e.leftOut.find((t) => t.id === 'web.4')?.detail).toBe('it is TASK_STAGING');
    expect(e.services).toEqual([{ key: 'marathon/web', declared: false, instances: 4 }]);
    // The last one stays, however it is.
    expect(froms(await explain('other.marathon.mesos'))).toEqual(['10.1.0.9 other.1']);
  });

  it('names the sources that had no address, and those that would', async () => {
    const explain = await cluster([raw('web.1', 'TASK_RUNNING', { ip: '10.1.0.1' })], {
      ipSources: ['docker', 'mesos'],
    });
    const e = await explain('web.marathon.mesos');
    expect(e.answer?.rcode).not.toBe('SERVFAIL');
    expect(whys(e)).toEqual(['web.1 no-address']);
    expect(e.leftOut[0]?.detail).toBe(
      'no address from docker, mesos; not in dns.ipSources: host has 10.0.0.1, netinfo has 10.1.0.1',
    );
  });

  it('tells types that it does not have, and limits', async () => {
    const { explain } = await start(CONTENT, { answerLimits: { 'web.marathon.mesos': 1 } });
    const none = await explain('web.marathon.mesos', 'AAAA');
    expect(none.answer).toMatchObject({ rcode: 'NOERROR', records: [] });
    expect(whys(none)).toEqual(['web.1 no-record-of-type', 'web.2 no-record-of-type']);
    expect(none.leftOut[0]?.detail).toBe('it has only A');
    const limited = await explain('web.marathon.mesos');
    expect(limited.answer?.limit).toEqual({ answers: 1, of: 2 });
    expect([limited.answer?.records.length, limited.leftOut[0]?.why]).toEqual([1, 'answer-limit']);
  });

  it('tells agents without an address, and names that DNS cannot say', async () => {
    const { explain } = await start({
      ...CONTENT,
      tasks: [
        task('web.1', { agentIps: [], netinfoIps: ['10.1.0.1'] }),
        task('ok.1', {
          discovery: {
            name: 'ok',
            visibility: 'CLUSTER',
            ports: [{ number: 80, name: '', protocol: 'tcp', labels: new Map() }],
          },
          frameworkName: LONG,
          agentId: `x-${'s'.repeat(40)}`,
        }),
      ],
    });
    expect(whys(await explain('web.marathon.mesos'))).toEqual(['web.1 agent-unknown']);
    const e = await explain(`_ok._tcp.${LONG}.mesos`, 'SRV');
    expect([e.answer?.records, whys(e)]).toEqual([[], ['ok.1 cannot-be-said']]);
    expect(e.leftOut[0]?.detail).toContain('at most 254 are allowed');
    const id = expect.stringMatching(/^_ok\._tcp\..* SRV /);
    expect(e.rejected).toContainEqual({ kind: 'record', id, reason: e.leftOut[0]?.detail });
  });
});

describe('names that do not exist, and names outside', () => {
  it('offers those that look like it', async () => {
    const explain = await cluster([
      raw('web.1', 'TASK_RUNNING', { ip: '10.1.0.1' }),
      raw('shop.1', 'TASK_RUNNING', { ip: '10.1.0.2' }),
    ]);
    const near = async (name: string) => (await explain(name)).near;
    expect(await near('wbe.marathon.mesos')).toEqual(['web.marathon.mesos.']);
    expect(await near('web.maraton.mesos')).toContain('web.marathon.mesos.');
    expect(await near('shop.mesos')).toContain('shop.marathon.mesos.');
    expect(await near('leadr.mesos')).toEqual(['leader.mesos.']);
    expect(await near('something.else.entirely.mesos')).toEqual([]);
    expect((await explain('web.marathon.mesos')).near).toEqual([]);
  });

  it('tells whom they would be asked of, who may, and what is kept', async () => {
    const { explain } = await start(CONTENT, {
      externalOn: true,
      resolvers: ['192.0.2.53'],
      zoneResolvers: { 'corp.example': ['192.0.2.99:5353'] },
      acl: { recursion: ['10.0.0.0/8'] },
      records: [{ name: 'www.mesos', type: 'CNAME', value: 'www.corp.example' }],
    });
    const e = await explain('www.example.com', 'A', '&client=10.1.2.3');
    expect(e).toMatchObject({ zone: null, answer: null });
    expect(e.outside).toEqual({
      name: 'www.example.com.',
      allowed: true,
      special: null,
      zone: null,
      resolvers: [{ address: '192.0.2.53:53', down: false }],
      cached: null,
    });
    expect((await explain('www.example.com')).outside?.allowed).toBe(false);
    // Who asks over HTTP from a link has such an address.
    const onLink = await explain('www.example.com', 'A', '&client=fe80::1%25eth0');
    expect(onLink.outside?.allowed).toBe(false);
    expect((await explain('x.localhost')).outside?.special).toEqual({
      kind: 'positive',
      records: ['x.localhost. 10800 A 127.0.0.1'],
    });
    const alias = await explain('www.mesos');
    expect(froms(alias)).toEqual(['www.corp.example. static']);
    expect(alias.outside).toMatchObject({
      name: 'www.corp.example.',
      zone: 'corp.example.',
      resolvers: [{ address: '192.0.2.99:5353', down: false }],
    });
  });

  it.each([
    ['', '400: say which name'],
    ['name=a..b', "400: 'a..b' is not a domain name"],
    ['name=web.mesos&type=nope', '400: type is not one of'],
    ['name=web.mesos&type=AXFR', '400: type is not one of'],
    ['name=web.mesos&type=A&client=me', '400: client is not an IP address'],
  ])('refuses ?%s', async (query, said) => {
    const { get } = await start(CONTENT);
    const reply = await get(query);
    expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining(said)]);
  });
});
