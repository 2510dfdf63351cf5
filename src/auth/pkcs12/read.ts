import {
  X509Certificate,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  pbkdf2Sync,
  timingSafeEqual,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  DerError,
  DerReader,
  TAG,
  context,
  contextPlain,
  oidText,
  pem,
  readWhole,
  smallInteger,
} from '../../core/der.ts';
import { authErrors } from '../errors.ts';
import { PURPOSE, derive } from './kdf.ts';
import type { Digest } from './kdf.ts';
import { OID } from './oids.ts';

/** A file that makes us work longer than this does not come from a tool that we know. */
const MOST_ITERATIONS = 1_000_000;
const MOST_MAC_ITERATIONS = 200_000;

interface Bags {
  readonly keys: Buffer[];
  readonly certificates: Buffer[];
}

/**
 * The key and the certificates (PEM, the key's own first, each followed by its issuer) of a PKCS#12 file. Throws AUTH_PKCS12_UNREADABLE and
 * AUTH_PKCS12_PASSWORD.
 */
export function readPkcs12(
  bytes: Uint8Array,
  password: string,
): { readonly privateKey: string; readonly certificates: string } {
  try {
    const bags = readWhole(bytes, (reader) => readFile(reader.inside(), password));
    return sorted(bags);
  } catch (error) {
    if (error instanceof DerError) throw unreadable(error.message);
    throw error;
  }
}

function unreadable(reason: string): Error {
  return authErrors.AUTH_PKCS12_UNREADABLE({ reason });
}

function readFile(reader: DerReader, password: string): Bags {
  if (smallInteger(reader.next(TAG.integer).body) !== 3) throw new DerError('not version 3');
  const content = readContent(reader);
  if (content.kind !== OID.data) throw new DerError('signed by a key, which is not supported');
  const safes = new DerReader(content.inside.next().body).next(TAG.octets).body;
  checkMac(reader.inside(), safes, password);
  const bags: Bags = { keys: [], certificates: [] };
  const all = readWhole(safes, (r) => r.inside());
  while (!all.done) readSafe(all, password, bags);
  return bags;
}

interface Content {
  readonly kind: string;
  /** At its `[0]`. */
  readonly inside: DerReader;
}

function readContent(reader: DerReader): Content {
  const inside = reader.inside();
  return { kind: oidText(inside.next(TAG.oid).body), inside };
}

function checkMac(reader: DerReader, safes: Buffer, password: string): void {
  const info = reader.inside();
  const digest = DIGESTS[oidText(info.inside().next(TAG.oid).body)];
  const expected = info.next(TAG.octets).body;
  const salt = reader.next(TAG.octets).body;
  const iterations = smallInteger(reader.optional(TAG.integer)?.body ?? Buffer.of(1));
  if (!digest) throw unreadable('its checksum is of a kind that is not supported');
  if (iterations > MOST_MAC_ITERATIONS) throw unreadable('its password takes too long to try');
  const key = derive(digest, PURPOSE.mac, password, salt, iterations, expected.length);
  const mac = createHmac(digest, key).update(safes).digest();
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected))
    throw authErrors.AUTH_PKCS12_PASSWORD();
}

function readSafe(reader: DerReader, password: string, bags: Bags): void {
  const { kind, inside } = readContent(reader);
  const at = new DerReader(inside.next(context(0)).body);
  if (kind === OID.data) return readBags(at.next(TAG.octets).body, password, bags);
  if (kind !== OID.encryptedData) throw unreadable('a part of it is for other keys');
  const encrypted = at.inside();
  encrypted.next(TAG.integer);
  const info = encrypted.inside();
  info.next(TAG.oid);
  const algorithm = info.inside();
  readBags(decrypt(algorithm, info.next(contextPlain(0)).body, password), password, bags);
}

function readBags(bytes: Buffer, password: string, bags: Bags): void {
  const all = readWhole(bytes, (reader) => reader.inside());
  while (!all.done) {
    const { kind, inside } = readContent(all);
    const at = new DerReader(inside.next(context(0)).body);
    if (kind === OID.keyBag) bags.keys.push(at.next(TAG.sequence).whole);
    else if (kind === OID.shroudedKeyBag) {
      const shrouded = at.inside();
      bags.keys.push(decrypt(shrouded.inside(), shrouded.next(TAG.octets).body, password));
    } else if (kind === OID.certBag) {
      const certificate = at.inside();
      if (oidText(certificate.next(TAG.oid).body) !== OID.x509) continue;
      bags.certificates.push(new DerReader(certificate.next(context(0)).body).next(TAG.octets).body);
    }
  }
}

