import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DerReader, oidText, TAG } from '../../core/der.ts';
import { parseIdentity } from '../../net/index.ts';
import { certificationRequest, challengeCertificate, newKey } from './certificates.ts';
import { PUBLIC_NAME } from './config.ts';

describe('what is made for an authority', () => {
  it.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const)('a request with a key of %s', (type) => {
    const key = newKey(type);
    const request = new DerReader(certificationRequest('www.a.test', key)).inside();
    const body = request.next(TAG.sequence);
    request.next();
    const signature = request.next(TAG.bits).body.subarray(1);
    expect(verify('sha256', body.whole, createPublicKey(key), signature)).toBe(true);
    expect(body.whole.includes('www.a.test')).toBe(true);
  });

  it('a certificate that answers a challenge: for the name, with the hash, critical (RFC 8737 §3)', () => {
    const now = 1_700_000_000_000;
    const serial = new Uint8Array(16).fill(255);
    const { certificateChain, privateKey } = challengeCertificate('www.a.test', 'token.print', now, serial);
    const [certificate] = parseIdentity(certificateChain, privateKey);
    expect(certificate?.subjectAltName).toBe('DNS:www.a.test');
    expect(certificate?.verify(certificate.publicKey)).toBe(true);
    expect(certificate?.validFromDate.getTime()).toBeLessThan(now);
    const extension = acmeExtension(certificate);
    const digest = createHash('sha256').update('token.print').digest('hex');
    expect(extension).toEqual({ critical: true, value: `0420${digest}` });
  });
});

function acmeExtension(certificate: X509Certificate | undefined): unknown {
  const body = new DerReader(certificate?.raw ?? new Uint8Array()).inside().inside();
  let last = body.next();
  while (!body.done) last = body.next();
  const extensions = new DerReader(last.body).inside();
  while (!extensions.done) {
    const extension = extensions.inside();
    if (oidText(extension.next(TAG.oid).body) !== '1.3.6.1.5.5.7.1.31') continue;
    const critical = extension.optional(TAG.boolean) !== undefined;
    return { critical, value: extension.next(TAG.octets).body.toString('hex') };
  }
  return undefined;
}

describe('names for public certificates', () => {
  it.each(['a.test', 'www.example.org', 'xn--bcher-kva.example', 'a-b.c9.de', '1.test', '_x.test'])(
    '%s is one',
    (name) => expect(PUBLIC_NAME.test(name)).toBe(true),
  );
  it.each([
    '',
    'a',
    '*',
    '*.a.test',
    '10.0.0.1',
    '../a.test',
    'a..test',
    'a.test.',
    'A.test',
    'a/b.test',
    '-a.test',
    'a.-b',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(130)}test`,
  ])('%s is none', (name) => expect(PUBLIC_NAME.test(name)).toBe(false));
});
