import { isWildcard, localAddresses } from '../net/index.ts';

export { addressesOf } from '../net/index.ts';

/** The addresses that the name of this server gets: the one it listens on, or all that others can reach. */
export function reachableAddressesOf(host: string): string[] {
  if (!isWildcard(host)) return [host];
  return localAddresses()
    .filter((a) => !a.internal)
    .map((a) => a.address);
}
