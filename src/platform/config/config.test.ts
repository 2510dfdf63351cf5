import { generateKeyPairSync } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { roles } from '../roles.ts';
import type { RoleName } from '../roles.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { loadConfig } from './load.ts';
import type { LoadedConfig } from './load.ts';
import { maskSecrets } from './mask.ts';
import { applyOverride, mergeRaw } from './overrides.ts';
import { printConfig } from './print.ts';
import { rimrockConfigSchema } from './schema.ts';
import type { RimrockConfig } from './schema.ts';
import { readSource } from './source.ts';

/** Any real certificate. */
const AUTHORITY = rootCertificates[0] ?? '';

const load = (
  text: string | undefined,
  overrides: string[] = [],
  role: RoleName = 'up',
): Promise<LoadedConfig> =>
  loadConfig(
    { role, file: text === undefined ? undefined : 'file', overrides },
    new FakeWorld(
      text === undefined ? {} : { '/here/file': text, '/here/ca.pem': AUTHORITY, '/here/bad.pem': 'PEM' },
    ),
  );

async function good(
  text: string | undefined,
  overrides: string[] = [],
  role: RoleName = 'up',
): Promise<RimrockConfig> {
  const loaded = await load(text, overrides, role);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  return loaded.config;
}

async function issues(text: string | undefined, overrides: string[] = []): Promise<string[]> {
  const loaded = await load(text, overrides);
  return loaded.ok ? [] : loaded.issues.map((i) => `${i.path}: ${i.message}`);
}

