import { describe, expect, it } from 'vitest';
import { dnsConfigSchema } from './config.ts';
import { fromMesosDnsConfig } from './mesos-dns-config.ts';
import type { MesosDnsImport } from './mesos-dns-config.ts';

const minimal = { masters: ['10.0.0.1:5050'] };
const imported = (json: unknown): Extract<MesosDnsImport, { ok: true }> => {
  const result = fromMesosDnsConfig(json, '/etc/mesos-dns/config.json');
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result;
};
const issues = (json: unknown): string[] => {
  const result = fromMesosDnsConfig(json, '/etc/mesos-dns/config.json');
  return result.ok ? [] : result.issues.map((i) => `${i.path}: ${i.message}`);
};

describe('fromMesosDnsConfig', () => {
  it('has the defaults of Mesos-DNS', () => {
    const { dns, cluster, warnings } = imported(minimal);
    expect(warnings).toEqual([]);
    expect(dnsConfigSchema.parse(dns)).toMatchObject({
      port: 53,
      httpPort: 8123,
      host: '0.0.0.0',
      httpHost: '0.0.0.0',
      domain: 'mesos',
      ttlSeconds: 60,
      srvWeight: 1,
      resolvers: ['8.8.8.8'],
      ipSources: ['netinfo', 'mesos', 'host'],
      forwardTimeoutMs: 5000,
      externalOn: true,
      soa: {
        mname: 'ns1.mesos',
        rname: 'root.ns1.mesos',
        refreshSeconds: 60,
        retrySeconds: 600,
        expireSeconds: 86400,
      },
    });
    expect(cluster).toMatchObject({
      masters: ['10.0.0.1:5050'],
      refreshSeconds: 60,
      stateTimeoutSeconds: 300,
      https: false,
      authentication: 'none',
    });
  });

  it('takes every key, in any case, the last of two', () => {
    const { dns, cluster, warnings } = imported({
      zk: 'zk://10.0.0.1:2181/mesos',
      MASTERS: ['10.0.0.1:5050', '[fd00::1]:5050'],
      refreshSeconds: 5,
      TTL: 30,
      ttl: 40,
      domain: 'DC.Mesos',
      port: 5353,
      httpport: 8124,
      resolvers: ['10.0.0.2', '[fd00::2]:53'],
      zoneResolvers: { 'corp.example': ['10.0.0.3:5353'] },
      timeout: 0,
      listener: '10.0.0.9',
      HTTPListener: '10.0.0.8',
      SOAMname: 'ns.dc.mesos',
      SOARname: 'admin@dc.mesos',
      dnson: true,
      recurseon: false,
      IPSources: ['host'],
      EnforceRFC952: true,
      SetTruncateBit: false,
      MesosHTTPSOn: true,
      caCertFile: '/ca.pem',
      certFile: '/c.pem',
      keyFile: '/k.pem',
      mesosAuthentication: 'basic',
      mesosCredentials: { principal: 'p', secret: 's3cret' },
      ns: 'ns1',
      email: 'root.mesos-dns.mesos',
    });
    expect(dns).toMatchObject({
      domain: 'dc.mesos',
      ttlSeconds: 40,
      forwardTimeoutMs: 5000,
      recurseOn: false,
      enforceRfc952: true,
      setTruncateBit: false,
    });
    expect(dnsConfigSchema.parse(dns).zoneResolvers).toEqual({ 'corp.example': ['10.0.0.3:5353'] });
    expect(cluster).toMatchObject({
      zk: 'zk://10.0.0.1:2181/mesos',
      https: true,
      tls: { caFile: '/ca.pem', certFile: '/c.pem', keyFile: '/k.pem' },
      authentication: 'basic',
      principal: 'p',
      secret: 's3cret',
    });
    expect(warnings).toEqual([]);
    expect(JSON.stringify(dns)).not.toContain('s3cret');
  });

  it('ignores unknown keys and names them', () => {
    expect(imported({ ...minimal, reslovers: [], mesosphere: 1 }).warnings).toEqual([
      expect.stringContaining("'reslovers' is ignored; did you mean 'Resolvers'?"),
      expect.stringContaining("'mesosphere' is ignored"),
    ]);
  });

  it('takes null for a default, or an empty list', () => {
    expect(imported({ ...minimal, port: null, resolvers: null, mesosCredentials: null }).dns).toMatchObject({
      port: 53,
      resolvers: [],
    });
    expect(issues({ ...minimal, ipsources: null })).toEqual([
      'IPSources: IPSources validation failed: empty ip sources',
    ]);
  });

  it('takes any Timeout that Mesos-DNS takes', () => {
    expect(imported({ ...minimal, timeout: 3_000_000 }).dns.forwardTimeoutMs).toBe(3_600_000);
  });

  it('leaves to /v1/config only what our own settings do not say', () => {
    const shown = imported({ ...minimal, ttl: 5, refreshSeconds: 9 }).dns.mesosDnsConfig;
    expect(shown).toMatchObject({ RefreshSeconds: 9, Masters: minimal.masters, File: expect.any(String) });
    for (const key of ['TTL', 'SOAMname', 'Port', 'Domain', 'SOASerial', 'Resolvers'])
      expect(shown).not.toHaveProperty(key);
    const off = imported({ ...minimal, externalOn: false, resolvers: ['nonsense'] }).dns.mesosDnsConfig;
    expect(off).toMatchObject({ Resolvers: ['nonsense'] });
  });

  it.each([
    'zk://10.0.0.1:2181,10.0.0.2:2181/mesos',
    'zk://user:pa:s@s@zk.example/mesos/dc',
    'file:///etc/mesos/zk',
    '10.0.0.1:5050',
    '[fd00::1]:5050',
  ])('finds masters through %s', (zk) => {
    expect(imported({ zk }).cluster).toMatchObject({ masters: [], zk, zkDetectionTimeoutSeconds: 30 });
    expect(imported({ ...minimal, zk }).cluster).toMatchObject({ masters: minimal.masters, zk });
  });

  it('shows no password of ZooKeeper', () => {
    const { dns } = imported({ zk: 'zk://user:pa:s@s@10.0.0.1:2181/mesos' });
    expect(dns.mesosDnsConfig?.['Zk']).toBe('zk://user:******@10.0.0.1:2181/mesos');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ masters: [] }, 'service validation failed: specify Mesos masters or Zookeeper in config.json'],
    [{ masters: [], zk: 'zk://:2181/mesos' }, "failed to create master detector: ':2181'"],
    [{ masters: [], zk: 'zk:///mesos' }, 'failed to create master detector: a server is empty'],
    [{ masters: [], zk: 'etcd://a:2379/mesos' }, 'failed to create master detector: write zk://'],
    [{ masters: [], zk: 'file://here' }, 'failed to create master detector: a file is named with'],
    [{ masters: ['10.0.0.1:5050'], zk: '10.0.0.1:0' }, 'failed to create master detector: write zk://'],
    [{ dnsOn: false, httpOn: false }, 'service validation failed: either DNS or HTTP server should be on'],
    [{ masters: ['10.0.0.1'] }, 'error validating masters: illegal host:port specified: 10.0.0.1'],
    [{ masters: ['10.0.0.1:0'] }, 'error validating masters: illegal host:port specified'],
    [{ masters: ['10.0.0.1:1', '10.0.0.1:1'] }, 'error validating masters: duplicate found: 10.0.0.1:1'],
    [{ resolvers: ['dns.example'] }, 'error validating resolvers: illegal ip specified: dns.example'],
    [{ resolvers: ['10.0.0.1', '10.0.0.1:53'] }, 'error validating resolvers: duplicate found: 10.0.0.1:53'],
    [{ zoneResolvers: { mesos: ['10.0.0.1'] } }, "can't specify ZoneResolver for Mesos domain (mesos)"],
    [
      { zoneResolvers: { 'a.b': ['10.0.0.1'], b: ['10.0.0.1'] } },
      'ambiguous zone resolvers: .a.b is masked by .b',
    ],
    [
      { zoneResolvers: { corp: ['10.0.0.1'], CORP: ['10.0.0.2'] } },
      'ambiguous zone resolvers: .CORP is masked by .corp',
    ],
    [{ zoneResolvers: { b: [] } }, 'field ZoneResolver b is empty'],
    [{ zoneResolvers: { 'a..b': ['10.0.0.1'] } }, 'invalid domain name: a..b'],
    [{ ipsources: [] }, 'IPSources validation failed: empty ip sources'],
    [{ ipsources: ['host', 'host'] }, 'IPSources validation failed: duplicate ip source specified'],
    [{ ipsources: ['hots'] }, 'IPSources validation failed: invalid ip source "hots"'],
    [{ stateTimeoutSeconds: 0 }, 'Invalid HTTP Timeout: 0'],
    [{ domain: 'a..b' }, 'a..b is not a valid domain name'],
    [{ domain: 'a_b' }, 'a_b is not a valid domain name'],
    [{ certFile: 'x' }, 'Missing private key'],
    [{ keyFile: 'x' }, 'Missing certificate'],
    [{ mesosAuthentication: 'kerberos' }, 'unregistered factory requested'],
    [{ mesosAuthentication: 'basic' }, 'invalid HTTP Basic configuration'],
    [{ mesosAuthentication: 'iam' }, 'missing configuration for specified authentication mechanism'],
    [{ refreshSeconds: 0 }, 'must be at least 1'],
    [{ listener: 'dns.example' }, 'must be an IP address'],
    [{ port: 70000 }, 'must be a port from 0 to 65535'],
    [{ soaMname: 'ns1..mesos' }, "SOAMname: must be a domain name, not 'ns1..mesos'"],
    [{ soaRname: `${'r'.repeat(64)}@mesos` }, 'SOARname: must be a domain name'],
    [
      { masters: ['[::1]:5050', '[0:0::1]:5050'] },
      'error validating masters: duplicate found: [0:0::1]:5050',
    ],
    [
      { port: '53' },
      'failed to unmarshal config file "/etc/mesos-dns/config.json": port must be a whole number',
    ],
    [{ ttl: 1.5 }, 'ttl must be a whole number, not 1.5'],
    [{ masters: ['10.0.0.1:5050', 7] }, 'must be a list of strings, but number 2 is a number'],
    [{ ttl: 4294967296 }, 'failed to unmarshal config file'],
    [{ resolvers: '8.8.8.8' }, 'must be a list of strings'],
    [{ dnsOn: 'yes' }, 'must be a boolean'],
    [{ zoneResolvers: [] }, 'must be an object of lists of strings'],
  ])('refuses %j', (more, text) => {
    expect(issues({ ...minimal, ...more }).join('\n')).toContain(text);
  });

  it('refuses what is no object', () => {
    for (const json of [null, [], 'x', 1])
      expect(issues(json)[0]).toContain('failed to unmarshal config file');
  });

  it('does not check resolvers when nothing is forwarded', () => {
    expect(
      issues({ ...minimal, externalOn: false, resolvers: ['nonsense'], zoneResolvers: { mesos: [] } }),
    ).toEqual([]);
  });

  it('reports every mistake at once', () => {
    expect(issues({ masters: ['x'], resolvers: ['y'], domain: '.' })).toHaveLength(3);
  });
});

