import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  DerReader,
  TAG,
  TRUE,
  bits,
  context,
  contextPlain,
  der,
  integer,
  octets,
  oid,
  pem,
  pemBlocks,
  readWhole,
  sequence,
  set,
  time,
  utf8,
} from '../../core/der.ts';
import { ipv4Bytes, ipv6Bytes } from '../../core/ip.ts';
import type { Random } from '../../core/random.ts';
import { algorithmOf } from './algorithms.ts';
import type { SignatureAlgorithm } from './algorithms.ts';
import { EXTENSION, parseCertificate, subjectKeyId } from './parse.ts';

/** Milliseconds since the epoch, whole seconds. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate with the key that signs below it, read once. */
export interface Signer extends Validity {
  readonly subject: Buffer;
  readonly keyId: Buffer;
  readonly key: KeyObject;
  readonly algorithm: SignatureAlgorithm;
}

/** A key pair; PEM, SPKI and PKCS#8. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Who the certificate is about. Names are DNS names (also wildcards) and IP addresses. */
interface Subject {
  readonly commonName: string;
  readonly uri: string;
  readonly names?: readonly string[];
}

export function makeKeyPair(): KeyPair {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** Throws when one is no certificate or the other no key. */
export function readSigner(certificate: string, privateKey: string): Signer {
  const [bytes] = pemBlocks(certificate, 'CERTIFICATE');
  const says = parseCertificate(bytes ?? Buffer.alloc(0));
  const own = says.extensions.get(EXTENSION.subjectKeyId);
  const key = createPrivateKey(privateKey);
  return {
    subject: says.subject,
    keyId: own ? subjectKeyId(own) : keyIdOf(createPublicKey(key)),
    key,
    algorithm: algorithmOf(key),
    notBeforeMs: says.notBeforeMs,
    notAfterMs: says.notAfterMs,
  };
}

/**
 * How long something issued now lives: `lifetimeMs` from now and begun `backdateMs` ago, for clocks that are behind, and always
 * within the life of its issuer. Undefined when the issuer has no life left.
 */
export function validityWithin(
  issuer: Validity | undefined,
  nowMs: number,
  lifetimeMs: number,
  backdateMs: number,
): Validity | undefined {
  const whole = (ms: number): number => Math.floor(ms / 1000) * 1000;
  const notBeforeMs = Math.max(whole(nowMs - backdateMs), issuer?.notBeforeMs ?? -Infinity);
  const notAfterMs = Math.min(whole(nowMs + lifetimeMs), issuer?.notAfterMs ?? Infinity);
  return notAfterMs > nowMs && notBeforeMs <= nowMs ? { notBeforeMs, notAfterMs } : undefined;
}

/** 18 bytes of chance but for two bits, which keep it positive and of full length. */
export function makeSerial(random: Random): Buffer {
  const bytes = Buffer.from(random.bytes(18));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** Of a key: the first 20 bytes of its SHA-256 (RFC 7093 §2). */
export function keyIdOf(publicKey: KeyObject): Buffer {
  return keyIdOfSpki(publicKey.export({ type: 'spki', format: 'der' }));
}

function keyIdOfSpki(spki: Uint8Array): Buffer {
  const key = readWhole(spki, (reader) => {
    const inside = reader.inside();
    inside.next(TAG.sequence);
    return inside.next(TAG.bits).body.subarray(1);
  });
  return hash('sha256', key, 'buffer').subarray(0, 20);
}

const EXTENSION_OIDS = new Map(Object.values(EXTENSION).map((id) => [id, oid(id)]));
const SERVER_AND_CLIENT = sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'));
const COMMON_NAME = oid('2.5.4.3');
const VERSION_3 = der(context(0), integer(2));
/** keyCertSign and cRLSign; digitalSignature. */
const MAY_SIGN = der(TAG.bits, Buffer.of(1, 0x06));
const MAY_PROVE = der(TAG.bits, Buffer.of(7, 0x80));
const LONGEST_COMMON_NAME = 64;

export const nameOf = (commonName: string): Buffer =>
  sequence(set(sequence(COMMON_NAME, utf8(commonName.slice(0, LONGEST_COMMON_NAME)))));

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  const name = EXTENSION_OIDS.get(id as never) ?? oid(id);
  return critical ? sequence(name, TRUE, octets(value)) : sequence(name, octets(value));
}

export function subjectAlternativeNames({ uri, names = [] }: Pick<Subject, 'uri' | 'names'>): Buffer {
  return sequence(der(contextPlain(6), Buffer.from(uri, 'latin1')), ...names.map(alternativeName));
}

function alternativeName(name: string): Buffer {
  const ip = ipv4Bytes(name) ?? ipv6Bytes(name);
  return ip ? der(contextPlain(7), ip) : der(contextPlain(2), Buffer.from(name, 'latin1'));
}

/** An authority; `pathLength` is how many authorities may stand below it. Signs itself without an issuer. */
export function makeAuthority(
  request: Subject &
    Validity & {
      readonly serial: Uint8Array;
      readonly pathLength: number;
      /** PEM. */
      readonly privateKey: string;
    },
  issuer?: Signer,
): string {
  const key = createPrivateKey(request.privateKey);
  const publicKey = createPublicKey(key);
  const keyId = keyIdOf(publicKey);
  const own: Signer = {
    ...request,
    subject: nameOf(request.commonName),
    keyId,
    key,
    algorithm: algorithmOf(key),
  };
  return pem(
    'CERTIFICATE',
    signed(issuer ?? own, {
      ...request,
      subject: own.subject,
      spki: publicKey.export({ type: 'spki', format: 'der' }),
      extensions: [
        extension(EXTENSION.basicConstraints, true, sequence(TRUE, integer(request.pathLength))),
        extension(EXTENSION.keyUsage, true, MAY_SIGN),
        extension(EXTENSION.subjectKeyId, false, octets(keyId)),
        extension(EXTENSION.authorityKeyId, false, sequence(der(contextPlain(0), issuer?.keyId ?? keyId))),
        extension(EXTENSION.alternativeNames, false, subjectAlternativeNames({ uri: request.uri })),
      ],
    }),
  );
}

/** A leaf for TLS on both sides (SPIFFE X509-SVID). `spki` is the public key as DER. */
export function makeLeaf(
  request: Subject & Validity & { readonly serial: Uint8Array; readonly spki: Uint8Array },
  issuer: Signer,
): string {
  return pem(
    'CERTIFICATE',
    signed(issuer, {
      ...request,
      subject: nameOf(request.commonName),
      extensions: [
        extension(EXTENSION.basicConstraints, true, sequence()),
        extension(EXTENSION.keyUsage, true, MAY_PROVE),
        extension(EXTENSION.extendedUsage, false, SERVER_AND_CLIENT),
        extension(EXTENSION.subjectKeyId, false, octets(keyIdOfSpki(request.spki))),
        extension(EXTENSION.authorityKeyId, false, sequence(der(contextPlain(0), issuer.keyId))),
        extension(EXTENSION.alternativeNames, false, subjectAlternativeNames(request)),
      ],
    }),
  );
}

function signed(
  issuer: Signer,
  body: Validity & {
    readonly serial: Uint8Array;
    readonly subject: Buffer;
    readonly spki: Uint8Array;
    readonly extensions: readonly Buffer[];
  },
): Buffer {
  const { identifier } = issuer.algorithm;
  const toBeSigned = sequence(
    VERSION_3,
    integer(body.serial),
    identifier,
    issuer.subject,
    sequence(time(body.notBeforeMs), time(body.notAfterMs)),
    body.subject,
    body.spki,
    der(context(3), sequence(...body.extensions)),
  );
  return sequence(toBeSigned, identifier, bits(sign(issuer.algorithm.hash, toBeSigned, issuer.key)));
}

/** A request for a certificate of one's own (PKCS#10, RFC 2986), as a foreign authority takes it. */
export function makeCsr(subject: Subject, privateKey: string): string {
  const key = createPrivateKey(privateKey);
  const { hash: digest, identifier } = algorithmOf(key);
  const wanted = sequence(
    extension(EXTENSION.basicConstraints, true, sequence(TRUE, integer(0))),
    extension(EXTENSION.keyUsage, true, MAY_SIGN),
    extension(EXTENSION.alternativeNames, false, subjectAlternativeNames(subject)),
  );
  const info = sequence(
    integer(0),
    nameOf(subject.commonName),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(context(0), sequence(oid('1.2.840.113549.1.9.14'), set(wanted))),
  );
  return pem('CERTIFICATE REQUEST', sequence(info, identifier, bits(sign(digest, info, key))));
}

/** The key (SPKI) of a PKCS#10 request. Nothing else in it matters; what signs it is proven by the first handshake. Throws DerError. */
export function keyOfCsr(bytes: Uint8Array): Buffer {
  return readWhole(bytes, (reader) => {
    const info: DerReader = reader.inside().inside();
    info.next(TAG.integer);
    info.next(TAG.sequence);
    return info.next(TAG.sequence).whole;
  });
}
