import { createCipheriv, createHmac, createPrivateKey, hash, pbkdf2Sync } from 'node:crypto';
import {
  NULL,
  TAG,
  context,
  contextPlain,
  der,
  integer,
  octets,
  oid,
  pemBlocks,
  sequence,
  set,
} from '../../core/der.ts';
import type { Random } from '../../core/random.ts';
import { PURPOSE, derive } from './kdf.ts';
import { OID } from './oids.ts';

/** Of the keys that come from the password, as current tools write them. */
const ITERATIONS = 50_000;
/** Of the checksum, which is made in JavaScript. */
const MAC_ITERATIONS = 10_000;

/**
 * A key with its certificates (PEM, the leaf first) as Windows, Java and browsers take it (RFC 7292), all of it under a password:
 * PBES2 with AES-256, and a MAC with SHA-256.
 */
export function writePkcs12(
  identity: { readonly privateKey: string; readonly certificates: string },
  options: { readonly password: string; readonly name: string; readonly random: Random },
): Buffer {
  const { password, name, random } = options;
  const [leaf = Buffer.alloc(0), ...others] = pemBlocks(identity.certificates, 'CERTIFICATE');
  const own = set(attribute(OID.localKeyId, octets(hash('sha1', leaf, 'buffer'))), friendlyName(name));
  const certificates = sequence(
    certificateBag(leaf, own),
    ...others.map((certificate) => certificateBag(certificate)),
  );
  const key = createPrivateKey(identity.privateKey).export({ type: 'pkcs8', format: 'der' });
  const { algorithm, encrypted } = encrypt(key, password, random);
  const keys = sequence(bag(OID.shroudedKeyBag, sequence(algorithm, octets(encrypted)), own));
  const safes = sequence(encryptedSafe(certificates, password, random), dataOf(keys));
  const macSalt = random.bytes(16);
  const macKey = derive('sha256', PURPOSE.mac, password, macSalt, MAC_ITERATIONS, 32);
  const mac = createHmac('sha256', macKey).update(safes).digest();
  return sequence(
    integer(3),
    dataOf(safes),
    sequence(
      sequence(sequence(oid(OID.sha256), NULL), octets(mac)),
      octets(macSalt),
      integer(MAC_ITERATIONS),
    ),
  );
}

function encrypt(
  bytes: Uint8Array,
  password: string,
  random: Random,
): { readonly algorithm: Buffer; readonly encrypted: Buffer } {
  const salt = random.bytes(16);
  const iv = random.bytes(16);
  const key = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const derivation = sequence(
    oid(OID.pbkdf2),
    sequence(octets(salt), integer(ITERATIONS), sequence(oid(OID.hmacSha256), NULL)),
  );
  return {
    algorithm: sequence(oid(OID.pbes2), sequence(derivation, sequence(oid(OID.aes256), octets(iv)))),
    encrypted: Buffer.concat([cipher.update(bytes), cipher.final()]),
  };
}

function encryptedSafe(contents: Buffer, password: string, random: Random): Buffer {
  const { algorithm, encrypted } = encrypt(contents, password, random);
  const info = sequence(oid(OID.data), algorithm, der(contextPlain(0), encrypted));
  return sequence(oid(OID.encryptedData), der(context(0), sequence(integer(0), info)));
}

const dataOf = (contents: Buffer): Buffer => sequence(oid(OID.data), der(context(0), octets(contents)));

const bag = (kind: string, value: Buffer, attributes?: Buffer): Buffer =>
  sequence(oid(kind), der(context(0), value), ...(attributes ? [attributes] : []));

const certificateBag = (certificate: Uint8Array, attributes?: Buffer): Buffer =>
  bag(OID.certBag, sequence(oid(OID.x509), der(context(0), octets(certificate))), attributes);

const attribute = (kind: string, value: Buffer): Buffer => sequence(oid(kind), set(value));

const friendlyName = (name: string): Buffer =>
  attribute(OID.friendlyName, der(TAG.bmp, Buffer.from(name, 'utf16le').swap16()));
