import { trustedPeers } from '../forward/trust.ts';
import type { IpFilterMiddleware } from '../router/middleware.ts';
import type { Refusal, Step, Visit } from './types.ts';

/** Lets in by address: who is denied stays out, and with an allow list everybody else. */
export function ipFilter({ allow, deny }: IpFilterMiddleware): Step {
  const allowed = allow === undefined ? undefined : listed(allow);
  const denied = listed(deny ?? []);
  const check = ({ client }: Visit): Refusal | undefined => {
    if (denied(client)) return { reason: 'address-refused', detail: `${client} is denied` };
    if (allowed === undefined || allowed(client)) return undefined;
    return { reason: 'address-refused', detail: `${client} is not among those allowed` };
  };
  return { check, peek: check };
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Whether an address is in one of these blocks; one of IPv4 also in its form within IPv6. */
export function listed(blocks: readonly string[]): (ip: string) => boolean {
  const isListed = trustedPeers(blocks);
  return (ip) => isListed(MAPPED.exec(ip)?.[1] ?? ip);
}
