import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { algorithmOf, keyFault } from '../x509/algorithms.ts';

// A process that was off while its certificate ended proves the key of that certificate by a signature: it has no other proof.

/** So that what is signed here is of no use anywhere else. */
const PURPOSE = 'rimrock: renew after the end\n';

/** By which keys are known again; PEM (SPKI) in any of its spellings. */
export function keyHash(publicKey: string): string {
  const spki = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}

/** Says with the key of an identity that `csr`, a request for a new key, is its own. `privateKey`: PEM, PKCS#8. */
export function vouch(privateKey: string, id: string, csr: string): { publicKey: string; signature: string } {
  const key = createPrivateKey(privateKey);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const signature = sign(algorithmOf(key).hash, said(id, csr), key).toString('base64');
  return { publicKey, signature };
}

/** The hash of the key that vouches for the request; undefined: none does. */
export function vouchedBy(publicKey: string, signature: string, id: string, csr: string): string | undefined {
  try {
    const key = createPublicKey(publicKey);
    if (keyFault(key) !== undefined) return undefined;
    const good = verify(algorithmOf(key).hash, said(id, csr), key, Buffer.from(signature, 'base64'));
    return good ? keyHash(publicKey) : undefined;
  } catch {
    return undefined;
  }
}

function said(id: string, csr: string): Buffer {
  return Buffer.from(`${PURPOSE}${id}\n${csr}`);
}