const DIGESTS: Readonly<Record<string, Digest>> = {
  '1.3.14.3.2.26': 'sha1',
  [OID.sha256]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const PRFS: Readonly<Record<string, Digest>> = {
  '1.2.840.113549.2.7': 'sha1',
  [OID.hmacSha256]: 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const CIPHERS: Readonly<Record<string, readonly [name: string, keyBytes: number]>> = {
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24],
  [OID.aes256]: ['aes-256-cbc', 32],
};

function decrypt(algorithm: DerReader, bytes: Buffer, password: string): Buffer {
  const kind = oidText(algorithm.next(TAG.oid).body);
  const parameters = algorithm.inside();
  if (kind === OID.pbes2) return decryptPbes2(parameters, bytes, password);
  if (kind !== OID.tripleDes)
    throw unreadable(
      'it is encrypted in an old way (RC2, say): write it again with `openssl pkcs12 -legacy`',
    );
  const salt = parameters.next(TAG.octets).body;
  const iterations = checked(smallInteger(parameters.next(TAG.integer).body), MOST_MAC_ITERATIONS);
  const make = (purpose: number, length: number): Buffer =>
    derive('sha1', purpose, password, salt, iterations, length);
  return decipher('des-ede3-cbc', make(PURPOSE.key, 24), make(PURPOSE.iv, 8), bytes);
}

function decryptPbes2(parameters: DerReader, bytes: Buffer, password: string): Buffer {
  const derivation = parameters.inside();
  if (oidText(derivation.next(TAG.oid).body) !== OID.pbkdf2)
    throw unreadable('its key comes from the password in a way that is not supported');
  const how = derivation.inside();
  const salt = how.next(TAG.octets).body;
  const iterations = checked(smallInteger(how.next(TAG.integer).body), MOST_ITERATIONS);
  how.optional(TAG.integer);
  const prf = how.optional(TAG.sequence);
  const digest = prf ? PRFS[oidText(new DerReader(prf.body).next(TAG.oid).body)] : 'sha1';
  const scheme = parameters.inside();
  const cipher = CIPHERS[oidText(scheme.next(TAG.oid).body)];
  if (!digest || !cipher) throw unreadable('it is encrypted in a way that is not supported');
  const [name, keyBytes] = cipher;
  const key = pbkdf2Sync(password, salt, iterations, keyBytes, digest);
  return decipher(name, key, scheme.next(TAG.octets).body, bytes);
}

function checked(iterations: number, most: number): number {
  if (iterations < 1 || iterations > most) throw unreadable('its password takes too long to try');
  return iterations;
}

function decipher(name: string, key: Buffer, iv: Buffer, bytes: Buffer): Buffer {
  try {
    const d = createDecipheriv(name, key, iv);
    return Buffer.concat([d.update(bytes), d.final()]);
  } catch {
    throw unreadable('what is encrypted in it is damaged');
  }
}

function sorted({ keys, certificates }: Bags): {
  readonly privateKey: string;
  readonly certificates: string;
} {
  const [bytes] = keys;
  if (!bytes || keys.length > 1) throw unreadable(`it has ${keys.length} keys, and one is needed`);
  const { key, all } = open(bytes, certificates);
  const publicKey = createPublicKey(key);
  const chain: X509Certificate[] = [];
  let at = all.find((c) => c.publicKey.equals(publicKey));
  if (!at) throw unreadable('it has no certificate for its key');
  while (at && !chain.includes(at)) {
    chain.push(at);
    const last: X509Certificate = at;
    at = all.find((c) => c !== last && last.checkIssued(c));
  }
  return {
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificates: chain.map((c) => pem('CERTIFICATE', c.raw)).join(''),
  };
}

function open(
  bytes: Buffer,
  certificates: readonly Buffer[],
): { readonly key: KeyObject; readonly all: readonly X509Certificate[] } {
  try {
    return {
      key: createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }),
      all: certificates.map((c) => new X509Certificate(c)),
    };
  } catch {
    throw unreadable('its key or a certificate is damaged');
  }
}
