import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { createPortableReactor } from '../../net/index.ts';
import { acmeSchema } from '../acme/config.ts';
import { FakeAuthority } from '../testing/fake-authority.ts';
import { FakeIdentity } from '../testing/fake-identity.ts';
import { CertificateStore } from './certificate-store.ts';
import { httpsSchema, httpsWanted, tlsSchema } from './config.ts';
import { NameIndex } from './names.ts';

/** RSA of 512 bits, for a.test. */
const SHORT_KEY = `-----BEGIN CERTIFICATE-----
MIIBezCCASWgAwIBAgIUD+FKE7W90U6c1aMa4jwXndyTn8YwDQYJKoZIhvcNAQEL
BQAwETEPMA0GA1UEAwwGYS50ZXN0MCAXDTI2MTEyMzA5Mzg0OFoYDzIxMjYxMDMw
MDkzODQ4WjARMQ8wDQYDVQQDDAZhLnRlc3QwXDANBgkqhkiG9w0BAQEFAANLADBI
AkEA11tJdS7sP4xPtGW8Z1O4lQMXCY2Jrq0Cw8t9RXy/hyKmCkVwEV5TT8q1rURf
NleRkBLsGwGjieS9/yljidS27wIDAQABo1MwUTAdBgNVHQ4EFgQUu1ddh9uGteS4
VFgd/B+inFiaKg4wHwYDVR0jBBgwFoAUu1ddh9uGteS4VFgd/B+inFiaKg4wDwYD
VR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAANBAEq8maH361SMT2aP9QoJSiHV
hUlkgsZMvxvccxa084Fh2T6Ix/LwR1+vnAIsAMV94hVUIdUo26NTnEfdBT3mgAM=
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA11tJdS7sP4xPtGW8
Z1O4lQMXCY2Jrq0Cw8t9RXy/hyKmCkVwEV5TT8q1rURfNleRkBLsGwGjieS9/ylj
idS27wIDAQABAkEAwdl6FfFW1x0F4exx2tCRphBR/FdbR9CUXIofCR1xicEOl3HY
6fqi3ecGpyYm9McS9Ob3w+L2xrHrDGcfTbN3AQIhAP3MON9UlnD3tljxW/oKA1gs
i/KfNxW9CWdFziXWeFwHAiEA2TmsQpLlr0YNrUjNL4X5yeWITuidp2EPDxOKZ54I
Y9kCIQDyZ5NOY5lJDp+Adg62U8f7+Jg2RLG1Npd7puWNqDnPEwIgArl8daFODDK+
vSuqlywBBA1C9mpof87x12iRVddfl5ECIAZpJXCVldOrdtmdE3+TlXu0NGD8bd9Y
VJhYMT4/fR+D
-----END PRIVATE KEY-----
`;

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
    reactor: createPortableReactor({ clock, log: silentLogger }),
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

  it('what was gone for a moment is no problem any more when it is back as it was', async () => {
    disk.clear();
    put('a', ['a.test']);
    const store = await start({ certificates: [{ certificate: 'a.pem' }] });
    const good = disk.get('a.pem') ?? '';
    disk.delete('a.pem');
    await store.look();
    expect(store.problems()).toMatchObject([{ label: 'a.pem', reason: 'no a.pem' }]);
    disk.set('a.pem', good);
    await store.look();
    expect([store.problems(), hosts(store)]).toEqual([[], [['a.pem', 'a.test'], ['*']]]);
    store.stop();
  });

  it('what TLS refuses, such as a short key, is told, and the last good one stays', async () => {
    disk.clear();
    put('a', ['a.test']);
    const store = await start({ certificates: [{ certificate: 'a.pem' }] });
    const good = hosts(store);
    disk.set('a.pem', SHORT_KEY);
    await store.look();
    expect(store.problems()).toMatchObject([
      { label: 'a.pem', reason: expect.stringMatching(/key too small/) as string },
    ]);
    expect(hosts(store)).toEqual(good);
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

it.each([
  ['NOPE', false],
  ['ECDHE-RSA-AES128-GCM-SHA256:NOPE', true],
  ['ECDHE+AESGCM:!aNULL', true],
])('with the ciphers %s TLS can be spoken: %s', (ciphers, possible) => {
  expect(tlsSchema.safeParse({ ciphers }).success).toBe(possible);
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
