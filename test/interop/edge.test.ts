import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { dig, digShort, has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { ReplayMaster } from '../support/replay-master.ts';

// `rimrock edge` where Mesos-DNS stood: its config.json taken unchanged, in front of what a real Apache Mesos said.

/** A config.json as Mesos-DNS users have it: mixed spellings, keys that have become meaningless, everything set. */
function mesosDnsConfig(site: Site, masters: readonly string[]): Record<string, unknown> {
  return {
    zk: '',
    masters,
    refreshSeconds: 1,
    stateTimeoutSeconds: 300,
    zkDetectionTimeout: 30,
    ttl: 33,
    domain: 'mesos',
    port: site.ports.dns,
    resolvers: ['127.0.0.1:9'],
    timeout: 1,
    listener: '127.0.0.1',
    httplistener: '127.0.0.1',
    httpport: site.ports.dnsHttp,
    dnson: true,
    httpon: true,
    externalon: false,
    recurseon: false,
    IPSources: ['netinfo', 'mesos', 'host'],
    SRVRecordDefaultWeight: 7,
    SOAMname: 'ns1.mesos',
    SOARname: 'root.ns1.mesos',
    SOARefresh: 60,
    SOARetry: 600,
    SOAExpire: 86400,
    SOAMinttl: 60,
    enforceRFC952: false,
    setTruncateBit: true,
    enumerationOn: true,
    mesosHTTPSOn: false,
    caCertFile: '',
    mesosAuthentication: '',
    mesosCredentials: { principal: '', secret: '' },
    email: 'root.mesos-dns.mesos',
    ns: 'ns1',
  };
}

describe.skipIf(!has('dig'))('the edge with a config.json of Mesos-DNS (needs dig)', () => {
  let site: Site;
  let master: ReplayMaster;

  beforeEach(async () => {
    site = await Site.make();
    master = await new ReplayMaster().listen();
    master.situation('master-running');
  });
  afterEach(async () => {
    await master.close();
    await site.close();
  });

  const startEdge = (until: 'ready' | 'spawned' = 'ready'): Promise<Running> => {
    const file = join(site.data, 'config.json');
    writeFileSync(file, JSON.stringify(mesosDnsConfig(site, [master.address])));
    const lb = ['--set', `lb.http.port=${site.ports.http}`, '--set', `lb.admin.port=${site.ports.admin}`];
    return site.start('edge', { arguments: ['--config', file, ...lb], until });
  };

  /** What Mesos-DNS answered for this cluster, by its rules. */
  const answersOfTheCluster = async (): Promise<void> => {
    expect(await digShort(site.ports.dns, 'web.marathon.mesos')).toEqual(['127.0.0.1']);
    expect(await digShort(site.ports.dns, 'px.marathon.mesos')).toEqual(['10.9.8.7']);
    expect(await digShort(site.ports.dns, 'px.marathon.slave.mesos')).toEqual(['127.0.0.1']);
    expect(await digShort(site.ports.dns, 'leader.mesos')).toEqual(['127.0.0.1']);
    const http = await dig(site.ports.dns, '_http._web._tcp.marathon.mesos', 'SRV');
    expect(http.answers.map((a) => a.data.split(' ').slice(0, 3).join(' '))).toEqual([
      '0 7 31000',
      '0 7 31000',
    ]);
    expect(http.answers.map((a) => a.ttl)).toEqual([33, 33]);
    expect(http.flags).not.toContain('ra');
    const metrics = await dig(site.ports.dns, '_metrics._web._udp.marathon.mesos', 'SRV', '+tcp');
    expect(metrics.answers.map((a) => a.data.split(' ')[2])).toEqual(['31001', '31001']);
    const soa = await dig(site.ports.dns, 'mesos', 'SOA');
    expect(soa.answers[0]?.data).toMatch(/^ns1\.mesos\. root\.ns1\.mesos\. \d+ 60 600 86400 /);
    expect((await dig(site.ports.dns, 'nobody.marathon.mesos')).status).toBe('NXDOMAIN');
    expect((await dig(site.ports.dns, 'example.com')).status).toBe('REFUSED');
  };

  it('follows the event stream of a master of today, and keeps what it knew when the master is gone', async () => {
    const edge = await startEdge();
    expect(master.streams).toBe(1);
    await answersOfTheCluster();
    const hosts = await call('GET', `http://127.0.0.1:${site.ports.dnsHttp}/v1/hosts/web.marathon.mesos`);
    expect(hosts.json[0]).toEqual({ host: 'web.marathon.mesos.', ip: '127.0.0.1' });
    const config = await call('GET', `http://127.0.0.1:${site.ports.dnsHttp}/v1/config`);
    expect(config.json).toMatchObject({
      Domain: 'mesos',
      TTL: 33,
      SRVRecordDefaultWeight: 7,
      RefreshSeconds: 1,
      SOAMname: 'ns1.mesos.',
      SOARname: 'root.ns1.mesos.',
    });
    expect((await call('GET', `http://127.0.0.1:${site.ports.admin}/routes`)).status).toBe(200);

    master.mode = 'unavailable';
    master.drop();
    await eventually('the stream to be lost', () => master.streams === 0);
    await answersOfTheCluster();

    master.situation('master-empty').mode = 'modern';
    await eventually('the edge to come back and follow', async () => {
      return (await dig(site.ports.dns, 'web.marathon.mesos')).status === 'NXDOMAIN';
    });
    expect(master.streams).toBe(1);
    expect(await edge.interrupt()).toBe(0);
    expect(master.streams).toBe(0);
  });

  it('polls /master/state where there is no stream: an old master', async () => {
    master.mode = 'old';
    await startEdge();
    await answersOfTheCluster();
    master.situation('master-empty');
    await eventually('the next poll', async () => {
      return (await dig(site.ports.dns, 'web.marathon.mesos')).status === 'NXDOMAIN';
    });
  });

  it('polls /master/state where there is no stream: a file behind any web server', async () => {
    master.mode = 'static';
    master.staticPath = '/master/state';
    await startEdge();
    await answersOfTheCluster();
    expect(master.requests.some((r) => r.method === 'GET' && r.path === '/master/state')).toBe(true);
  });

  it('is not ready before it has seen a state, and does not say that names do not exist', async () => {
    master.mode = 'unavailable';
    await startEdge('spawned');
    await eventually('the edge to have asked', () => master.requests.length > 0);
    const ready = async (): Promise<number> =>
      (await call('GET', `http://127.0.0.1:${site.ports.dnsHttp}/ready`)).status;
    await eventually('the edge to answer', async () => (await ready()) === 503);
    expect((await dig(site.ports.dns, 'web.marathon.mesos')).status).toBe('SERVFAIL');
    master.mode = 'modern';
    await eventually('the edge to be ready', async () => (await ready()) === 200);
    await answersOfTheCluster();
  });
});
