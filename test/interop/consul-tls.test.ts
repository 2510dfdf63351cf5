import { randomUUID } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { TlsOptions } from '../../src/core/http/client.ts';
import { LeaderFinder } from '../../src/core/http/leader-finder.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { masterPlaces, originOfMasterInfo } from '../../src/mesos/index.ts';
import { consulConfigSchema } from '../../src/store/consul/config.ts';
import { openConsulStore } from '../../src/store/index.ts';
import type { Leadership, Store, StoreEvent } from '../../src/store/index.ts';
import { LEAF } from '../support/certificate-forge.ts';
import type { Made } from '../support/certificate-forge.ts';
import { followConsul } from '../support/consul-detector.ts';
import type { Heard } from '../support/consul-detector.ts';
import { ConsulServer, hasConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { ManyMasters } from '../support/many-masters.ts';
import { has } from '../support/peers.ts';
import { TestPki } from '../support/test-pki.ts';

const text = (file: string): string => readFileSync(file, 'utf8');
const shown = ({ certificate, key }: Made): TlsOptions => ({ cert: text(certificate), key: text(key) });
const named = (alt: string): Readonly<Record<string, string>> => ({ ...LEAF, subjectAltName: alt });

describe.skipIf(!hasConsul || !has('openssl'))('a real Consul with TLS alone (needs consul)', () => {
  const pki = new TestPki();
  const token = randomUUID();
  const stop = new AbortController();
  const endings: (() => Promise<void> | void)[] = [];
  let server: ConsulServer;
  let good: TlsOptions;
  let stranger: TlsOptions;
  let otherCa: string;

  beforeAll(async () => {
    await pki.prepare();
    const its = await pki.make({ extensions: named('IP:127.0.0.1') }, pki.root);
    good = { ca: text(pki.root.certificate), ...shown(await pki.make({ subject: '/CN=master' }, pki.root)) };
    const other = await pki.newRoot('Other');
    otherCa = text(other.certificate);
    stranger = shown(await pki.make({ subject: '/CN=stranger' }, other));
    const acl = `acl { enabled = true, default_policy = "deny", tokens { master = "${token}" } }`;
    server = await ConsulServer.start(['primary_datacenter = "dc1"', acl], {
      ca: pki.root.certificate,
      cert: its.certificate,
      key: its.key,
      client: good,
    });
    const store = await open({});
    await eventually('ACLs to be ready', () => store.put('ready', 'yes'), { timeoutMs: 60_000 });
  });
  afterEach(async () => {
    for (const end of endings.splice(0)) await end();
  });
  afterAll(async () => {
    stop.abort();
    await server.close();
    pki.close();
  });

  const open = async (over: Record<string, unknown>): Promise<Store> => {
    const config = {
      address: server.address,
      token,
      prefix: `test/${randomUUID()}`,
      tls: good,
      leaseSeconds: 2,
    };
    const store = await openConsulStore({
      config: consulConfigSchema.parse({ ...config, ...over }),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
    endings.push(() => store.close());
    return store;
  };

  /** What somebody hears who follows the election at this address. */
  const follow = (address: string, consulTls: TlsOptions): { named: string[]; problems: string[] } => {
    const heard = { named: [] as string[], problems: [] as string[] };
    const places = masterPlaces(address);
    if (typeof places === 'string') return expect.unreachable(places);
    const finder = new LeaderFinder({
      places,
      consulTls,
      clock: systemClock,
      random: systemRandom,
      originOf: originOfMasterInfo,
      onLeader: (origin) => void heard.named.push(origin),
      onProblem: (problem) => void heard.problems.push(problem),
    });
    finder.start();
    endings.push(() => finder.stop());
    return heard;
  };

  const detect = (address: string, consulTls: TlsOptions): Heard => {
    const heard = followConsul(address, consulTls);
    endings.push(heard.stop);
    return heard;
  };

  it('keeps, watches, elects and is followed', async () => {
    const prefix = randomUUID();
    const store = await open({ prefix });
    const events = store.watch('', stop.signal)[Symbol.asyncIterator]();
    await store.put('a', '1');
    expect(((await events.next()).value as StoreEvent).kind).toBe('put');
    expect((await store.get('a'))?.value).toBe('1');
    const heard: Leadership[] = [];
    const info = JSON.stringify({ address: { ip: '127.0.0.1', port: 5055 } });
    void (async () => {
      for await (const news of store.elect('master', info, stop.signal)) heard.push(news);
    })();
    const term = await eventually('it to lead', () => heard.at(-1)?.term, { timeoutMs: 30_000 });
    expect(await term.store.put('b', '2')).toMatchObject({ value: '2' });
    const address = `consuls://:${token}@127.0.0.1:${server.port}/${prefix}`;
    const follower = follow(address, good);
    await eventually('agents and schedulers to hear', () => follower.named.length > 0);
    expect(follower).toEqual({ named: ['http://127.0.0.1:5055'], problems: [] });
    const edge = detect(address, good);
    await eventually('the edge to hear', () => edge.masters.at(-1)?.leader === '127.0.0.1:5055');
  });

  type Wrong = readonly [string, () => TlsOptions, RegExp];
  const wrong: readonly Wrong[] = [
    [
      'an authority that has not signed',
      () => ({ ...good, ca: otherCa }),
      /no authority of store\.consul\.tls\.ca has signed/,
    ],
    ['no certificate of ours', () => ({ ca: good.ca }), /store\.consul\.tls\.cert/],
    ['a certificate of a stranger', () => ({ ...good, ...stranger }), /store\.consul\.tls\.cert/],
  ];

  it.each(wrong)('says which key is wrong: %s', async (_, tls, says) => {
    const store = await open({ tls: tls() });
    for (let time = 0; time < 2; time++)
      await expect(store.put('a', '1')).rejects.toMatchObject({
        code: 'STORE_CONSUL_UNAVAILABLE',
        message: expect.stringMatching(says),
      });
    const address = `consuls://:${token}@127.0.0.1:${server.port}/any`;
    const follower = follow(address, tls());
    const edge = detect(address, tls());
    const tries = (): number => Math.min(follower.problems.length, edge.problems.length);
    await eventually('them to have tried again', () => tries() > 1, { timeoutMs: 30_000 });
    for (const problem of [...follower.problems, ...edge.problems]) expect(problem).toMatch(says);
  });

  it('says that the certificate is for another name', async () => {
    const store = await open({ address: `https://localhost:${server.port}` });
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'STORE_CONSUL_UNAVAILABLE',
      message: expect.stringMatching(/its certificate is for other names/),
    });
  });

  it('is all that master, agent and Marathon need to find each other', async () => {
    const its = await pki.make({ extensions: named('IP:127.0.0.1') }, pki.root);
    const { certificate: cert, key } = its;
    const all = await ManyMasters.start(1, { ca: pki.root.certificate, cert, key, client: good });
    endings.push(() => all.close());
    const { url } = await all.leader(60_000);
    const state = async (): Promise<string> => (await fetch(`${url}/master/state`)).text();
    const came = async (): Promise<boolean> => {
      const { slaves, frameworks } = JSON.parse(await state()) as Record<string, { active: boolean }[]>;
      return [...(slaves ?? []), ...(frameworks ?? [])].filter(({ active }) => active).length === 2;
    };
    await eventually('agent and Marathon to come', came, { timeoutMs: 60_000 });
  });

  it('goes on trying, and leads and follows once Consul shows a certificate that it trusts', async () => {
    const other = await pki.newRoot('Former');
    const bad = await pki.make({ extensions: named('IP:127.0.0.1') }, other);
    const renewed = await pki.make({ extensions: named('IP:127.0.0.1') }, pki.root);
    const files = {
      ca: pki.root.certificate,
      cert: join(pki.home, 'its.pem'),
      key: join(pki.home, 'its.key'),
    };
    const install = ({ certificate, key }: Made): void => {
      copyFileSync(certificate, files.cert);
      copyFileSync(key, files.key);
    };
    install(bad);
    const client = { ...good, ca: `${good.ca}\n${text(other.certificate)}` };
    const own = await ConsulServer.start([], { ...files, client });
    endings.push(() => own.close());
    const store = await open({ address: own.address, prefix: 'late', token: '' });
    const heard: Leadership[] = [];
    const info = JSON.stringify({ address: { ip: '127.0.0.1', port: 5056 } });
    void (async () => {
      for await (const news of store.elect('master', info, stop.signal)) heard.push(news);
    })();
    const follower = follow(`consuls://127.0.0.1:${own.port}/late`, good);
    await eventually('to hear of the problem', () => heard.length > 0 && follower.problems.length > 1, {
      timeoutMs: 30_000,
    });
    expect(heard).toEqual([{ leader: undefined, isSelf: false }]);
    await own.kill9();
    install(renewed);
    await own.launch();
    await eventually('it to lead', () => heard.at(-1)?.term?.holds(), { timeoutMs: 60_000 });
    await eventually('the follower to hear', () => follower.named.at(-1), { timeoutMs: 60_000 });
    expect(follower.named).toEqual(['http://127.0.0.1:5056']);
  });
});
