import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { MasterInfo } from '../mesos/index.ts';
import { domainInfo, ipToUint32 } from '../mesos/index.ts';
import { MASTER_CAPABILITIES, MESOS_VERSION } from './build-info.ts';
import type { MasterConfig } from './config.ts';

/** How the master names itself: by what was advertised, else by where it is reached. */
export function masterInfo(config: MasterConfig, id: string, port: number): MasterInfo {
  const ip = config.advertiseIp ?? reachedAt(config.host);
  const hostname = config.hostname ?? ip;
  return {
    id,
    ip: ipToUint32(ip),
    port,
    pid: `master@${ip.includes(':') ? `[${ip}]` : ip}:${port}`,
    hostname,
    version: MESOS_VERSION,
    address: { hostname, ip, port },
    capabilities: MASTER_CAPABILITIES.map((type) => ({ type })),
    ...(config.domain && { domain: domainInfo(config.domain) }),
  };
}

/** What listens on a wildcard is reached at the first address of the machine that is not its loopback. */
function reachedAt(host: string): string {
  if (isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::') return host;
  if (host === 'localhost') return '127.0.0.1';
  const outward = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((a) => !a.internal);
  return (outward.find((a) => a.family === 'IPv4') ?? outward[0])?.address ?? '127.0.0.1';
}
