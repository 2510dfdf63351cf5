import type { KeyObject } from 'node:crypto';
import { NULL, oid, sequence } from '../../core/der.ts';

export type SignatureFault = 'weak-signature' | 'unsupported-signature';
export type KeyFault = 'weak-key' | 'unsupported-curve' | 'unsupported-key';

const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const ECDSA_SHA384 = '1.2.840.10045.4.3.3';
const ECDSA_SHA512 = '1.2.840.10045.4.3.4';
const RSA_SHA256 = '1.2.840.113549.1.1.11';
const ED25519 = '1.3.101.112';

const GOOD: ReadonlySet<string> = new Set([
  ECDSA_SHA256,
  ECDSA_SHA384,
  ECDSA_SHA512,
  RSA_SHA256,
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  ED25519,
]);

/** MD2, MD5 and SHA-1 with RSA, SHA-1 with ECDSA and DSA. */
const WEAK: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.10045.4.1',
  '1.2.840.10040.4.3',
]);

export function signatureFault(algorithmOid: string): SignatureFault | undefined {
  if (GOOD.has(algorithmOid)) return undefined;
  return WEAK.has(algorithmOid) ? 'weak-signature' : 'unsupported-signature';
}

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const RSA_BITS = 2048;

/** Whether a public key is of no use, and why. */
export function keyFault(key: KeyObject): { readonly fault: KeyFault; readonly detail: string } | undefined {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details } = key;
  if (type === 'ec') {
    const curve = details?.namedCurve ?? 'unnamed';
    return CURVES.has(curve) ? undefined : { fault: 'unsupported-curve', detail: curve };
  }
  if (type === 'rsa') {
    const length = details?.modulusLength ?? 0;
    return length >= RSA_BITS ? undefined : { fault: 'weak-key', detail: `RSA of ${length} bits` };
  }
  return type === 'ed25519' ? undefined : { fault: 'unsupported-key', detail: type };
}

/** How a key of ours signs. */
export interface SignatureAlgorithm {
  /** Of node:crypto; null where the algorithm has its own. */
  readonly hash: string | null;
  /** AlgorithmIdentifier, DER. */
  readonly identifier: Buffer;
}

const ALGORITHMS = {
  p256: { hash: 'sha256', identifier: sequence(oid(ECDSA_SHA256)) },
  p384: { hash: 'sha384', identifier: sequence(oid(ECDSA_SHA384)) },
  p521: { hash: 'sha512', identifier: sequence(oid(ECDSA_SHA512)) },
  rsa: { hash: 'sha256', identifier: sequence(oid(RSA_SHA256), NULL) },
  ed25519: { hash: null, identifier: sequence(oid(ED25519)) },
} as const;

const BY_CURVE: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: ALGORITHMS.p256,
  secp384r1: ALGORITHMS.p384,
  secp521r1: ALGORITHMS.p521,
};

/** For a key that `keyFault` finds nothing against. */
export function algorithmOf(key: KeyObject): SignatureAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return ALGORITHMS.rsa;
  if (key.asymmetricKeyType === 'ed25519') return ALGORITHMS.ed25519;
  return BY_CURVE[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? ALGORITHMS.p256;
}
