import { X509Certificate, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ipv4Bytes, ipv6Bytes } from '../../core/ip.ts';

/** What a certificate says (RFC 5280 §4.1). */
export interface CertificateRequest {
  readonly commonName: string;
  /** DNS names (also wildcards), IP addresses and URIs, for the subject alternative name. */
  readonly names?: readonly string[];
  /** Whether it may sign others. */
  readonly authority?: boolean;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** 16 bytes; the first must be below 128 and not 0. */
  readonly serial: Uint8Array;
}

/** A certificate and its key, as others take them: PEM. */
export interface Identity {
  readonly certificate: string;
  readonly privateKey: string;
}

type Der = Buffer;

const SEQUENCE = 0x30;
const SET = 0x31;
const OCTETS = 0x04;

function der(tag: number, ...parts: readonly Uint8Array[]): Der {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body]);
}

const oid = (...bytes: number[]): Der => der(0x06, Uint8Array.from(bytes));
const ECDSA_WITH_SHA256 = der(SEQUENCE, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const COMMON_NAME = oid(0x55, 0x04, 0x03);
const SERVER_AND_CLIENT = der(SEQUENCE, oid(0x2b, 6, 1, 5, 5, 7, 3, 1), oid(0x2b, 6, 1, 5, 5, 7, 3, 2));
const TRUE = Buffer.of(1, 1, 0xff);

/** An extension of id-ce (2.5.29). */
const extension = (id: number, critical: boolean, value: Uint8Array): Der =>
  der(SEQUENCE, oid(0x55, 0x1d, id), ...(critical ? [TRUE] : []), der(OCTETS, value));

const nameOf = (commonName: string): Der =>
  der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(commonName)))));

/** GeneralizedTime after 2049, UTCTime before (RFC 5280 §4.1.2.5). */
function time(date: Date): Der {
  const text = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

function alternativeName(name: string): Der {
  if (name.includes('://')) return der(0x86, Buffer.from(name, 'latin1'));
  const ip = ipv4Bytes(name) ?? ipv6Bytes(name);
  return ip ? der(0x87, ip) : der(0x82, Buffer.from(name, 'latin1'));
}

/** The key of a SubjectPublicKeyInfo, for identifiers of keys, which are any 20 bytes that differ. */
const keyId = (publicKey: KeyObject): Buffer =>
  publicKey.export({ type: 'spki', format: 'der' }).subarray(-20);

function extensions(request: CertificateRequest, own: KeyObject, issuer: KeyObject): Der {
  const { authority = false, names = [] } = request;
  const all = [
    extension(19, true, der(SEQUENCE, ...(authority ? [TRUE] : []))),
    // keyCertSign and cRLSign, or digitalSignature.
    extension(15, true, authority ? Buffer.of(3, 2, 1, 0x06) : Buffer.of(3, 2, 7, 0x80)),
    extension(14, false, der(OCTETS, keyId(own))),
    extension(35, false, der(SEQUENCE, der(0x80, keyId(issuer)))),
  ];
  if (!authority) all.push(extension(37, false, SERVER_AND_CLIENT));
  if (names.length > 0) all.push(extension(17, false, der(SEQUENCE, ...names.map(alternativeName))));
  return der(0xa3, der(SEQUENCE, ...all));
}

const pem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${(
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END ${label}-----\n`;

/**
 * Make a key (ECDSA P-256) and a certificate for it, signed by `issuer` or, without one, by itself. For what has no identity
 * from elsewhere: tests, and listeners nobody has given a certificate.
 */
export function issueCertificate(request: CertificateRequest, issuer?: Identity): Identity {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = issuer?.privateKey ?? own.privateKey;
  const signerPublic = issuer ? createPublicKey(issuer.certificate) : own.publicKey;
  const by = issuer ? commonNameOf(issuer.certificate) : request.commonName;
  const body = der(
    SEQUENCE,
    der(0xa0, Buffer.of(2, 1, 2)),
    der(0x02, request.serial),
    ECDSA_WITH_SHA256,
    nameOf(by),
    der(SEQUENCE, time(request.notBefore), time(request.notAfter)),
    nameOf(request.commonName),
    own.publicKey.export({ type: 'spki', format: 'der' }),
    extensions(request, own.publicKey, signerPublic),
  );
  const signature = sign('sha256', body, signer);
  const certificate = der(SEQUENCE, body, ECDSA_WITH_SHA256, der(0x03, Buffer.of(0), signature));
  return {
    certificate: pem('CERTIFICATE', certificate),
    privateKey: own.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** Of a certificate that was made here, whose subject is a common name only. */
const commonNameOf = (certificate: string): string =>
  new X509Certificate(certificate).subject.replace(/^CN=/, '');