describe('dnsConfigSchema', () => {
  it('works with nothing', () => {
    expect(dnsConfigSchema.parse({})).toMatchObject({
      host: '127.0.0.1',
      port: 8053,
      httpPort: 8123,
      domain: 'mesos',
    });
  });
  it.each<[Record<string, unknown>, string, string]>([
    [{ resolvers: ['dns.example'] }, 'resolvers.0', 'not an IP address'],
    [{ resolvers: ['10.0.0.1', '10.0.0.1:53'] }, 'resolvers', 'duplicate'],
    [{ domain: 'a_b' }, 'domain', 'letters, digits and hyphens'],
    [{ ipSources: ['host', 'host'] }, 'ipSources', 'twice'],
    [{ zoneResolvers: { mesos: ['10.0.0.1'] } }, 'zoneResolvers.mesos', 'published domain'],
    [{ dnsOn: false, httpOn: false }, 'dnsOn', 'must be true'],
    [{ port: 99999 }, 'port', ''],
    [{ host: 'localhost' }, 'host', 'not a name'],
    [{ soa: { mname: 'a..b' } }, 'soa.mname', 'domain name'],
    [{ forwardTimeoutMs: 2 ** 31 }, 'forwardTimeoutMs', ''],
  ])('refuses %j', (input, path, text) => {
    const result = dnsConfigSchema.safeParse(input);
    const found = result.error?.issues.find((i) => i.path.join('.') === path);
    expect(found?.message).toContain(text);
  });
});
