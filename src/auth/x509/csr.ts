import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { TAG, bits, context, der, integer, pem, pemBlocks, readWhole, sequence } from '../../core/der.ts';
import { algorithmOf, keyFault } from './algorithms.ts';
import type { KeyPair } from './make.ts';
import { nameOf } from './make.ts';

/** Larger requests are not of ours. */
const LARGEST = 16_384;

/** A request (PKCS#10, RFC 2986) that says nothing but a key, and proves that whoever made it has it. */
export function makeKeyRequest({ publicKey, privateKey }: KeyPair): string {
  const key = createPrivateKey(privateKey);
  const { hash, identifier } = algorithmOf(key);
  const spki = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), nameOf('key'), spki, der(context(0)));
  return pem('CERTIFICATE REQUEST', sequence(info, identifier, bits(sign(hash, info, key))));
}

/**
 * The key (PEM, SPKI) of a request (PEM) that is signed with it; undefined when it is no request, or signed with another key, or the key is of
 * no use. Whatever else it asks for is not looked at.
 */
export function provenKey(request: string): string | undefined {
  if (request.length > LARGEST) return undefined;
  const [bytes] = pemBlocks(request, 'CERTIFICATE REQUEST');
  if (!bytes) return undefined;
  try {
    const { info, spki, signature } = readWhole(bytes, (outer) => {
      const reader = outer.inside();
      const whole = reader.next(TAG.sequence);
      reader.next(TAG.sequence); // the algorithm: the key says which it must be
      const signed = reader.next(TAG.bits).body.subarray(1);
      reader.end();
      const key = readWhole(whole.body, (inside) => {
        inside.next(TAG.integer);
        inside.next(TAG.sequence);
        const found = inside.next(TAG.sequence).whole;
        inside.optional(context(0));
        return found;
      });
      return { info: whole.whole, spki: key, signature: signed };
    });
    const key = createPublicKey({ key: spki, type: 'spki', format: 'der' });
    if (keyFault(key) !== undefined || !verify(algorithmOf(key).hash, info, key, signature)) return undefined;
    return key.export({ type: 'spki', format: 'pem' }).toString();
  } catch {
    return undefined;
  }
}
