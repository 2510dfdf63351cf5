import type {
  CatalogAgent,
  CatalogFramework,
  CatalogTask,
  MasterAddress,
  Service,
} from '../../cluster/index.ts';
import { agentSuffix, domainFragment, label, taskHash } from './labels.ts';
import type { LabelRule } from './labels.ts';

export type IpSource = 'host' | 'docker' | 'mesos' | 'netinfo';

/** The types of Mesos-DNS, which its HTTP API lists. */
export type ZoneRecordType = 'A' | 'AAAA' | 'SRV';

export type RecordType = ZoneRecordType | 'CNAME' | 'PTR' | 'TXT';

/** One record. Names end with a dot. */
export interface ZoneRecord<T extends RecordType = ZoneRecordType> {
  readonly name: string;
  /** An IP; `target:port` for SRV; a name for CNAME and PTR; the text for TXT. */
  readonly host: string;
  readonly type: T;
  /** Of SRV records; undefined for the configured one. */
  readonly weight?: number;
  /** Undefined for the configured one. All records of one name and type have that of the first. */
  readonly ttlSeconds?: number;
}

export interface NamingSettings {
  /** Lower-case, without dots at the ends. */
  readonly domain: string;
  readonly rule: LabelRule;
  readonly ipSources: readonly IpSource[];
}

/** Records of one framework (mesos-dns.md §6.1): none without an address. */
export function frameworkRecords(f: CatalogFramework, settings: NamingSettings): ZoneRecord[] {
  if (f.ips.length === 0) return [];
  const host = `${domainFragment(f.name, settings.rule)}.${settings.domain}.`;
  const records = addresses(host, f.ips);
  if (f.pidPort !== undefined) records.push(srv(`_framework._tcp.${host}`, host, f.pidPort));
  return records;
}

/** All agents share one name (§6.2). */
export function agentRecords(agent: CatalogAgent, settings: NamingSettings): ZoneRecord[] {
  const host = `slave.${settings.domain}.`;
  return [...addresses(host, agent.ips), srv(`_slave._tcp.${settings.domain}.`, host, agent.port)];
}

/** The names of the masters (§6.3): `leader`, `master` for all, `masterN` one by one. */
export function masterRecords(
  leader: MasterAddress | undefined,
  masters: readonly MasterAddress[],
  settings: NamingSettings,
): ZoneRecord[] {
  const { domain } = settings;
  const all = new Set<string>();
  const records: ZoneRecord[] = [];
  if (leader) {
    const host = `leader.${domain}.`;
    all.add(leader.ip);
    records.push(...addresses(host, [leader.ip]), ...addresses(`master.${domain}.`, [leader.ip]));
    records.push(
      srv(`_leader._tcp.${domain}.`, host, leader.port),
      srv(`_leader._udp.${domain}.`, host, leader.port),
    );
  }
  let n = 0;
  let leaderListed = false;
  for (const master of masters) {
    if (leader && master.ip === leader.ip && master.port === leader.port) {
      if (leaderListed) continue;
      leaderListed = true;
    } else {
      if (all.has(master.ip)) continue;
      all.add(master.ip);
      records.push(...addresses(`master.${domain}.`, [master.ip]));
    }
    records.push(...addresses(`master${n++}.${domain}.`, [master.ip]));
  }
  if (leader && !leaderListed) records.push(...addresses(`master${n}.${domain}.`, [leader.ip]));
  return records;
}

/** The addresses of this server, under the name that the SOA record gives it (§6.3). */
export function listenerRecords(mname: string, ips: readonly string[]): ZoneRecord[] {
  return addresses(mname, ips);
}

/** Whether a task is published: it runs, on an agent that is known (§6.4). */
export function isPublished(task: CatalogTask): boolean {
  return task.state === 'TASK_RUNNING' && task.agentIps.length > 0;
}

/**
 * Records of one task (§6.5). With discovery information everything is made twice: for the discovery name exactly as given (a legacy
 * that clients use: `c.b.a.marathon.mesos`), then for the label made of it.
 */
