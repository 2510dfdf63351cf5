import type { AnswerSettings } from './answer/settings.ts';
import type { DnsConfig } from './config.ts';
import { reachableAddressesOf } from './local-addresses.ts';
import { soaName } from './soa-name.ts';
import { nameBytes } from './wire/index.ts';
import { RFC1123, RFC952, createNames } from './zone/index.ts';
import type { Names, ZoneHead, ZoneSettings } from './zone/index.ts';

/** The zone of the cluster, as its SOA record has it. */
export function clusterHead(config: DnsConfig): ZoneHead {
  const { soa, ttlSeconds, negativeTtlSeconds } = config;
  return {
    apex: `${config.domain}.`,
    mname: soaName(soa.mname).toLowerCase(),
    rname: soaName(soa.rname),
    refreshSeconds: soa.refreshSeconds,
    retrySeconds: soa.retrySeconds,
    expireSeconds: soa.expireSeconds,
    negativeTtlSeconds,
    ttlSeconds,
    nsTtlSeconds: ttlSeconds,
  };
}

/** What the names of the cluster depend on. */
export function namingSettings(config: DnsConfig): ZoneSettings {
  return {
    domain: config.domain,
    rule: config.enforceRfc952 ? RFC952 : RFC1123,
    ipSources: config.ipSources,
    srvWeight: config.srvWeight,
    mname: soaName(config.soa.mname).toLowerCase(),
    listenerIps: reachableAddressesOf(config.host),
    legacyNames: config.legacyNames,
  };
}

/** Everything that says which names are published. */
export function namesOf(config: DnsConfig): Names {
  const { health, legacyNames, agentNames, networkNames, ptr } = config;
  const extras = { health, legacyNames, agentNames, networkNames, ptr };
  return createNames({ ...namingSettings(config), ...extras }, config);
}

/** What every thread that answers has to know. */
export function answerSettings(config: DnsConfig, heads: readonly ZoneHead[]): AnswerSettings {
  const zones = heads.map((head) => ({ apex: nameBytes(head.apex) ?? new Uint8Array(1), fixed: false }));
  return {
    // The longest that fits a name is its zone.
    zones: zones.sort((a, b) => b.apex.length - a.apex.length),
    aliases: [],
    udpPayloadBytes: config.udpPayloadBytes,
    setTruncateBit: config.setTruncateBit,
    recurseOn: config.recurseOn,
    forwards: config.externalOn,
    nsid: new TextEncoder().encode(config.nsid),
    tcpIdleTenths: Math.floor(config.tcp.idleTimeoutMs / 100),
  };
}
