import { X509Certificate } from 'node:crypto';
import type { TrustBundle } from '../../core/identity.ts';

/** How often whoever cannot wait for changes shall ask. */
const REFRESH_SECONDS = 5;

/** A bundle as others take it (SPIFFE Trust Domain and Bundle §4): a JWK set with a certificate for each root. */
export function spiffeBundle({ roots, sequence }: TrustBundle): Record<string, unknown> {
  return {
    keys: roots.map((root) => {
      const certificate = new X509Certificate(root);
      const jwk = certificate.publicKey.export({ format: 'jwk' });
      return { use: 'x509-svid', ...jwk, x5c: [certificate.raw.toString('base64')] };
    }),
    spiffe_sequence: sequence,
    spiffe_refresh_hint: REFRESH_SECONDS,
  };
}
