import { BlockList, isIPv6 } from 'node:net';

/** Whether a peer's forwarding header fields are believed. */
export type IsTrusted = (ip: string) => boolean;

/** From addresses and CIDR blocks, as validated by the config. */
export function trustedPeers(list: readonly string[]): IsTrusted {
  if (list.length === 0) return () => false;
  const blocks = new BlockList();
  for (const item of list) {
    const [ip = '', prefix] = item.split('/');
    const family = isIPv6(ip) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) blocks.addAddress(ip, family);
    else blocks.addSubnet(ip, Number(prefix), family);
  }
  return (ip) => blocks.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
}
