import type { Catalog } from '../cluster/index.ts';
import { Vips } from '../cluster/vips/index.ts';
import type { AnswerSettings } from './answer/settings.ts';
import type { DnsConfig } from './config.ts';
import { vipSettings } from './dcos/config.ts';
import { createDcos } from './dcos/dcos.ts';
import type { Dcos } from './dcos/dcos.ts';
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

/** The names of DC/OS beside them, when they are wanted. */
export function dcosOf(config: DnsConfig, catalog: Catalog, vips?: Vips): Dcos | undefined {
  if (!config.dcos.enabled) return undefined;
  const { domain, health, legacyNames } = config;
  // DC/OS has a copy of what Mesos-DNS publishes, and so nothing that is only ours.
  const plain = { health, legacyNames, agentNames: false, networkNames: false, ptr: false };
  const mesos = createNames({ ...namingSettings(config), ...plain }, { records: [], answerLimits: {} });
  return createDcos(config.dcos, vips ?? followed(config, catalog), { domain, publishers: mesos.publishers });
}

function followed({ dcos }: DnsConfig, catalog: Catalog): Vips {
  const vips = new Vips(vipSettings(dcos));
  vips.follow(catalog);
  return vips;
}

/** Everything below these is ours, whether or not it exists; absolute names. */
export function ownDomains(heads: readonly ZoneHead[], dcos: Dcos | undefined): string[] {
  return [...heads.map((head) => head.apex), ...(dcos?.aliases ?? []).map(({ from }) => `${from}.`)];
}

/** What every thread that answers has to know. */
export function answerSettings(
  config: DnsConfig,
  heads: readonly ZoneHead[],
  dcos: Pick<Dcos, 'fixed' | 'aliases'> | undefined,
): AnswerSettings {
  const zones = heads.map(({ apex }) => ({ apex: wire(apex), fixed: dcos?.fixed.has(apex) ?? false }));
  return {
    // The longest that fits a name is its zone.
    zones: zones.sort((a, b) => b.apex.length - a.apex.length),
    aliases: (dcos?.aliases ?? []).map(({ from, to }) => ({ from: wire(`${from}.`), to: wire(`${to}.`) })),
    udpPayloadBytes: config.udpPayloadBytes,
    setTruncateBit: config.setTruncateBit,
    recurseOn: config.recurseOn,
    forwards: config.externalOn,
    nsid: new TextEncoder().encode(config.nsid),
    tcpIdleTenths: Math.min(0xffff, Math.floor(config.tcp.idleTimeoutMs / 100)),
  };
}

function wire(name: string): Uint8Array {
  return nameBytes(name) ?? new Uint8Array(1);
}
