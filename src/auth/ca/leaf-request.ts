import { createPublicKey } from 'node:crypto';
import { isIP } from 'node:net';
import { pemBlocks } from '../../core/der.ts';
import { authErrors } from '../errors.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import { keyFault } from '../x509/algorithms.ts';
import { keyOfCsr } from '../x509/make.ts';

/** What a certificate is to say. */
export interface LeafRequest {
  /** PEM: SPKI, or a request (PKCS#10) of which nothing but the key counts. */
  readonly publicKey: string;
  /** Of the SPIFFE id, with the slash. */
  readonly path: string;
  /** DNS names and IP addresses. */
  readonly names?: readonly string[];
  /** At most what the authority gives. */
  readonly lifetimeMs?: number;
  /** On whose behalf, for the audit log. */
  readonly by: string;
}

export interface CheckedLeaf {
  readonly spki: Buffer;
  readonly id: string;
  readonly commonName: string;
  readonly names: readonly string[];
}

const DNS_NAME =
  /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const LONGEST_DNS_NAME = 253;
const MOST_NAMES = 100;

/** Throws AUTH_CA_BAD_REQUEST or AUTH_CA_BAD_KEY. */
export function checkLeafRequest(request: LeafRequest, trustDomain: string): CheckedLeaf {
  const id = `spiffe://${trustDomain}${request.path}`;
  const reading = readSpiffeId(id);
  if (!reading.ok || !request.path.startsWith('/'))
    throw authErrors.AUTH_CA_BAD_REQUEST({ field: 'path', reason: reading.ok ? 'no slash' : reading.fault });
  const names = request.names ?? [];
  if (names.length > MOST_NAMES)
    throw authErrors.AUTH_CA_BAD_REQUEST({ field: 'names', reason: `more than ${MOST_NAMES}` });
  for (const name of names)
    if (isIP(name) === 0 && (name.length > LONGEST_DNS_NAME || !DNS_NAME.test(name)))
      throw authErrors.AUTH_CA_BAD_REQUEST({ field: 'names', reason: `'${name}' is no name` });
  const commonName = request.path.slice(request.path.lastIndexOf('/') + 1);
  return { spki: readKey(request.publicKey), id, commonName, names };
}

function readKey(publicKey: string): Buffer {
  let key;
  try {
    const [request] = pemBlocks(publicKey, 'CERTIFICATE REQUEST');
    const [spki] = request ? [keyOfCsr(request)] : pemBlocks(publicKey, 'PUBLIC KEY');
    key = createPublicKey({ key: spki ?? Buffer.alloc(0), format: 'der', type: 'spki' });
  } catch {
    throw authErrors.AUTH_CA_BAD_KEY({ reason: 'it is no public key in PEM (SPKI, or PKCS#10)' });
  }
  const fault = keyFault(key);
  if (fault) throw authErrors.AUTH_CA_BAD_KEY({ reason: fault.detail });
  return key.export({ type: 'spki', format: 'der' });
}
