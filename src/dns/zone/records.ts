import type {
  CatalogAgent,
  CatalogFramework,
  CatalogTask,
  MasterAddress,
  Service,
} from '../../cluster/index.ts';
import { agentSuffix, domainFragment, label, taskHash } from './labels.ts';
import type { LabelRule } from './labels.ts';
import { canonicalLabel, underscored } from './publish/long-names.ts';
import { weightOf } from './publish/service-labels.ts';

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
  /** Of SRV records; undefined for 0. */
  readonly priority?: number;
  /** Undefined for the configured one. All records of one name and type have that of the last that was given. */
  readonly ttlSeconds?: number;
}

/** A record of a task. */
export interface TaskRecord<T extends RecordType = ZoneRecordType> extends ZoneRecord<T> {
  /** Whether its name is shared by the tasks of a service, rather than this task's own. */
  readonly shared: boolean;
}

export interface NamingSettings {
  /** Lower-case, without dots at the ends. */
  readonly domain: string;
  readonly rule: LabelRule;
  readonly ipSources: readonly IpSource[];
  /** False leaves the discovery names exactly as given (§6.5) away. */
  readonly legacyNames?: boolean;
}

/** What the records of the cluster's own zone depend on. */
export interface ZoneSettings extends NamingSettings {
  readonly srvWeight: number;
  /** Absolute name of this server in the SOA record, and the addresses it gets. */
  readonly mname: string;
  readonly listenerIps: readonly string[];
}

/** The name of a framework, which it has only with an address. */
export function frameworkName(framework: string, { rule, domain }: NamingSettings): string {
  return `${domainFragment(framework, rule)}.${domain}.`;
}

