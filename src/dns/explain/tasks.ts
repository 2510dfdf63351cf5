import type { CatalogTask, CatalogVersion } from '../../cluster/index.ts';
import type { Work } from '../../core/slices.ts';
import { ipBytes } from '../zone/index.ts';
import type { NamedRecord, NamesView } from './view.ts';

/** A task that has to do with a name. */
export interface RelatedTask {
  readonly task: CatalogTask;
  /** The records at the name that it is published under now. */
  readonly published: readonly NamedRecord[];
}

const REST_EVERY = 64;
/** Whatever happens to a long label, its beginning stays. */
const PREFIX = 20;

/** The tasks that are published under one of some names, or would be if they were all well. Rests now and then. */
export function* relatedTasks(
  current: CatalogVersion,
  names: NamesView,
  wanted: ReadonlySet<string>,
): Work<readonly RelatedTask[]> {
  const filter = new Filter(names, wanted);
  const related: RelatedTask[] = [];
  let seen = 0;
  for (const task of current.tasks.values()) {
    if (++seen % REST_EVERY === 0) yield;
    if (!filter.passes(task)) continue;
    if (names.everyRecordOf(wellOff(task)).some((r) => wanted.has(r.name))) {
      related.push({ task, published: names.recordsOf(task).filter((r) => wanted.has(r.name)) });
    }
    yield;
  }
  return related;
}

/** The task with an address for everything that has none: names that it cannot have without one show then. */
function wellOff(task: CatalogTask): CatalogTask {
  const some = (ips: readonly string[]): readonly string[] => (ips.length > 0 ? ips : ['0.0.0.0']);
  // Field by field: tasks of a catalog are no plain objects.
  return {
    key: task.key,
    id: task.id,
    name: task.name,
    frameworkId: task.frameworkId,
    frameworkName: task.frameworkName,
    agentId: task.agentId,
    agentHostname: task.agentHostname,
    state: task.state,
    healthy: task.healthy,
    hasHealthCheck: task.hasHealthCheck,
    agentIps: some(task.agentIps),
    netinfoIps: some(task.netinfoIps),
    dockerIps: some(task.dockerIps),
    mesosIps: some(task.mesosIps),
    networks: task.networks,
    ports: task.ports,
    discovery: task.discovery,
    labels: task.labels,
    startedAtMs: task.startedAtMs,
  };
}

/** Tells cheaply which tasks cannot have any of the names: making all records of 100,000 tasks would take a second. */
class Filter {
  readonly #names: NamesView;
  readonly #wanted: readonly string[];
  readonly #ips: ReadonlySet<string>;

  constructor(names: NamesView, wanted: ReadonlySet<string>) {
    this.#names = names;
    this.#wanted = [...wanted];
    this.#ips = new Set(this.#wanted.flatMap((name) => reversed(name) ?? []));
  }

  passes(task: CatalogTask): boolean {
    const label = this.#names.labelOf(task).slice(0, PREFIX);
    const given = (task.discovery?.name ?? '').toLowerCase().slice(0, PREFIX);
    for (const name of this.#wanted) {
      if (name.includes(label) || (given !== '' && name.includes(given))) return true;
    }
    return this.#ips.size > 0 && this.#hasAddress(task);
  }

  #hasAddress(task: CatalogTask): boolean {
    const lists = [task.agentIps, task.netinfoIps, task.dockerIps, task.mesosIps];
    return lists.some((ips) => ips.some((ip) => this.#ips.has(bytesText(ip))));
  }
}

function bytesText(ip: string): string {
  return ipBytes(ip)?.join('.') ?? '';
}

/** The address that a reverse name stands for, its bytes with dots between; undefined when it is none. */
function reversed(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa\.$/.exec(name)?.[1];
  if (v4 !== undefined) return v4.slice(0, -1).split('.').reverse().join('.');
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa\.$/.exec(name)?.[1];
  if (v6 === undefined) return undefined;
  const nibbles = v6.slice(0, -1).split('.').reverse();
  const bytes = nibbles.flatMap((n, i) => (i % 2 === 0 ? [Number.parseInt(n + nibbles[i + 1], 16)] : []));
  return bytes.join('.');
}
