import { networkInterfaces } from 'node:os';

const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

/** The address at which others reach what listens on `host`: for a wildcard the machine's first outward one. */
export function advertisedIp(host: string, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  if (!ANY.has(host)) return host === 'localhost' ? '127.0.0.1' : host;
  const outward = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((a) => !a.internal);
  return (outward.find((a) => a.family === 'IPv4') ?? outward[0])?.address ?? '127.0.0.1';
}
