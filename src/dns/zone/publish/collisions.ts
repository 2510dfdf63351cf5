import type { CatalogDiff, CatalogTask, CatalogVersion, Service } from '../../../cluster/index.ts';
import { agentSuffix, domainFragment, label, taskHash } from '../labels.ts';
import { isLive, taskLabel } from '../records.ts';
import type { NamingSettings } from '../records.ts';
import { sha1Start } from '../../../core/sha1.ts';
import { ByHash } from './by-hash.ts';
import { canonicalLabel } from './long-names.ts';
import { hasNames } from './service-labels.ts';
import { SetAsides } from './set-aside.ts';
import type { SetAside } from './set-aside.ts';

/** More than this are not all named: a reason is for a person to read. */
const MAX_NAMED = 5;

/**
 * Finds services whose names become the same label, such as `b.a` and `b-a` of one framework. Their records merge, as in
 * Mesos-DNS, and nobody means that to happen.
 *
 * Two names can meet only if one of them is altered on the way. So only services with altered names are remembered, about
 * 100 bytes each; whether one stands there unaltered, the catalog can tell.
 */
export class ServiceCollisions {
  readonly #settings: NamingSettings;
  /** Keys of services with altered names, by what they became. */
  readonly #altered = new Map<string, string | Set<string>>();
  readonly #setAside = new SetAsides();

  constructor(settings: NamingSettings) {
    this.#settings = settings;
  }

  setAside(): Iterable<SetAside> {
    return this.#setAside.values();
  }

  step(next: CatalogVersion, diff: CatalogDiff): void {
    const touched = new Set<string>();
    const { added, changed, removed } = diff.services;
    for (const service of removed) if (hasNames(service)) this.#count(service, false, touched);
    for (const { before, after } of changed) {
      if (hasNames(before) !== hasNames(after)) this.#count(after, hasNames(after), touched);
    }
    for (const service of added) if (hasNames(service)) this.#count(service, true, touched);
    for (const name of touched) this.#judge(name, next.services);
  }

  #count(service: Service, come: boolean, touched: Set<string>): void {
    const name = this.#nameOf(service);
    const altered = name !== service.key;
    if (altered && come) addTo(this.#altered, name, service.key);
    const known = this.#altered.has(name);
    if (altered && !come) removeFrom(this.#altered, name, service.key);
    if (known) touched.add(name);
  }

  #judge(name: string, services: ReadonlyMap<string, Service>): void {
    const plain = services.get(name);
    const keys = [...(plain && hasNames(plain) ? [name] : []), ...allOf(this.#altered.get(name))];
    const [framework = '', own = ''] = name.split('/');
    const id = `${own}.${framework}.${this.#settings.domain}.`;
    this.#setAside.set(
      name,
      'record',
      id,
      keys.length < 2
        ? undefined
        : `the services ${named(keys)} have this same name; it answers with the tasks of all of them`,
    );
  }

  /** What the name of a service becomes, in the form of a service key: neither part can hold a slash. */
  #nameOf(service: Service): string {
    const { rule } = this.#settings;
    return `${domainFragment(service.frameworkName, rule)}/${label(service.name, rule)}`;
  }
}

/**
 * Finds tasks whose own name is that of another one too: the same task id in two frameworks of one name, or ids with
 * the same hash (25 bits) on one agent. Remembers each live task by a small integer: 1.5 MB for 100,000.
 */
export class TaskCollisions {
  readonly #settings: NamingSettings;
  /** One task, or several of the same hash. */
  readonly #byHash = new ByHash<CatalogTask | Twins>();
  readonly #said = new Map<number, readonly string[]>();
  readonly #setAside = new SetAsides();

  constructor(settings: NamingSettings) {
    this.#settings = settings;
  }

  setAside(): Iterable<SetAside> {
    return this.#setAside.values();
  }