/** Records of one framework (mesos-dns.md §6.1): none without an address. */
export function frameworkRecords(f: CatalogFramework, settings: NamingSettings): ZoneRecord[] {
  if (f.ips.length === 0) return [];
  const host = frameworkName(f.name, settings);
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

/** Whether Mesos-DNS publishes a task: it runs, on an agent that is known (§6.4). */
export function isPublished(task: CatalogTask): boolean {
  return task.state === 'TASK_RUNNING' && task.agentIps.length > 0;
}

/** Whether a task runs, on an agent that is known; also while it is being killed. */
export function isLive(task: CatalogTask): boolean {
  return isPublished(task) || (task.state === 'TASK_KILLING' && task.agentIps.length > 0);
}

/** Records of one task as Mesos-DNS makes them (§6.5); none unless it is published. */
export function taskRecords(task: CatalogTask, settings: NamingSettings): TaskRecord[] {
  return isPublished(task) ? namesOfTask(task, settings) : [];
}

/**
 * The records of a task, whatever its state. With discovery information everything is made twice: for the discovery name exactly as
 * given (a legacy that clients use: `c.b.a.marathon.mesos`), then for the label made of it.
 */
export function namesOfTask(task: CatalogTask, settings: NamingSettings): TaskRecord[] {
  const out: TaskRecord[] = [];
  const hash = taskHash(task.id);
  const sanitised = taskLabel(task, settings.rule);
  const given = task.discovery?.name ?? '';
  if (given !== '' && given !== sanitised && settings.legacyNames !== false)
    addNamed(out, task, given, hash, settings);
  addNamed(out, task, sanitised, hash, settings);
  return out;
}

/** The label that a task's names begin with. */
export function taskLabel(task: CatalogTask, rule: LabelRule): string {
  return label(task.discovery?.name || task.name, rule);
}

/**
 * The names of a service that its framework declares (docs/decisions/0006), in both spellings as for tasks. They exist
 * as long as it is declared, so that an app scaled to nothing is not taken for one that is gone.
 */
export function serviceNames(service: Service, settings: NamingSettings): string[] {
  return service.declared ? namesOfService(service, settings) : [];
}

/** The names of a service, by the ports that it shows. */
export function namesOfService(service: Service, settings: NamingSettings): string[] {
  const { rule, domain } = settings;
  const framework = domainFragment(service.frameworkName, rule);
  const tail = `.${framework}.${domain}.`;
  const names = new Set<string>();
  for (const name of serviceSpellings(service, settings)) {
    names.add(name + tail).add(`${name}.${framework}.slave.${domain}.`);
    for (const port of service.ports) {
      const portName = label(port.name, rule);
      for (const protocol of protocols(port.protocol, rule)) {
        const srvName = `${underscored(name)}.${underscored(protocol)}${tail}`;
        names.add(srvName);
        if (portName !== '') names.add(`${underscored(portName)}.${srvName}`);
      }
    }
  }
  return [...names];
}

/** A service's name as given, where that is published, and as a label. */
export function serviceSpellings(service: Service, settings: NamingSettings): string[] {
  const sanitised = label(service.name, settings.rule);
  const given = settings.legacyNames === false ? sanitised : service.name;
  return [...new Set([given, sanitised])].filter((name) => name !== '');
}

function addNamed(
  out: TaskRecord[],
  task: CatalogTask,
  name: string,
  hash: string,
  settings: NamingSettings,
): void {
  const { rule, domain } = settings;
  const canonical = canonicalLabel(name, hash, agentSuffix(task.agentId));
  const framework = domainFragment(task.frameworkName, rule);
  const tail = `.${framework}.${domain}.`;
  const slaveTail = `.${framework}.slave.${domain}.`;
  const ips = publishedIps(task, settings.ipSources).ips;
  addAddresses(out, name + tail, ips, true);
  addAddresses(out, canonical + tail, ips, false);
  addAddresses(out, name + slaveTail, task.agentIps, true);
  addAddresses(out, canonical + slaveTail, task.agentIps, false);
  const discovery = task.discovery?.name ? task.discovery : undefined;
  const first = underscored(name);
  const weight = weightOf(task);
  for (const port of task.ports) {
    const host = `${canonical}${slaveTail}:${port}`;
    for (const protocol of PROTOCOLS) {
      const service = first + protocol;
      out.push(serviceRecord(service + slaveTail, host, weight));
      if (!discovery) out.push(serviceRecord(service + tail, host, weight));
    }
  }
  for (const port of discovery?.ports ?? NO_PORTS) {
    const portName = label(port.name, rule);
    const host = `${canonical}${tail}:${port.number}`;
    for (const protocol of protocols(port.protocol, rule)) {
      const service = `${first}.${underscored(protocol)}${tail}`;
      out.push(serviceRecord(service, host, weight));
      if (portName !== '') out.push(serviceRecord(`${underscored(portName)}.${service}`, host, weight));
    }
  }
}

const PROTOCOLS = ['._tcp', '._udp'];
const NO_PORTS: readonly never[] = [];

/** No protocol means both. `tcp,udp` is two (Mesos-DNS makes the useless `_tcpudp` of it). */
function protocols(given: string, rule: LabelRule): string[] {
  const named = given
    .split(',')
    .map((p) => label(p, rule))
    .filter((p) => p !== '');
  return named.length === 0 ? ['tcp', 'udp'] : [...new Set(named)];
}

/** The addresses that a task is published under: the first source that has any wins (§6.4). */
export function publishedIps(
  task: CatalogTask,
  sources: readonly IpSource[],
): { readonly source: IpSource | undefined; readonly ips: readonly string[] } {
  for (const source of sources) {
    const ips = ipsOf(task, source);
    if (ips.length > 0) return { source, ips };
  }
  return { source: undefined, ips: [] };
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

/** A and AAAA records. */
export function addresses(name: string, ips: readonly string[]): ZoneRecord[] {
  return ips.map((host) => ({ name, host, type: addressType(host) }));
}

/** The same for a task. */
export function addAddresses(out: TaskRecord[], name: string, ips: readonly string[], shared: boolean): void {
  for (const host of ips) out.push({ name, host, type: addressType(host), shared });
}

export function addressType(ip: string): 'A' | 'AAAA' {
  return !ip.includes(':') || /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(ip) ? 'A' : 'AAAA';
}

function srv(name: string, target: string, port: number): ZoneRecord {
  return { name, host: `${target}:${port}`, type: 'SRV' };
}

function serviceRecord(name: string, host: string, weight: number | undefined): TaskRecord {
  if (weight === undefined) return { name, host, type: 'SRV', shared: true };
  return { name, host, type: 'SRV', shared: true, weight };
}
