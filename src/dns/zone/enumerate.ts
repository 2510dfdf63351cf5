import type { CatalogVersion } from '../../cluster/index.ts';
import {
  agentRecords,
  frameworkRecords,
  isPublished,
  listenerRecords,
  masterRecords,
  taskRecords,
} from './records.ts';
import type { ZoneRecord, ZoneRecordType, ZoneSettings } from './records.ts';

/** Every record of Mesos-DNS for a state of the cluster, as often as something gives it, in the order in which it builds them. */
export function* mesosRecords(version: CatalogVersion, settings: ZoneSettings): Generator<ZoneRecord> {
  for (const f of version.frameworks.values()) yield* frameworkRecords(f, settings);
  for (const a of version.agents.values()) yield* agentRecords(a, settings);
  yield* listenerRecords(settings.mname, settings.listenerIps);
  yield* masterRecords(version.leader, version.masters, settings);
  for (const task of version.tasks.values()) yield* taskRecords(task, settings);
}

export interface EnumeratedRecord {
  readonly name: string;
  readonly host: string;
  readonly rtype: ZoneRecordType;
}

export interface EnumeratedTask {
  readonly name: string;
  readonly id: string;
  /** Null when all of them were listed before. */
  readonly records: readonly EnumeratedRecord[] | null;
}

export interface EnumeratedFramework {
  readonly tasks: readonly EnumeratedTask[];
  readonly name: string;
}

/**
 * Every published task with the records that it brings (mesos-dns.md §9 `/v1/enumerate`). A record is listed once, with whatever gives it
 * first: frameworks, agents, the server itself, masters, then tasks in order.
 */
export function enumerate(version: CatalogVersion, settings: ZoneSettings): EnumeratedFramework[] {
  const seen = new Set<string>();
  const isNew = (r: ZoneRecord): boolean => {
    const before = seen.size;
    return seen.add(`${r.type} ${r.name} ${r.host}`).size > before;
  };
  for (const f of version.frameworks.values()) frameworkRecords(f, settings).forEach(isNew);
  for (const a of version.agents.values()) agentRecords(a, settings).forEach(isNew);
  listenerRecords(settings.mname, settings.listenerIps).forEach(isNew);
  masterRecords(version.leader, version.masters, settings).forEach(isNew);

  const tasksOf = new Map<string, EnumeratedTask[]>();
  for (const f of version.frameworks.keys()) tasksOf.set(f, []);
  for (const task of version.tasks.values()) {
    if (!isPublished(task)) continue;
    const fresh = taskRecords(task, settings).filter(isNew);
    const records = fresh.map((r) => ({ name: r.name, host: r.host, rtype: r.type }));
    tasksOf
      .get(task.frameworkId)
      ?.push({ name: task.name, id: task.id, records: records.length > 0 ? records : null });
  }
  return [...version.frameworks.values()].map((f) => ({ tasks: tasksOf.get(f.id) ?? [], name: f.name }));
}
