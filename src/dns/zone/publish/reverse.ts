import type { CatalogAgent, CatalogTask } from '../../../cluster/index.ts';
import { ipBytes } from '../../../core/ip.ts';
import { agentSuffix, domainFragment, label, taskHash } from '../labels.ts';
import { publishedIps, taskLabel } from '../records.ts';
import type { NamingSettings, TaskRecord, ZoneRecord } from '../records.ts';
import { canonicalLabel } from './long-names.ts';

/** The name under which an address is looked up (RFC 1035 §3.5, RFC 3596 §2.5); undefined when it is none. */
export function reverseName(ip: string): string | undefined {
  const bytes = ipBytes(ip);
  if (!bytes) return undefined;
  if (bytes.length === 4) return `${bytes[3]}.${bytes[2]}.${bytes[1]}.${bytes[0]}.in-addr.arpa.`;
  const nibbles = [...bytes].flatMap((b) => [b >> 4, b & 15]);
  return `${nibbles
    .reverse()
    .map((n) => n.toString(16))
    .join('.')}.ip6.arpa.`;
}

/** The addresses of an agent lead to the name that it has by its id. */
export function agentPointers(agent: CatalogAgent, settings: NamingSettings): ZoneRecord<'PTR'>[] {
  const id = label(agentSuffix(agent.id), settings.rule);
  return id === '' ? [] : pointers(agent.ips, `${id}.agent.${settings.domain}.`);
}

/**
 * The addresses that are a task's own lead to the name that is its own. Only those that this name has: an address should lead to
 * a name that leads back. Tasks on the network of their agent have none.
 */
export function taskPointers(task: CatalogTask, settings: NamingSettings): TaskRecord<'PTR'>[] {
  const { rule, domain } = settings;
  const { source, ips } = publishedIps(task, settings.ipSources);
  const own = source === 'host' ? NO_IPS : ips.filter((ip) => !task.agentIps.includes(ip));
  const name = taskLabel(task, rule);
  const framework = domainFragment(task.frameworkName, rule);
  if (own.length === 0 || name === '' || framework === '') return [];
  const canonical = canonicalLabel(name, taskHash(task.id), agentSuffix(task.agentId));
  return pointers(own, `${canonical}.${framework}.${domain}.`);
}

const NO_IPS: readonly string[] = [];

/** They are nobody else's: nothing is shared. */
function pointers(ips: readonly string[], host: string): TaskRecord<'PTR'>[] {
  const records: TaskRecord<'PTR'>[] = [];
  for (const ip of ips) {
    const name = reverseName(ip);
    if (name !== undefined) records.push({ name, host, type: 'PTR', shared: false });
  }
  return records;
}