export function taskRecords(task: CatalogTask, settings: NamingSettings): ZoneRecord[] {
  if (!isPublished(task)) return [];
  const { rule } = settings;
  const given = task.discovery?.name ?? '';
  const sanitised = label(given === '' ? task.name : given, rule);
  if (given === '' || given === sanitised) return namedRecords(task, sanitised, settings);
  return [...namedRecords(task, given, settings), ...namedRecords(task, sanitised, settings)];
}

/**
 * The names of a service that its framework declares (docs/decisions/0006), in both spellings as for tasks. They exist
 * as long as it is declared, so that an app scaled to nothing is not taken for one that is gone.
 */
export function serviceNames(service: Service, settings: NamingSettings): string[] {
  if (!service.declared) return [];
  const { rule, domain } = settings;
  const framework = domainFragment(service.frameworkName, rule);
  const tail = `.${framework}.${domain}.`;
  const names = new Set<string>();
  for (const name of [service.name, label(service.name, rule)]) {
    if (name === '') continue;
    names.add(name + tail).add(`${name}.${framework}.slave.${domain}.`);
    for (const port of service.ports) {
      const portName = label(port.name, rule);
      for (const protocol of protocols(port.protocol, rule)) {
        const srvName = `_${name}._${protocol}${tail}`;
        names.add(srvName);
        if (portName !== '') names.add(`_${portName}.${srvName}`);
      }
    }
  }
  return [...names];
}

function namedRecords(task: CatalogTask, name: string, settings: NamingSettings): ZoneRecord[] {
  const { rule, domain } = settings;
  const canonical = `${name}-${taskHash(task.id)}-${agentSuffix(task.agentId)}`;
  const framework = domainFragment(task.frameworkName, rule);
  const tail = `.${framework}.${domain}.`;
  const slaveTail = `.${framework}.slave.${domain}.`;
  const ips = taskIps(task, settings.ipSources);
  const records = [
    ...addresses(name + tail, ips),
    ...addresses(canonical + tail, ips),
    ...addresses(name + slaveTail, task.agentIps),
    ...addresses(canonical + slaveTail, task.agentIps),
  ];
  const discovery = task.discovery?.name ? task.discovery : undefined;
  for (const port of task.ports) {
    for (const protocol of ['_tcp', '_udp']) {
      const service = `_${name}.${protocol}`;
      records.push(srv(service + slaveTail, canonical + slaveTail, port));
      if (!discovery) records.push(srv(service + tail, canonical + slaveTail, port));
    }
  }
  for (const port of discovery?.ports ?? []) {
    const portName = label(port.name, rule);
    for (const protocol of protocols(port.protocol, rule)) {
      const service = `_${name}._${protocol}${tail}`;
      records.push(srv(service, canonical + tail, port.number));
      if (portName !== '') records.push(srv(`_${portName}.${service}`, canonical + tail, port.number));
    }
  }
  return records;
}

/** No protocol means both. `tcp,udp` is two (Mesos-DNS makes the useless `_tcpudp` of it). */
function protocols(given: string, rule: LabelRule): string[] {
  const named = given
    .split(',')
    .map((p) => label(p, rule))
    .filter((p) => p !== '');
  return named.length === 0 ? ['tcp', 'udp'] : [...new Set(named)];
}

/** The first source that has an address wins (§6.4). */
function taskIps(task: CatalogTask, sources: readonly IpSource[]): readonly string[] {
  for (const source of sources) {
    const ips = ipsOf(task, source);
    if (ips.length > 0) return ips;
  }
  return [];
}

function ipsOf(task: CatalogTask, source: IpSource): readonly string[] {
  switch (source) {
    case 'host':
      return task.agentIps;
    case 'docker':
      return task.dockerIps;
    case 'mesos':
      return task.mesosIps;
    case 'netinfo':
      return task.netinfoIps;
  }
}

function addresses(name: string, ips: readonly string[]): ZoneRecord[] {
  return ips.map((host) => ({ name, host, type: isIpv4(host) ? 'A' : 'AAAA' }));
}

function isIpv4(ip: string): boolean {
  return !ip.includes(':') || /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(ip);
}

function srv(name: string, target: string, port: number): ZoneRecord {
  return { name, host: `${target}:${port}`, type: 'SRV' };
}
