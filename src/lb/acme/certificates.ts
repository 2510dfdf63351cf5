import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  bits,
  context,
  contextPlain,
  der,
  integer,
  NULL,
  octets,
  oid,
  pem,
  sequence,
  set,
  time,
  TRUE,
  utf8,
} from '../../core/der.ts';
import type { AcmeConfig } from './config.ts';

const DAY_MS = 86_400_000;
/** subjectAltName, and acmeIdentifier (RFC 8737 §3). */
const ALTERNATIVE_NAMES = oid('2.5.29.17');
const ACME_IDENTIFIER = oid('1.3.6.1.5.5.7.1.31');
const EXTENSION_REQUEST = oid('1.2.840.113549.1.9.14');
const COMMON_NAME = oid('2.5.4.3');
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const RSA_WITH_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), NULL);

/** A new key, PEM (PKCS #8). */
export function newKey(type: AcmeConfig['keyType']): string {
  const { privateKey } =
    type === 'ecdsa-p256' || type === 'ecdsa-p384'
      ? generateKeyPairSync('ec', { namedCurve: type === 'ecdsa-p256' ? 'P-256' : 'P-384' })
      : generateKeyPairSync('rsa', { modulusLength: type === 'rsa-2048' ? 2048 : 4096 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** A request for a certificate (PKCS #10, RFC 2986), DER. Its subject is empty: only the name in the extension counts. */
export function certificationRequest(name: string, privateKey: string): Buffer {
  const key = createPrivateKey(privateKey);
  const extensions = sequence(sequence(ALTERNATIVE_NAMES, octets(dnsName(name))));
  const attributes = der(context(0), sequence(EXTENSION_REQUEST, set(extensions)));
  return signed(sequence(integer(0), sequence(), publicKeyOf(key), attributes), key);
}

/**
 * What answers a tls-alpn-01 challenge (RFC 8737 §3): a certificate by itself for this name, with the hash of the key
 * authorization. `now`: milliseconds since 1970; `serial` 16 bytes.
 */
export function challengeCertificate(
  name: string,
  keyAuthorization: string,
  now: number,
  serial: Uint8Array,
): { readonly certificateChain: string; readonly privateKey: string } {
  const privateKey = newKey('ecdsa-p256');
  const key = createPrivateKey(privateKey);
  const who = sequence(set(sequence(COMMON_NAME, utf8('acme challenge'))));
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const extensions = sequence(
    sequence(ALTERNATIVE_NAMES, octets(dnsName(name))),
    sequence(ACME_IDENTIFIER, TRUE, octets(octets(digest))),
  );
  const body = sequence(
    der(context(0), integer(2)),
    integer(Uint8Array.of(1, ...serial.subarray(1))),
    ECDSA_WITH_SHA256,
    who,
    sequence(time(now - DAY_MS), time(now + DAY_MS)),
    who,
    publicKeyOf(key),
    der(context(3), extensions),
  );
  return { certificateChain: pem('CERTIFICATE', signed(body, key)), privateKey };
}

const dnsName = (name: string): Buffer => sequence(der(contextPlain(2), Buffer.from(name, 'latin1')));
const publicKeyOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

function signed(body: Buffer, key: KeyObject): Buffer {
  const algorithm = key.asymmetricKeyType === 'rsa' ? RSA_WITH_SHA256 : ECDSA_WITH_SHA256;
  return sequence(body, algorithm, bits(sign('sha256', body, key)));
}