describe('the configuration', () => {
  it('has the addresses of the README by default', async () => {
    const { master, agent, marathon, dns, lb } = await good(undefined);
    expect([
      master.port,
      agent.port,
      marathon.port,
      dns.port,
      dns.httpPort,
      lb.http.port,
      lb.admin.port,
    ]).toEqual([5050, 5051, 8080, 8053, 8123, 8000, 9090]);
    for (const { host } of [master, agent, marathon, dns, lb.http, lb.admin]) expect(host).toBe('127.0.0.1');
  });

  it.each([
    [{}, { masters: ['127.0.0.1:5050'], zk: '', principal: '' }],
    [{ agent: { master: 'a:5050, https://b:1' } }, { masters: ['a:5050', 'https://b:1'] }],
    [{ agent: { master: 'consul://c:8500/x' } }, { masters: [], zk: 'consul://c:8500/x' }],
    [
      { agent: { master: 'a:5050' }, cluster: { masters: ['b:5050'] } },
      { masters: ['b:5050'], zk: '' },
    ],
    [
      { agent: { master: 'a:5050' }, cluster: { zk: 'zk://z:2181/m' } },
      { masters: [], zk: 'zk://z:2181/m' },
    ],
    [{ agent: { principal: 'me', secret: 'x' } }, { principal: 'me', secret: 'x' }],
    [
      { agent: { principal: 'me', secret: 'x' }, cluster: { principal: 'you' } },
      { principal: 'you', secret: '' },
    ],
  ])('has an agent follow its own masters, unless it is said: %j', async (said, cluster) => {
    expect((await good(JSON.stringify(said), [], 'agent')).cluster).toMatchObject(cluster);
  });

  it('points every part of `up` at its own master, wherever that listens', async () => {
    const config = await good('master: {host: 0.0.0.0, port: 7001}', ['agent.host=127.0.0.5']);
    expect(config.agent).toMatchObject({
      master: 'http://127.0.0.1:7001',
      hostname: '127.0.0.5',
      onStop: 'kill',
      workDir: '/here/data/agent',
    });
    expect(config.marathon.master).toBe('http://127.0.0.1:7001');
    expect(config.cluster.masters).toEqual(['127.0.0.1:7001']);
    const six = await good('master: {host: "::1"}');
    expect(six.cluster.masters).toEqual(['[::1]:5050']);
  });

  it('lets the user win over what a role assumes', async () => {
    const config = await good('agent: {onStop: leave, workDir: /w}\ncluster: {masters: [10.0.0.1:5050]}');
    expect([config.agent.onStop, config.agent.workDir, config.cluster.masters]).toEqual([
      'leave',
      '/w',
      ['10.0.0.1:5050'],
    ]);
  });

  it('wants a real port for the master where others must find it', async () => {
    expect(await issues('master: {port: 0}')).toEqual([
      expect.stringMatching(/^master\.port: .*choose a port/),
    ]);
    expect((await load('master: {port: 0}', [], 'master')).ok).toBe(true);
  });

  it('assumes nothing of that in the other roles', async () => {
    const config = await good('data: /var/lib/rimrock', [], 'agent');
    expect([config.agent.onStop, config.agent.workDir]).toEqual(['leave', '/var/lib/rimrock/agent']);
  });

  it('takes defaults, then the file, then --set, later ones last', async () => {
    const config = await good('dns: {port: 1000, ttlSeconds: 7}', ['dns.port=2000', 'dns.port=3000']);
    expect([config.dns.port, config.dns.ttlSeconds, config.dns.domain]).toEqual([3000, 7, 'mesos']);
  });

  it('takes sections whose every line is commented out', async () => {
    expect((await good('dns:\n  # port: 53\nlb:\n')).dns.port).toBe(8053);
    expect((await good('')).dns.port).toBe(8053);
  });

  it('tells every mistake with its path and the nearest key', async () => {
    expect(
      await issues('dsn: {}\ndns: {prot: 1, port: 70000}\nlb: {http: {prt: 1}}', ['foo', 'agent.port=x']),
    ).toEqual([
      "--set: 'foo' is not of the form key=value",
      expect.stringMatching(/^agent\.port: .*expected number/),
      expect.stringMatching(/^dns\.port: /),
      "dns.prot: unknown key 'prot'; did you mean 'port'?",
      "lb.http.prt: unknown key 'prt'; did you mean 'port'?",
      "dsn: unknown key 'dsn'; did you mean 'dns'?",
    ]);
  });

  it('names the file that cannot be read or is no configuration', async () => {
    const missing = await loadConfig({ role: 'up', file: 'nowhere.yaml', overrides: [] }, new FakeWorld());
    expect(missing).toMatchObject({ ok: false, issues: [{ path: 'nowhere.yaml' }] });
    expect(await issues('dns: [')).toEqual([
      expect.stringMatching(/^file: is neither YAML nor JSON: .*line 1/),
    ]);
    expect(await issues('- a\n- b')).toEqual([expect.stringMatching(/must be an object of sections/)]);
    expect(await issues('dns: 5')).toEqual([expect.stringMatching(/^dns: /)]);
  });

  it('never throws, whatever the file holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((j) => `{"dns": ${j}}`),
        ),
        async (text) => {
          const loaded = await load(text);
          expect(loaded.ok || loaded.issues.length > 0).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(roles.map((r) => [r.name, r] as const))(
    'prints for %s what it can read again',
    async (name, role) => {
      const config = await good(undefined, ['cluster.secret=open-sesame'], name);
      const printed = printConfig(role, config);
      expect(Object.keys(parse(printed) as object)).toEqual([...role.sections]);
      expect(printed).not.toContain('open-sesame');
      const again = await good(printed, ['cluster.secret=open-sesame'], name);
      for (const section of role.sections) expect(again[section]).toEqual(config[section]);
    },
  );
});

describe('--set', () => {
  const set = (text: string): unknown => {
    const applied = applyOverride(rimrockConfigSchema, { dns: { port: 1 } }, text);
    return applied.ok ? applied.raw : applied.issue.message;
  };

  it.each([
    ['dns.ttlSeconds=5', { dns: { port: 1, ttlSeconds: 5 } }],
    ['dns.externalOn=false', { dns: { port: 1, externalOn: false } }],
    ['dns.domain=5', { dns: { port: 1, domain: '5' } }],
    ['agent.attributes=rack:r1;zone:a', { dns: { port: 1 }, agent: { attributes: 'rack:r1;zone:a' } }],
    ['cluster.masters=a:1, b:2', { dns: { port: 1 }, cluster: { masters: ['a:1', 'b:2'] } }],
    ['cluster.masters=[a:1]', { dns: { port: 1 }, cluster: { masters: ['a:1'] } }],
    ['dns.resolvers=', { dns: { port: 1, resolvers: [] } }],
    ['dns.nonsense=x', { dns: { port: 1, nonsense: 'x' } }],
    ['data=a=b', { dns: { port: 1 }, data: 'a=b' }],
    ['agent.taskEnvironment.A=1', { dns: { port: 1 }, agent: { taskEnvironment: { A: '1' } } }],
  ])('%s', (text, raw) => {
    expect(set(text)).toEqual(raw);
  });

  it.each(['', '=', 'dns', '=5', 'dns..port=5', '.=1'])("refuses '%s'", (text) => {
    expect(set(text)).toMatch(/not of the form key=value/);
  });

  it('merges by key and replaces lists whole', () => {
    expect(mergeRaw({ a: { b: 1, c: [1, 2] } }, { a: { c: [3] }, d: 1 })).toEqual({
      a: { b: 1, c: [3] },
      d: 1,
    });
  });
});

describe('a Mesos-DNS config.json', () => {
  const file = {
    masters: ['10.0.0.1:5050'],
    REFRESHSECONDS: 30,
    domain: 'dc',
    httpport: 8124,
    listener: '127.0.0.1',
  };

  it('is known by its content, in any case of its keys', () => {
    const sections = Object.keys(rimrockConfigSchema.shape);
    const kind = (text: string): string => readSource(text, sections).kind;
    expect(kind(JSON.stringify(file))).toBe('mesos-dns');
    expect(kind('{"ZK": "zk://a:2181/mesos"}')).toBe('mesos-dns');
    expect(kind('{"dns": {"port": 53}}')).toBe('rimrock');
    expect(kind('{"dns": {}, "domain": "x"}')).toBe('rimrock');
    expect(kind('{}')).toBe('rimrock');
    expect(kind('{"masters": ["a:1"],}')).toBe('unreadable');
    expect(kind('domain: mesos')).toBe('unreadable');
    // The reason of the JSON reader: that of the YAML reader would say nothing to whoever wrote JSON.
    expect(readSource('{"masters": [', sections)).toMatchObject({ reason: expect.stringContaining('JSON') });
  });

  it('is taken as it is', async () => {
    const config = await good(JSON.stringify(file), ['lb.http.port=81'], 'edge');
    expect(config.cluster).toMatchObject({ masters: ['10.0.0.1:5050'], refreshSeconds: 30 });
    expect(config.dns).toMatchObject({ domain: 'dc', httpPort: 8124, host: '127.0.0.1', port: 53 });
    expect(config.lb.http.port).toBe(81);
  });

  it('has the files read that it names, and tells which cannot be', async () => {
    const config = await good(
      JSON.stringify({ ...file, mesosHttpsOn: true, caCertFile: 'ca.pem' }),
      [],
      'edge',
    );
    expect(config.cluster).toMatchObject({ https: true, tls: { ca: AUTHORITY } });
    expect(await issues(JSON.stringify({ ...file, caCertFile: '/none' }))).toEqual([
      expect.stringMatching(/^CACertFile: CACertFile open failed/),
    ]);
    expect(
      await issues(
        JSON.stringify({ ...file, caCertFile: 'bad.pem', certFile: 'bad.pem', keyFile: 'bad.pem' }),
      ),
    ).toEqual([
      expect.stringMatching(/^CACertFile: CACertFile parsing failed/),
      expect.stringMatching(/^CertFile: CertFile parsing failed/),
    ]);
  });

  it('waits for a state as long as it allows, within reason', async () => {
    const config = await good(JSON.stringify({ ...file, stateTimeoutSeconds: 100_000 }), [], 'edge');
    expect(config.cluster.stateTimeoutSeconds).toBe(86_400);
  });

  it('says that certificates are checked only where they are', async () => {
    const notes = async (more: object, overrides: string[] = []): Promise<readonly string[]> => {
      const loaded = await load(JSON.stringify({ ...file, mesosHttpsOn: true, ...more }), overrides, 'edge');
      return loaded.ok ? loaded.notes : ['refused'];
    };
    expect(await notes({})).toEqual([expect.stringContaining('certificates of masters are checked')]);
    expect(await notes({}, ['cluster.tls.verify=false'])).toEqual([]);
    expect(await notes({ caCertFile: 'ca.pem' })).toEqual([]);
    expect(await notes({ mesosHttpsOn: false })).toEqual([]);
  });

  it('finds masters through ZooKeeper, alone or besides, and ends without a leader as Mesos-DNS does', async () => {
    const zk = 'zk://dns:sesame@10.0.0.1:2181/mesos';
    const found = await good(JSON.stringify({ zk, zkDetectionTimeout: 7 }), [], 'edge');
    expect(found.cluster).toMatchObject({
      masters: [],
      zk,
      zkDetectionTimeoutSeconds: 7,
      exitWithoutLeader: true,
    });
    const both = await good(JSON.stringify({ ...file, zk }), [], 'edge');
    expect(both.cluster).toMatchObject({ masters: ['10.0.0.1:5050'], zk });
    const own = await good(`cluster: {zk: "${zk}"}`, [], 'edge');
    expect(own.cluster).toMatchObject({ masters: [], zk, exitWithoutLeader: false });
    const edge = roles.find((r) => r.name === 'edge');
    expect(edge && printConfig(edge, own)).not.toContain('sesame');
    expect(await issues('cluster: {zk: "zk://:1/"}')).toEqual([
      expect.stringMatching(/^cluster\.zk: failed to create master detector: /),
    ]);
    expect(await issues('cluster: {masters: []}')).toEqual([
      expect.stringMatching(/^cluster\.masters: name at least/),
    ]);
  });

  it('has the service account read that it names', async () => {
    const iam = { ...file, mesosAuthentication: 'iam', iamConfigFile: 'iam.json' };
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const account = { uid: 'dns', private_key: pem, login_endpoint: 'https://iam/login', scheme: 'RS256' };
    const loaded = async (content: string | undefined): Promise<LoadedConfig> =>
      loadConfig(
        { role: 'edge', file: 'file', overrides: [] },
        new FakeWorld({
          '/here/file': JSON.stringify(iam),
          ...(content === undefined ? {} : { '/here/iam.json': content }),
        }),
      );
    const well = await loaded(JSON.stringify(account));
    expect(well).toMatchObject({
      ok: true,
      config: { cluster: { iam: { uid: 'dns', privateKey: pem, loginEndpoint: 'https://iam/login' } } },
    });
    const edge = roles.find((r) => r.name === 'edge');
    expect(well.ok && edge && printConfig(edge, well.config)).toContain('privateKey: "********"');
    const why = async (content: string | undefined): Promise<string> => {
      const bad = await loaded(content);
      return bad.ok ? '' : bad.issues.map((i) => i.message).join();
    };
    expect(await why(undefined)).toContain('failed to load IAM config from file "iam.json": ENOENT');
    expect(await why('{"private_key": "sesame')).toBe(
      'failed to load IAM config from file "iam.json": it is not JSON',
    );
    expect(await why('{"uid": "dns"}')).toMatch(
      /invalid HTTP IAM configuration .*private_key.*login_endpoint/,
    );
    expect(await why(JSON.stringify({ ...account, private_key: 'sesame' }))).toBe(
      'must be an RSA private key in PEM',
    );
  });

  it('is refused in the words of Mesos-DNS', async () => {
    expect(await issues('{"domain": "mesos"}')).toEqual([
      expect.stringMatching(/specify Mesos masters or Zookeeper/),
    ]);
  });
});

describe('maskSecrets', () => {
  it('covers secrets and leaves the rest', () => {
    expect(
      maskSecrets({
        principal: 'me',
        secret: 's',
        empty: { password: '' },
        url: 'http://user:pw@host/x',
        list: ['zk://u:p@h:1/m', 'zk://u:p@ss:w@h:1/m', 'plain:1@x'],
        apiToken: ['a', 'b'],
        users: ['jo:$6$salt$hash', 'al:{SHA}hash', 'ed:$scrypt$ln=1', 'plain:1'],
        tls: { cert: 'PEM', key: '-----BEGIN EC PRIVATE KEY-----\nabc' },
      }),
    ).toEqual({
      principal: 'me',
      secret: '********',
      empty: { password: '' },
      url: 'http://user:********@host/x',
      list: ['zk://u:********@h:1/m', 'zk://u:********@h:1/m', 'plain:1@x'],
      apiToken: ['********', '********'],
      users: ['jo:********', 'al:********', 'ed:********', 'plain:1'],
      tls: { cert: 'PEM', key: '********' },
    });
  });
});
