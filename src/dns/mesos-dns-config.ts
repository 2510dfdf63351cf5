import { detectorProblem } from '../cluster/index.ts';
import type { Issue } from '../core/config/decode.ts';
import type { DnsConfigInput } from './config.ts';
import { readMesosDnsKeys } from './mesos-dns-keys.ts';
import type { MesosDnsValues } from './mesos-dns-keys.ts';
import { ipBytes } from './zone/index.ts';
import { isDomain, masking, parseResolver, resolverProblems } from './resolver-address.ts';
import { soaName } from './soa-name.ts';
import { isName } from './wire/index.ts';

/** What a Mesos-DNS file says about following the cluster. */
export interface MesosDnsCluster {
  /** `host:port`, in order. */
  readonly masters: readonly string[];
  /** Where masters are found, besides: a ZooKeeper URL, `file:///path` or `host:port`; empty for nowhere. */
  readonly zk: string;
  readonly refreshSeconds: number;
  readonly stateTimeoutSeconds: number;
  readonly zkDetectionTimeoutSeconds: number;
  readonly https: boolean;
  readonly tls: {
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
  readonly authentication: 'none' | 'basic' | 'iam';
  readonly principal: string | undefined;
  readonly secret: string | undefined;
  readonly iamConfigFile: string | undefined;
}

export type MesosDnsImport =
  | {
      readonly ok: true;
      readonly dns: DnsConfigInput;
      readonly cluster: MesosDnsCluster;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * Read a Mesos-DNS config.json, already parsed, as it is (mesos-dns.md §2). All mistakes at once, in the words of Mesos-DNS (§2.1) where it
 * has some. Files that it names are for the caller to read. `file` is only shown.
 */
export function fromMesosDnsConfig(json: unknown, file = 'config.json'): MesosDnsImport {
  const { values, issues: typeIssues, warnings: keyWarnings } = readMesosDnsKeys(json, file);
  if (typeIssues.length > 0) return { ok: false, issues: typeIssues };
  const checks = [
    services,
    numbersAndAddresses,
    masters,
    resolvers,
    ipSources,
    domain,
    soa,
    tls,
    authentication,
  ];
  const issues = checks.flatMap((check) => check(values));
  if (issues.length > 0) return { ok: false, issues };
  const warnings = [...keyWarnings, ...warningsOf(values)];
  return { ok: true, dns: dnsInput(values, file), cluster: clusterInput(values), warnings };
}

/** More seconds than this are as good as this many. */
const MAX_TIMEOUT_SECONDS = 3600;

/** Keys that the DNS room has no setting for. */
const ONLY_SHOWN = [
  'RefreshSeconds',
  'StateTimeoutSeconds',
  'ZkDetectionTimeout',
  'SOAMinttl',
  'Masters',
  'Zk',
  'MesosHTTPSOn',
  'CACertFile',
  'CertFile',
  'KeyFile',
  'MesosAuthentication',
  'IAMConfigFile',
] as const;

function issue(path: string, message: string): Issue {
  return { path, message };
}

function services(v: MesosDnsValues): Issue[] {
  const issues: Issue[] = [];
  if (!v.DnsOn && !v.HttpOn) {
    issues.push(issue('DnsOn', 'service validation failed: either DNS or HTTP server should be on'));
  }
  if (v.Masters.length === 0 && v.Zk === '') {
    const text = 'service validation failed: specify Mesos masters or Zookeeper in config.json';
    issues.push(issue('Masters', text));
  }
  const problem = v.Zk === '' ? undefined : detectorProblem(v.Zk);
  if (problem !== undefined) issues.push(issue('Zk', `failed to create master detector: ${problem}`));
  return issues;
}

function numbersAndAddresses(v: MesosDnsValues): Issue[] {
  const issues: Issue[] = [];
  for (const key of ['Port', 'HttpPort'] as const) {
    if (v[key] < 0 || v[key] > 65_535)
      issues.push(issue(key, `must be a port from 0 to 65535, not ${v[key]}`));
  }
  if (!ipBytes(v.Listener)) issues.push(issue('Listener', `must be an IP address, not '${v.Listener}'`));
  if (v.RefreshSeconds < 1)
    issues.push(issue('RefreshSeconds', `must be at least 1, not ${v.RefreshSeconds}`));
  if (v.StateTimeoutSeconds < 1) {
    issues.push(issue('StateTimeoutSeconds', `Invalid HTTP Timeout: ${v.StateTimeoutSeconds}`));
  }
  if (v.Timeout < 0) issues.push(issue('Timeout', `must be 0 or more seconds, not ${v.Timeout}`));
  if (v.ZkDetectionTimeout < 0) {
    issues.push(issue('ZkDetectionTimeout', `must be 0 or more seconds, not ${v.ZkDetectionTimeout}`));
  }
  return issues;
}

function masters(v: MesosDnsValues): Issue[] {
  const seen = new Set<string>();
  return v.Masters.flatMap((master, i) => {
    const path = `Masters[${i}]`;
    if (!isHostPort(master)) {
      return [issue(path, `error validating masters: illegal host:port specified: ${master}`)];
    }
    const key = normalised(master);
    if (seen.has(key)) return [issue(path, `error validating masters: duplicate found: ${master}`)];
    seen.add(key);
    return [];
  });
}

function isHostPort(text: string): boolean {
  const m = /^(\[[0-9a-f:.]+\]|[^\s:/[\]]+):(\d{1,5})$/i.exec(text);
  return m !== null && Number(m[2]) >= 1 && Number(m[2]) <= 65_535;
}

function normalised(hostPort: string): string {
  const peer = parseResolver(hostPort);
  return peer ? `${String(ipBytes(peer.ip))}:${peer.port}` : hostPort.toLowerCase();
}

function resolvers(v: MesosDnsValues): Issue[] {
  if (!v.ExternalOn) return [];
  const zones = Object.entries(v.ZoneResolvers);
  const lists: readonly (readonly [path: string, list: readonly string[]])[] = [
    ['Resolvers', v.Resolvers],
    ...zones.map(([zone, list]) => [`ZoneResolvers.${zone}`, list] as const),
  ];
  const issues = lists.flatMap(([path, list]) => [
    ...list
      .filter((text) => !parseResolver(text))
      .map((text) => issue(path, `error validating resolvers: illegal ip specified: ${text}`)),
    ...resolverProblems(list).map((problem) => issue(path, `error validating resolvers: ${problem}`)),
  ]);
  for (const [zone, list] of zones) {
    const path = `ZoneResolvers.${zone}`;
    if (!isDomain(zone)) issues.push(issue(path, `invalid domain name: ${zone}`));
    if (list.length === 0) issues.push(issue(path, `field ZoneResolver ${zone} is empty`));
    if (zone.toLowerCase() === v.Domain.toLowerCase()) {
      issues.push(issue(path, `can't specify ZoneResolver for Mesos domain (${zone})`));
    }
  }
  const names = zones.map(([zone]) => zone.toLowerCase());
  for (const [zone] of zones) {
    const first = zones[names.indexOf(zone.toLowerCase())]?.[0] ?? zone;
    if (first !== zone)
      issues.push(issue('ZoneResolvers', `ambiguous zone resolvers: .${zone} is masked by .${first}`));
  }
  for (const { zone, by } of masking(names, v.Domain.toLowerCase())) {
    issues.push(issue('ZoneResolvers', `ambiguous zone resolvers: .${zone} is masked by .${by}`));
  }
  return issues;
}

type IpSources = NonNullable<DnsConfigInput['ipSources']>;
const IP_SOURCES: ReadonlySet<string> = new Set(['host', 'docker', 'mesos', 'netinfo']);

function ipSources(v: MesosDnsValues): Issue[] {
  const failed = (what: string): Issue => issue('IPSources', `IPSources validation failed: ${what}`);
  if (v.IPSources.length === 0) return [failed('empty ip sources')];
  const issues = v.IPSources.filter((s) => !IP_SOURCES.has(s)).map((s) => failed(`invalid ip source "${s}"`));
  if (new Set(v.IPSources).size < v.IPSources.length) issues.push(failed('duplicate ip source specified'));
  return issues;
}

function domain(v: MesosDnsValues): Issue[] {
  return isDomain(v.Domain) ? [] : [issue('Domain', `${v.Domain} is not a valid domain name`)];
}

function soa(v: MesosDnsValues): Issue[] {
  const names = (['SOAMname', 'SOARname'] as const).filter((key) => !isName(soaName(v[key])));
  return names.map((key) => issue(key, `must be a domain name, not '${v[key]}'`));
}

function tls(v: MesosDnsValues): Issue[] {
  if (v.CertFile !== '' && v.KeyFile === '') return [issue('KeyFile', 'Missing private key')];
  return v.KeyFile !== '' && v.CertFile === '' ? [issue('CertFile', 'Missing certificate')] : [];
}

function authentication(v: MesosDnsValues): Issue[] {
  const missing = 'missing configuration for specified authentication mechanism';
  switch (v.MesosAuthentication) {
    case '':
      return [];
    case 'basic':
      if (v.MesosCredentials.Principal !== '' || v.MesosCredentials.Secret !== '') return [];
      return [issue('MesosCredentials', `${missing}: invalid HTTP Basic configuration`)];
    case 'iam':
      if (v.IAMConfigFile !== '') return [];
      return [issue('IAMConfigFile', `${missing}: invalid HTTP IAM configuration`)];
    default: {
      const text = `unregistered factory requested: '${v.MesosAuthentication}'; write basic, iam or nothing`;
      return [issue('MesosAuthentication', text)];
    }
  }
}

function warningsOf(v: MesosDnsValues): string[] {
  const warnings: string[] = [];
  const credentials = v.MesosCredentials.Principal !== '' || v.MesosCredentials.Secret !== '';
  if (v.MesosAuthentication === '' && (credentials || v.IAMConfigFile !== '')) {
    warnings.push('credentials are given but MesosAuthentication is not: they are not used');
  }
  if (v.TTL < 0) warnings.push(`TTL ${v.TTL} is taken as 0`);
  return warnings;
}

function dnsInput(v: MesosDnsValues, file: string): DnsConfigInput {
  return {
    dnsOn: v.DnsOn,
    httpOn: v.HttpOn,
    host: v.Listener,
    port: v.Port,
    httpHost: v.HTTPListener,
    httpPort: v.HttpPort,
    domain: v.Domain.toLowerCase(),
    ttlSeconds: Math.max(0, v.TTL),
    negativeTtlSeconds: Math.max(0, v.TTL),
    srvWeight: v.SRVRecordDefaultWeight,
    soa: {
      mname: v.SOAMname,
      rname: v.SOARname,
      refreshSeconds: v.SOARefresh,
      retrySeconds: v.SOARetry,
      expireSeconds: v.SOAExpire,
    },
    ipSources: [...v.IPSources] as IpSources,
    enforceRfc952: v.EnforceRFC952,
    // What Mesos-DNS has no key for is as it does it.
    health: 'include',
    agentNames: false,
    networkNames: false,
    ptr: false,
    recurseOn: v.RecurseOn,
    externalOn: v.ExternalOn,
    // Unchecked, and unused, while ExternalOn is false.
    resolvers: v.ExternalOn ? [...v.Resolvers] : [],
    zoneResolvers: v.ExternalOn
      ? Object.fromEntries(Object.entries(v.ZoneResolvers).map(([zone, list]) => [zone, [...list]]))
      : {},
    forwardTimeoutMs: Math.min(v.Timeout === 0 ? 5 : v.Timeout, MAX_TIMEOUT_SECONDS) * 1000,
    // Mesos-DNS forwards for everybody.
    acl: { recursion: 'any' },
    setTruncateBit: v.SetTruncateBit,
    enumerationOn: v.EnumerationOn,
    mesosDnsConfig: shown(v, file),
  };
}

/** What `/v1/config` cannot know from our own config. */
function shown(v: MesosDnsValues, file: string): Record<string, unknown> {
  return {
    ...Object.fromEntries(ONLY_SHOWN.map((key) => [key, v[key]])),
    Zk: v.Zk.replace(/^(zk:\/\/[^/:]*):[^/]*@/i, '$1:******@'),
    ...(v.ExternalOn ? {} : { Resolvers: v.Resolvers, ZoneResolvers: v.ZoneResolvers }),
    File: v.File === '' ? file : v.File,
    MesosCredentials: { ...v.MesosCredentials, Secret: v.MesosCredentials.Secret === '' ? '' : '******' },
  };
}

function clusterInput(v: MesosDnsValues): MesosDnsCluster {
  const optional = (text: string): string | undefined => (text === '' ? undefined : text);
  const basic = v.MesosAuthentication === 'basic';
  return {
    masters: v.Masters,
    zk: v.Zk,
    refreshSeconds: v.RefreshSeconds,
    stateTimeoutSeconds: v.StateTimeoutSeconds,
    zkDetectionTimeoutSeconds: v.ZkDetectionTimeout,
    https: v.MesosHTTPSOn,
    tls: { caFile: optional(v.CACertFile), certFile: optional(v.CertFile), keyFile: optional(v.KeyFile) },
    authentication: basic ? 'basic' : v.MesosAuthentication === 'iam' ? 'iam' : 'none',
    principal: basic ? v.MesosCredentials.Principal : undefined,
    secret: basic ? v.MesosCredentials.Secret : undefined,
    iamConfigFile: v.MesosAuthentication === 'iam' ? optional(v.IAMConfigFile) : undefined,
  };
}