  step(next: CatalogVersion, diff: CatalogDiff): void {
    const touched = new Set<number>();
    const { added, changed, removed } = diff.tasks;
    for (const task of removed) if (isLive(task)) this.#remove(task, touched);
    for (const { before, after } of changed) {
      if (isLive(before) && !isLive(after)) this.#remove(before, touched);
      else if (isLive(after)) this.#add(after, touched);
    }
    this.#byHash.expect(this.#byHash.size + added.length);
    for (const task of added) if (isLive(task)) this.#add(task, touched);
    for (const hash of touched) this.#judge(hash, next.tasks);
  }

  #add(task: CatalogTask, touched: Set<number>): void {
    const hash = hashNumber(task.id);
    const known = this.#byHash.get(hash);
    if (known === undefined) return this.#byHash.set(hash, task);
    if (known instanceof Twins) known.tasks.set(task.key, task);
    else if (known.key === task.key) return this.#byHash.set(hash, task);
    else this.#byHash.set(hash, new Twins(known, task));
    touched.add(hash);
  }

  #remove(task: CatalogTask, touched: Set<number>): void {
    const hash = hashNumber(task.id);
    const known = this.#byHash.get(hash);
    if (!(known instanceof Twins)) {
      if (known?.key === task.key) this.#byHash.delete(hash);
      return;
    }
    touched.add(hash);
    known.tasks.delete(task.key);
    const [last] = known.tasks.values();
    if (known.tasks.size === 1 && last !== undefined) this.#byHash.set(hash, last);
  }

  #judge(hash: number, tasks: ReadonlyMap<string, CatalogTask>): void {
    const byName = new Map<string, string[]>();
    const known = this.#byHash.get(hash);
    for (const { key } of known instanceof Twins ? known.tasks.values() : []) {
      const task = tasks.get(key);
      if (!task) continue;
      const name = this.#nameOf(task);
      byName.set(name, [...(byName.get(name) ?? []), key]);
    }
    for (const name of this.#said.get(hash) ?? []) this.#setAside.set(name, 'record', name, undefined);
    const shared = [...byName].filter(([, keys]) => keys.length > 1);
    for (const [name, keys] of shared)
      this.#setAside.set(name, 'record', name, `the tasks ${named(keys)} have this same name of their own`);
    if (shared.length === 0) this.#said.delete(hash);
    else
      this.#said.set(
        hash,
        shared.map(([name]) => name),
      );
  }

  #nameOf(task: CatalogTask): string {
    const { rule, domain } = this.#settings;
    const own = canonicalLabel(taskLabel(task, rule), taskHash(task.id), agentSuffix(task.agentId));
    return `${own}.${domainFragment(task.frameworkName, rule)}.${domain}.`;
  }
}

/** Tasks whose ids have the same hash, by key. */
class Twins {
  readonly tasks: Map<string, CatalogTask>;

  constructor(...tasks: readonly CatalogTask[]) {
    this.tasks = new Map(tasks.map((task) => [task.key, task]));
  }
}

/** What the five characters of `taskHash` say, as a number. */
function hashNumber(taskId: string): number {
  return sha1Start(taskId) >>> 7;
}

function addTo(map: Map<string, string | Set<string>>, key: string, value: string): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, value);
  else if (known instanceof Set) known.add(value);
  else if (known !== value) map.set(key, new Set([known, value]));
}

function removeFrom(map: Map<string, string | Set<string>>, key: string, value: string): void {
  const known = map.get(key);
  if (known === value) map.delete(key);
  if (!(known instanceof Set)) return;
  known.delete(value);
  const [last] = known;
  if (known.size === 1 && last !== undefined) map.set(key, last);
}

function allOf(value: string | Set<string> | undefined): Iterable<string> {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function named(keys: readonly string[]): string {
  const more = keys.length - MAX_NAMED;
  const quoted = keys
    .toSorted()
    .slice(0, MAX_NAMED)
    .map((key) => `'${key}'`);
  return more > 0 ? `${quoted.join(', ')} and ${more} more` : quoted.join(' and ');
}
