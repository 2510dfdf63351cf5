import { ANONYMOUS } from '../../core/access.ts';
import type { AccessRequest, PreviewingAuthorizer } from '../../core/access.ts';
import type { Acl } from './acl.ts';

/** What the list of the config and the policy both let a client do. Of a client of DNS only the address is known. */
export interface Permission extends Acl {
  /** The same, asked to explain: denials are counted and logged nowhere. */
  wouldAllow(ip: string | undefined): boolean;
}

/** Recursion: answers for names outside of our zones. Without a policy the list alone decides. */
export function recursionPermission(acl: Acl, policy: PreviewingAuthorizer | undefined): Permission {
  return {
    allows: (ip) => acl.allows(ip) && (policy?.decide(questionOf(ip)).allowed ?? true),
    wouldAllow: (ip) => acl.allows(ip) && (policy?.preview(questionOf(ip)).allowed ?? true),
  };
}

function questionOf(ip: string | undefined): AccessRequest {
  const subject = ip === undefined ? ANONYMOUS : { ...ANONYMOUS, address: ip };
  return { subject, action: 'dns:recursion', object: '' };
}
