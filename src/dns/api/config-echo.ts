import type { DnsConfig } from '../config.ts';
import { soaName } from '../soa-name.ts';

/**
 * What `/v1/config` shows: the keys of Mesos-DNS in its order (mesos-dns.md §2), from our own config, and under it what only a Mesos-DNS
 * file says. A secret is never shown.
 */
export function configEcho(config: DnsConfig, serial: number): Record<string, unknown> {
  const shown = new Map<string, unknown>([
    ['RefreshSeconds', 60],
    ['Port', config.port],
    ['Timeout', Math.ceil(config.forwardTimeoutMs / 1000)],
    ['StateTimeoutSeconds', 300],
    ['ZkDetectionTimeout', 30],
    ['HttpPort', config.httpPort],
    ['TTL', config.ttlSeconds],
    ['SRVRecordDefaultWeight', config.srvWeight],
    ['SOASerial', serial],
    ['SOARefresh', config.soa.refreshSeconds],
    ['SOARetry', config.soa.retrySeconds],
    ['SOAExpire', config.soa.expireSeconds],
    ['SOAMinttl', config.ttlSeconds],
    ['SOAMname', soaName(config.soa.mname)],
    ['SOARname', soaName(config.soa.rname)],
    ['Masters', []],
    ['Zk', ''],
    ['ZoneResolvers', config.zoneResolvers],
    ['Resolvers', config.resolvers],
    ['IPSources', config.ipSources],
    ['Domain', config.domain],
    ['File', ''],
    ['Listener', config.host],
    ['HTTPListener', config.httpHost],
    ['RecurseOn', config.recurseOn],
    ['DnsOn', config.dnsOn],
    ['HttpOn', config.httpOn],
    ['ExternalOn', config.externalOn],
    ['EnforceRFC952', config.enforceRfc952],
    ['SetTruncateBit', config.setTruncateBit],
    ['EnumerationOn', config.enumerationOn],
    ['MesosHTTPSOn', false],
    ['CACertFile', ''],
    ['CertFile', ''],
    ['KeyFile', ''],
    ['MesosAuthentication', ''],
    ['MesosCredentials', { Principal: '', Secret: '' }],
    ['IAMConfigFile', ''],
  ]);
  for (const [key, value] of Object.entries(config.mesosDnsConfig)) if (shown.has(key)) shown.set(key, value);
  return Object.fromEntries(
    [...shown].map(([key, value]) => [key, key === 'MesosCredentials' ? masked(value) : value]),
  );
}

function masked(credentials: unknown): unknown {
  if (typeof credentials !== 'object' || credentials === null) return { Principal: '', Secret: '' };
  const secret = 'Secret' in credentials ? credentials.Secret : '';
  return { ...credentials, Secret: secret === '' || secret === undefined ? '' : '******' };
}
