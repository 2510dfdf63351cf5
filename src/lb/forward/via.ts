import { FieldId } from '../http1/index.ts';
import type { Fields } from '../http1/index.ts';

/** How we name ourselves to the next hop, and how often we may meet our own name. */
export interface ViaPolicy {
  /** A pseudonym (RFC 9110 §7.6.3); the same for all load balancers that one loop may go through. */
  readonly name: string;
  /** A request that has passed this name more often is going round in a circle. */
  readonly maxReturns: number;
}

/** Whether the request has been with us more often than it may (RFC 9110 §7.6.3). */
export function comesBack(fields: Fields, { name, maxReturns }: ViaPolicy): boolean {
  const own = name.toLowerCase();
  let seen = 0;
  for (const item of fields.list(FieldId.VIA)) {
    // "1.1 name (comment)", "HTTP/1.1 name:port"
    const by = /^\S+[ \t]+([^\s(:]+)/.exec(item)?.[1];
    if (by === own) seen += 1;
  }
  return seen > maxReturns;
}
