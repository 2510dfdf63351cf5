import { networkInterfaces } from 'node:os';

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The addresses that this machine has now, without link-local ones: they mean nothing without the name of an interface. */
export function localAddresses(): {
  readonly address: string;
  readonly family: string;
  readonly internal: boolean;
}[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((a) => !a.address.startsWith('fe80:'));
}

/** The addresses that a host to listen on stands for: itself, or for `0.0.0.0` and `::` all that this machine has now. */
export function addressesOf(host: string): string[] {
  if (!isWildcard(host)) return [host];
  return localAddresses()
    .filter((a) => host === '::' || a.family === 'IPv4')
    .map((a) => a.address);
}
