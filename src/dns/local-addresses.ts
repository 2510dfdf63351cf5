import { networkInterfaces } from 'node:os';

/** The addresses that a host to listen on stands for: itself, or for `0.0.0.0` and `::` all that this machine has now. */
export function addressesOf(host: string): string[] {
  if (!isWildcard(host)) return [host];
  return local()
    .filter((a) => host === '::' || a.family === 'IPv4')
    .map((a) => a.address);
}

/** The addresses that the name of this server gets: the one it listens on, or all that others can reach. */
export function reachableAddressesOf(host: string): string[] {
  if (!isWildcard(host)) return [host];
  return local()
    .filter((a) => !a.internal)
    .map((a) => a.address);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Without link-local ones: they mean nothing without the name of an interface. */
function local(): { readonly address: string; readonly family: string; readonly internal: boolean }[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((a) => !a.address.startsWith('fe80:'));
}
