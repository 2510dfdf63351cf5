import type { CatalogDiff, CatalogTask, CatalogVersion } from '../../cluster/index.ts';
import { dcosLabel } from '../../cluster/vips/index.ts';
import { follow } from '../zone/publish/follow.ts';
import type { Change, Publisher } from '../zone/publisher.ts';
import { addresses, isPublished } from '../zone/records.ts';
import type { ZoneRecord } from '../zone/records.ts';
import { DCOS_TTL_SECONDS, NAMES_DOMAIN } from './zones.ts';

/**
 * The names of `dcos.thisdcos.directory` (dcos-net.md §3): three views of the addresses of each running task, and the masters. Other than
 * with Mesos-DNS, a framework is one label whatever its name.
 */
export class DcosNames implements Publisher {
  readonly name = 'dcos-names';
  #masters: readonly ZoneRecord[] = [];

  step(next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    const masters: Change[] = [];
    if (diff.mastersChanged) {
      const after = masterRecords(next);
      masters.push({ before: this.#masters, after });
      this.#masters = after;
    }
    return all(masters, follow(diff.tasks, taskRecords));
  }
}

function* all(...parts: Iterable<Change>[]): Generator<Change> {
  for (const part of parts) yield* part;
}

function masterRecords({ leader, masters }: CatalogVersion): ZoneRecord[] {
  const ips = new Set(masters.map((m) => m.ip));
  if (leader) ips.add(leader.ip);
  return [...named('master', [...ips]), ...named('leader', leader ? [leader.ip] : [])];
}

/** Only of tasks that run; with the discovery name, else the task's. */
function taskRecords(task: CatalogTask): ZoneRecord[] {
  if (!isPublished(task)) return [];
  const parts = [dcosLabel(task.discovery?.name || task.name), dcosLabel(task.frameworkName)];
  if (parts.includes('')) return [];
  const name = parts.join('.');
  const agent = task.agentIps;
  const own = task.netinfoIps;
  return [
    ...named(`${name}.agentip`, agent),
    ...named(`${name}.containerip`, own),
    ...named(`${name}.autoip`, hasHostPort(task) || own.length === 0 ? agent : own),
  ];
}

/** Whether a port of the discovery information leads to the agent: it says so, or is one of the agent's ports that the task has. */
function hasHostPort({ discovery, ports }: CatalogTask): boolean {
  return (discovery?.ports ?? []).some(({ number, labels }) => {
    const scope = labels.get('network-scope');
    return scope === 'host' || (scope === undefined && ports.includes(number));
  });
}

function named(name: string, ips: readonly string[]): ZoneRecord[] {
  const full = `${name}.${NAMES_DOMAIN}.`;
  return addresses(full, [...new Set(ips)]).map((r) => ({ ...r, ttlSeconds: DCOS_TTL_SECONDS }));
}
