import type { IdentityContext } from '../../core/identity.ts';
import type { IdentitySpec } from '../plane/messages.ts';

/** An identity as planes need it. */
export function identitySpec({ svid, bundle }: IdentityContext): IdentitySpec {
  const { id, certificateChain, privateKey } = svid;
  const { trustDomain, roots } = bundle;
  return { id, trustDomain, certificateChain, privateKey, roots: roots.join('\n') };
}
