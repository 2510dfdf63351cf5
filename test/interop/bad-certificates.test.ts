import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge, readTrust } from '../../src/auth/x509/judge.ts';
import type { JudgeOptions, Judgement, Trust } from '../../src/auth/x509/judge.ts';
import type { Made } from '../support/certificate-forge.ts';
import { has } from '../support/peers.ts';
import { CA_LINES, CURVE, FUTURE, NOW, PAST, PSS, RSA, TestPki, ders } from '../support/test-pki.ts';

// Certificates that nobody should take, made by OpenSSL and GnuTLS: each is refused, and for its own reason.

const MINUTE_MS = 60_000;

const ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');

describe.skipIf(!has('openssl') || !has('certtool'))('certificates by others (openssl, certtool)', () => {
  const pki = new TestPki();
  const { leaf, authority, newRoot, below, withExtensions, withUri, datedLeaf } = pki;
  /** Below an issuer with name constraints. */
  const constrained = (constraints: string, more = ''): Promise<Buffer[]> =>
    below(
      {},
      { nameConstraints: `critical,${constraints}` },
      { subjectAltName: `URI:spiffe://example.org/web${more}` },
    );
  let trust: Trust;
  const believe = (...roots: readonly Made[]): Trust =>
    readTrust({ trustDomain: 'example.org', roots: roots.map((r) => readFileSync(r.certificate, 'utf8')) });
  const look = (chain: readonly Uint8Array[], over: Partial<JudgeOptions> = {}, by = trust): Judgement =>
    judge(chain, by, { nowMs: Date.now(), ...over });

  beforeAll(async () => {
    await pki.prepare();
    trust = believe(pki.root, pki.rsaRoot);
  });
  afterAll(() => pki.close());

  type Case = readonly [
    code: string,
    what: string,
    make: () => Promise<Buffer[]>,
    over?: Partial<JudgeOptions>,
  ];
  const cases: readonly Case[] = [
    ['no-certificate', 'nothing', async () => []],
    ['unreadable', 'no certificate', async () => [Buffer.from('hello')]],
    ['unreadable', 'bytes after its end', async () => [Buffer.concat([(await leaf()).der, Buffer.of(0)])]],
    ['unreadable', 'half of one', async () => [(await leaf()).der.subarray(0, 200)]],
    ['issuer-unreadable', 'an issuer that is none', async () => [(await leaf()).der, Buffer.from('x')]],
    [
      'chain-too-long',
      'six of them',
      async () => [(await leaf()).der, ...Array(5).fill(pki.intermediate.der)],
    ],
    [
      'certificate-too-large',
      'one with 4,000 names',
      () =>
        withExtensions(
          { subjectAltName: '@alt' },
          {
            sections: `[alt]\nURI.1=spiffe://example.org/web\n${Array.from({ length: 4000 }, (_, i) => `DNS.${i}=a-long-name-${i}.example.org`).join('\n')}`,
          },
        ),
    ],
    ['not-version-3', 'version 1', async () => ders(await leaf({ bare: true }), pki.intermediate)],
    [
      'issuer-not-version-3',
      'an issuer of version 1',
      () => below({ bare: true }, {}, { authorityKeyIdentifier: 'none' }),
    ],
    [
      'algorithms-differ',
      'two algorithms',
      async () => {
        const { der } = await leaf();
        const changed = Buffer.from(der);
        changed[changed.lastIndexOf(ECDSA_SHA256) + ECDSA_SHA256.length - 1] = 3;
        return [changed, pki.intermediate.der];
      },
    ],
    ['weak-signature', 'SHA-1', async () => ders(await leaf({ sign: ['-sha1'] }), pki.intermediate)],
    ['weak-signature', 'MD5 with RSA', async () => ders(await leaf({ sign: ['-md5'] }, {}, pki.rsaRoot))],
    ['issuer-weak-signature', 'an issuer with SHA-1', () => below({ sign: ['-sha1'] }, {})],
    ['unsupported-signature', 'RSA-PSS', async () => ders(await leaf({ sign: PSS }, {}, pki.rsaRoot))],
    [
      'issuer-unsupported-signature',
      'an issuer with RSA-PSS',
      async () => {
        const own = await authority('Own', { sign: PSS }, {}, pki.rsaRoot);
        return ders(await leaf({}, {}, own), own);
      },
    ],
    ['weak-key', 'RSA of 1024 bits', () => withExtensions({}, { key: RSA(1024) })],
    ['issuer-weak-key', 'an issuer with RSA of 1024 bits', () => below({ key: RSA(1024) }, {})],
    ['unsupported-curve', 'secp256k1', () => withExtensions({}, { key: CURVE('secp256k1') })],
    ['issuer-unsupported-curve', 'an issuer on secp256k1', () => below({ key: CURVE('secp256k1') }, {})],
    ['unsupported-key', 'Ed448', () => withExtensions({}, { key: ['-algorithm', 'ED448'] })],
    ['serial-not-positive', 'serial number 0', () => withExtensions({}, { serial: '0' })],
    ['serial-not-positive', 'serial number -5', () => withExtensions({}, { serial: '-5' })],
    [
      'serial-too-long',
      'a serial number of 21 bytes',
      () => withExtensions({}, { serial: `0x01${'ab'.repeat(20)}` }),
    ],
    [
      'duplicate-extension',
      'an extension twice',
      async () => {
        const made = await leaf({}, { '1.2.3.4': 'ASN1:NULL', '1.2.3.5': 'ASN1:NULL' });
        const changed = Buffer.from(made.der);
        changed[changed.indexOf(Buffer.from('06032a0305', 'hex')) + 4] = 4;
        return [changed, pki.intermediate.der];
      },
    ],
    [
      'unknown-critical-extension',
      'one of its own',
      () => withExtensions({ '1.2.3.4': 'critical,ASN1:NULL' }),
    ],
    [
      'unknown-critical-extension',
      'policy constraints',
      () => withExtensions({ policyConstraints: 'critical,requireExplicitPolicy:3' }),
    ],
    ['bad-extension', 'names that are none', () => withExtensions({ subjectAltName: 'DER:3003860141ff' })],
    ['validity-inverted', 'an end before its beginning', () => withExtensions({}, { days: -1 })],
    ['expired', 'one of 2001', async () => ders(await datedLeaf(PAST), pki.intermediate)],
    ['not-yet-valid', 'one of 2090', async () => ders(await datedLeaf(FUTURE), pki.intermediate)],
    [
      'issuer-expired',
      'an issuer of 2001',
      async () => {
        const own = await pki.certtool([...CA_LINES, ...PAST], pki.root);
        return ders(await datedLeaf(NOW, own), own);
      },
    ],
    [
      'issuer-not-yet-valid',
      'an issuer of 2090',
      async () => {
        const own = await pki.certtool([...CA_LINES, ...FUTURE], pki.root);
        return ders(await datedLeaf(NOW, own), own);
      },
    ],
    ['leaf-is-root', 'the root itself', async () => [pki.root.der]],
    [
      'chain-broken',
      'another issuer than its own',
      async () => ders(await leaf(), await authority('Another')),
    ],
    [
      'key-id-mismatch',
      'an issuer by the same name',
      async () => ders(await leaf(), await authority('Intermediate')),
    ],
    [
      'bad-signature',
      'an issuer by the same name, where nobody names a key',
      async () => ders(await leaf({}, { authorityKeyIdentifier: 'none' }), await authority('Intermediate')),
    ],
    [
      'bad-signature',
      'another id written over its own',
      async () => {
        const { der } = await leaf();
        const changed = Buffer.from(der);
        changed.write('/adm', changed.indexOf('/web'));
        return [changed, pki.intermediate.der];
      },
    ],
    [
      'issuer-bad-signature',
      'an issuer that its own issuer did not sign',
      async () => {
        const [upper, impostor] = [await authority('Upper'), await authority('Upper')];
        const own = await authority('Own', {}, { authorityKeyIdentifier: 'none' }, upper);
        return ders(await leaf({}, {}, own), own, impostor);
      },
    ],
    ['self-signed', 'a signature of its own', async () => ders(await pki.make({}))],
    [
      'unknown-authority',
      'an authority that nobody knows',
      async () => {
        const other = await newRoot('Other');
        return ders(await leaf({}, {}, other), other);
      },
    ],
    ['unknown-authority', 'its issuer left out', async () => ders(await leaf())],
    [
      'root-twin',
      'a twin of the root',
      async () => {
        const twin = await newRoot('Root');
        return ders(await leaf({}, {}, twin), twin);
      },
    ],
    [
      'root-other-key',
      'a root by the same name',
      async () => ders(await leaf({}, {}, await newRoot('Root'))),
    ],
    [
      'not-by-our-root',
      'a root by the same name, where nobody names a key',
      async () => ders(await leaf({}, { authorityKeyIdentifier: 'none' }, await newRoot('Root'))),
    ],
    [
      'issuer-no-constraints',
      'an issuer without basic constraints',
      () => below({}, { basicConstraints: undefined }),
    ],
    [
      'issuer-not-authority',
      'an issuer that is no authority',
      () => below({}, { basicConstraints: 'critical,CA:FALSE' }),
    ],
    [
      'issuer-not-authority',
      'a leaf that signed another',
      async () => {
        const own = await leaf({ subject: '/CN=leaf' });
        return ders(await leaf({}, {}, own), own, pki.intermediate);
      },
    ],
    [
      'path-too-long',
      'an authority below one that allows none',
      async () => {
        const upper = await authority('Upper', {}, { basicConstraints: 'critical,CA:TRUE,pathlen:0' });
        const lower = await authority('Lower', {}, {}, upper);
        return ders(await leaf({}, {}, lower), lower, upper);
      },
    ],
    [
      'issuer-may-not-sign',
      'an issuer for revocation lists',
      () => below({}, { keyUsage: 'critical,cRLSign' }),
    ],
    ['issuer-no-key-usage', 'an issuer without key usage', () => below({}, { keyUsage: undefined })],
    [
      'issuer-other-purpose',
      'an issuer for e-mail',
      () => below({}, { extendedKeyUsage: 'emailProtection' }),
    ],
    [
      'issuer-other-trust-domain',
      'an issuer of another domain',
      () => below({}, { subjectAltName: 'URI:spiffe://other.org' }),
    ],
    [
      'leaf-is-authority',
      'a leaf that is an authority',
      () => withExtensions({ basicConstraints: 'critical,CA:TRUE' }),
    ],
    [
      'leaf-constrains-names',
      'a leaf with name constraints',
      () => withExtensions({ nameConstraints: 'permitted;DNS:example.org' }),
    ],
    ['no-key-usage', 'no key usage', () => withExtensions({ keyUsage: undefined })],
    [
      'leaf-may-sign',
      'keyCertSign',
      () => withExtensions({ keyUsage: 'critical,digitalSignature,keyCertSign' }),
    ],
    ['leaf-may-revoke', 'cRLSign', () => withExtensions({ keyUsage: 'critical,digitalSignature,cRLSign' })],
    [
      'no-digital-signature',
      'for encryption only',
      () => withExtensions({ keyUsage: 'critical,keyEncipherment' }),
    ],
    ['no-extended-usage', 'no extended key usage', () => withExtensions({ extendedKeyUsage: undefined })],
    ['not-for-tls', 'for signing code', () => withExtensions({ extendedKeyUsage: 'codeSigning' })],
    [
      'not-for-clients',
      'a server as a client',
      () => withExtensions({ extendedKeyUsage: 'serverAuth' }),
      { role: 'client' },
    ],
    [
      'not-for-servers',
      'a client as a server',
      () => withExtensions({ extendedKeyUsage: 'clientAuth' }),
      { role: 'server' },
    ],
    ['no-names', 'no names', () => withExtensions({ subjectAltName: undefined })],
    ['no-uri', 'DNS names only', () => withExtensions({ subjectAltName: 'DNS:example.org' })],
    [
      'several-uris',
      'two ids',
      () => withExtensions({ subjectAltName: 'URI:spiffe://example.org/a,URI:spiffe://example.org/b' }),
    ],
    [
      'several-uris',
      'an id and a web page',
      () => withExtensions({ subjectAltName: 'URI:spiffe://example.org/a,URI:https://example.org' }),
    ],
    ['other-trust-domain', 'another trust domain', () => withUri('spiffe://other.org/web')],
    ['other-trust-domain', 'one that begins like ours', () => withUri('spiffe://example.org.evil/web')],
    ['not-a-spiffe-id', 'a web page', () => withUri('https://example.org/web')],
    ['not-a-spiffe-id', 'a scheme in capitals', () => withUri('SPIFFE://example.org/web')],
    ['spiffe-id-query', 'a query', () => withUri('spiffe://example.org/web?a=b')],
    ['spiffe-id-fragment', 'a fragment', () => withUri(String.raw`spiffe://example.org/web\#a`)],
    ['spiffe-id-userinfo', 'a user', () => withUri('spiffe://me@example.org/web')],
    ['spiffe-id-port', 'a port', () => withUri('spiffe://example.org:443/web')],
    ['spiffe-id-no-trust-domain', 'no trust domain', () => withUri('spiffe:///web')],
    [
      'spiffe-id-trust-domain-characters',
      'a trust domain in capitals',
      () => withUri('spiffe://Example.org/web'),
    ],
    ['spiffe-id-no-path', 'no path', () => withUri('spiffe://example.org')],
    ['spiffe-id-trailing-slash', 'a slash at the end', () => withUri('spiffe://example.org/web/')],
    ['spiffe-id-empty-segment', 'two slashes', () => withUri('spiffe://example.org/a//web')],
    ['spiffe-id-dot-segment', 'a way up', () => withUri('spiffe://example.org/a/../web')],
    ['spiffe-id-percent', 'an encoded letter', () => withUri('spiffe://example.org/%77eb')],
    ['spiffe-id-path-characters', 'a star', () => withUri('spiffe://example.org/*')],
    ['spiffe-id-too-long', 'an id of 2,100 bytes', () => withUri(`spiffe://example.org/${'a'.repeat(2079)}`)],
    ['name-excluded', 'an id below an excluded host', () => constrained('excluded;URI:example.org')],
    ['name-not-permitted', 'an id below no permitted host', () => constrained('permitted;URI:other.org')],
    [
      'name-not-permitted',
      'a DNS name below no permitted domain',
      () => constrained('permitted;DNS:a.test', ',DNS:b.test'),
    ],
    [
      'name-excluded',
      'an address in an excluded network',
      () => constrained('excluded;IP:10.0.0.0/255.0.0.0', ',IP:10.1.2.3'),
    ],
    ['constraint-unknown', 'constraints on e-mail', () => constrained('permitted;email:example.org')],
  ];

  it.each(cases.map(([code, what, make, over = {}]) => ({ code, what, make, over })))(
    '$code: $what',
    async ({ code, make, over }) => {
      expect(look(await make(), over)).toMatchObject({ ok: false, code });
    },
  );

  it('are of 60 kinds and more, and roots are judged too', async () => {
    const twin = await pki.certtool([...CA_LINES, ...PAST]);
    const future = await pki.certtool([...CA_LINES, ...FUTURE]);
    const low = await newRoot('Low', {}, { basicConstraints: 'critical,CA:TRUE,pathlen:0' });
    const lowIntermediate = await authority('Below low', {}, {}, low);
    const found = [
      look(ders(await datedLeaf(NOW, twin)), {}, believe(twin)),
      look(ders(await datedLeaf(NOW, future)), {}, believe(future)),
      look(ders(await leaf({}, {}, lowIntermediate), lowIntermediate), {}, believe(low)),
    ].map((j) => (j.ok ? 'ok' : j.code));
    expect(found).toEqual(['root-expired', 'root-not-yet-valid', 'root-path-too-long']);
    const codes = new Set([...cases.map(([code]) => code), ...found]);
    console.log(`${cases.length + found.length} certificates refused, for ${codes.size} reasons`);
    expect(codes.size).toBeGreaterThanOrEqual(60);
  });

  it('are taken when there is nothing against them', async () => {
    const good: [string, () => Promise<Buffer[]>][] = [
      ['OpenSSL', async () => ders(await leaf(), pki.intermediate)],
      ['GnuTLS', async () => ders(await datedLeaf(NOW), pki.intermediate)],
      ['with the root', async () => ders(await leaf(), pki.intermediate, pki.root)],
      ['below the root', async () => ders(await leaf({}, {}, pki.root))],
      ['RSA', async () => ders(await leaf({ key: RSA(2048) }, {}, pki.rsaRoot))],
      ['P-384', async () => below({ key: CURVE('P-384'), sign: ['-sha384'] }, {})],
      ['Ed25519', async () => withExtensions({}, { key: ['-algorithm', 'ED25519'] })],
      [
        'a critical usage',
        async () => withExtensions({ extendedKeyUsage: 'critical,serverAuth,clientAuth' }),
      ],
      [
        'names within constraints',
        () => constrained('permitted;URI:example.org,permitted;DNS:.a.test', ',DNS:x.a.test,IP:10.0.0.1'),
      ],
      ['an issuer of our domain', () => below({}, { subjectAltName: 'URI:spiffe://example.org' })],
    ];
    for (const [what, make] of good)
      expect([what, look(await make(), { role: 'server' })]).toMatchObject([
        what,
        { ok: true, id: 'spiffe://example.org/web' },
      ]);
  });

  it('may be judged by clocks that differ by 20 seconds, not by 5 minutes', async () => {
    const { der } = await leaf();
    const chain = [der, pki.intermediate.der];
    const judged = look(chain);
    expect(judged.ok).toBe(true);
    const end = judged.ok ? judged.notAfterMs : 0;
    const beginning = end - 86_400_000;
    const at = (nowMs: number): string => {
      const j = look(chain, { nowMs });
      return j.ok ? 'ok' : j.code;
    };
    expect([beginning - 20_000, end + 20_000].map(at)).toEqual(['ok', 'ok']);
    expect([beginning - 5 * MINUTE_MS, end + 5 * MINUTE_MS].map(at)).toEqual(['not-yet-valid', 'expired']);
  });
});
