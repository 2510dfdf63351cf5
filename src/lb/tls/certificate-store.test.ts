import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { acmeSchema } from '../acme/config.ts';
import { FakeAuthority } from '../testing/fake-authority.ts';
import { FakeIdentity } from '../testing/fake-identity.ts';
import { CertificateStore } from './certificate-store.ts';
import { httpsSchema, httpsWanted, tlsSchema } from './config.ts';
import { NameIndex } from './names.ts';

const clock = new FakeClock();
const authority = new FakeAuthority(clock);
const disk = new Map<string, string>();
let listing: Error | undefined;
let changes = 0;

function put(name: string, names: readonly string[]): void {
  const { certificateChain, privateKey } = authority.issue(names);
  disk.set(`${name}.pem`, certificateChain + privateKey);
}

async function start(config: object, identity?: FakeIdentity): Promise<CertificateStore> {
  const store = new CertificateStore({
    config: tlsSchema.parse(config),
    files: {
      read: async (path) => {
        const text = disk.get(path);
        if (text === undefined) throw new Error(`no ${path}`);
        return text;
      },
      list: async () => {
        if (listing) throw listing;
        return [...disk.keys()];
      },
    },
    clock,
    random: seededRandom(3),
    log: silentLogger,
    onChange: () => (changes += 1),
    ...(identity && { identity }),
  });
  await store.start();
  return store;
}

const hosts = (store: CertificateStore): unknown[] =>
  store.order.certificates.map((c) => [c.name, ...c.hosts]);

describe('CertificateStore', () => {
  it('follows a folder; what breaks is told and stays as it was, what leaves is gone', async () => {
    put('a', ['a.test', '*.a.test', '10.0.0.1']);
    put('b', ['B.test']);
    const store = await start({ directory: '/d' });
    expect(hosts(store)).toEqual([['a.pem', 'a.test', '*.a.test'], ['b.pem', 'b.test'], ['*']]);
    expect(store.order.certificates.some((c) => c.certificateChain.includes('KEY'))).toBe(false);
    changes = 0;
    await store.look();
    expect([changes, store.problems()]).toEqual([0, []]);
    const good = disk.get('a.pem') ?? '';
    disk.set('a.pem', good.slice(0, 200));
    listing = undefined;
    await store.look();
    expect([changes, hosts(store).length]).toEqual([0, 3]);
    expect(store.problems()).toEqual([
      { serviceKey: 'config', label: 'a.pem', reason: 'no certificate in the certificate chain' },
    ]);
    listing = new Error('EACCES');
    await store.look();
    expect([changes, hosts(store).length, store.problems().length]).toEqual([0, 3, 2]);
    listing = undefined;
    put('a', ['new.test']);
    disk.delete('b.pem');
    await store.look();
    expect([changes, hosts(store), store.problems()]).toEqual([1, [['a.pem', 'new.test'], ['*']], []]);
    expect([...store.expiries()]).toEqual([
      { labels: { certificate: 'a.pem' }, value: Math.floor(clock.now() / 1000) + 86_400 },
    ]);
    store.stop();
  });

  it('makes new ticket keys, and keeps two from before', async () => {
    const store = await start({ selfSigned: ['localhost'], ticketMs: 1_000, unknownNames: 'refuse' });
    expect(hosts(store)).toEqual([['self-signed', 'localhost']]);
    const [first] = store.order.ticketKeys;
    changes = 0;
    for (const kept of [2, 3, 3]) {
      clock.advance(1_000);
      expect(store.order.ticketKeys).toHaveLength(kept);
    }
    expect([changes, store.order.ticketKeys.includes(first ?? new Uint8Array())]).toEqual([3, false]);
    store.stop();
    clock.advance(10_000);
    expect(changes).toBe(3);
  });

  it('shows the identity under the names that are asked for, once it has them', async () => {
    const identity = new FakeIdentity(authority);
    identity.issue('edge', undefined, ['other.test']);
    const names = ['a.test', '10.0.0.1'];
    const store = await start({ selfSigned: names, unknownNames: 'refuse' }, identity);
    expect(hosts(store)).toEqual([['self-signed', 'a.test']]);
    changes = 0;
    identity.issue('edge', undefined, names);
    expect([changes, hosts(store)]).toEqual([1, [['internal', 'a.test']]]);
    const shown = (): string | undefined => store.order.certificates[0]?.certificateChain;
    const first = shown();
    expect(store.order.identity?.certificateChain).toBe(first);
    identity.issue('edge', undefined, names);
    expect(shown()).not.toBe(first);
    store.stop();
  });

  it('is wanted where certificates are, unless told otherwise', () => {
    const wanted = (https: object, tls: object, acme = {}): boolean =>
      httpsWanted(httpsSchema.parse(https), tlsSchema.parse(tls), acmeSchema.parse(acme));
    expect(wanted({}, {})).toBe(false);
    expect(wanted({ enabled: true }, {})).toBe(true);
    expect(wanted({}, { directory: '/d' })).toBe(true);
    expect(wanted({ enabled: false }, { directory: '/d' })).toBe(false);
    expect(wanted({}, {}, { names: ['www.a.test'], termsOfServiceAgreed: true })).toBe(true);
  });
});

describe('certificates that were obtained', () => {
  it('come, are replaced and go; files are before them, and bad ones change nothing', async () => {
    const { certificateChain: chain, privateKey: key } = authority.issue(['o.test']);
    const store = await start({ ticketMs: 86_400_000 });
    changes = 0;
    store.offer('acme:o.test', { chain, key });
    expect([changes, hosts(store)]).toEqual([1, [['acme:o.test', 'o.test'], ['*']]]);
    expect(store.views()[0]?.issuer).toBe('CN=test authority');
    const other = authority.issue(['o.test']);
    expect(() => store.offer('acme:o.test', { chain, key: other.privateKey })).toThrow('does not belong');
    expect(store.order.certificates[0]?.privateKey).toBe(key);
    expect(store.ending()).toEqual([]);
    // It lives from a day ago to a day from now.
    clock.advance(13 * 3_600_000);
    expect(store.ending()).toEqual(['acme:o.test']);
    store.offer('acme:o.test', undefined);
    store.offer('acme:o.test', undefined);
    expect([changes, hosts(store)]).toEqual([2, []]);
    store.stop();
  });
});

describe('NameIndex', () => {
  it('prefers the name itself; a star is one whole label', () => {
    const index = new NameIndex<number>();
    for (const [i, name] of ['a.test', '*.a.test', '*.test', 'a.test'].entries()) index.add(name, i);
    const found = ['a.test', 'x.a.test', 'x.x.a.test', 'b.test', 'test', '.test', ''].map((n) =>
      index.find(n),
    );
    expect(found).toEqual([0, 1, undefined, 2, undefined, undefined, undefined]);
  });
});
