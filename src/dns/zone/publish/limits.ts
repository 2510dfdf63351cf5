import type { CatalogDiff, CatalogVersion, Service } from '../../../cluster/index.ts';
import { domainFragment } from '../labels.ts';
import type { Change, Limit, Publisher } from '../publisher.ts';
import { namesOfService, serviceSpellings } from '../records.ts';
import type { NamingSettings } from '../records.ts';
import { NONE } from './follow.ts';
import { underscored } from './long-names.ts';
import { answersOf, hasNames } from './service-labels.ts';
import { SetAsides } from './set-aside.ts';
import type { SetAside } from './set-aside.ts';

interface Limited {
  readonly answers: number;
  readonly names: readonly string[];
}

/**
 * How many records an answer has at most, by name: what the config says of a name, else the least that the services of
 * that name say with the label `dns.answers`. Only limited services and names are remembered.
 */
export class AnswerLimits implements Publisher {
  readonly name = 'limits';
  readonly #settings: NamingSettings;
  readonly #setAside = new SetAsides();
  readonly #services = new Map<string, Limited>();
  /** Keys of the services that limit a name. */
  readonly #byName = new Map<string, Set<string>>();
  #configured: ReadonlyMap<string, number>;
  /** Names that the next step has to say again. */
  readonly #touched: Set<string>;

  /** `configured`: absolute lower-case names. */
  constructor(settings: NamingSettings, configured: ReadonlyMap<string, number>) {
    this.#settings = settings;
    this.#configured = configured;
    this.#touched = new Set(configured.keys());
  }

  /** Take other limits of the config; the next step says the difference. */
  replace(configured: ReadonlyMap<string, number>): void {
    for (const names of [this.#configured.keys(), configured.keys()])
      for (const name of names) this.#touched.add(name);
    this.#configured = configured;
  }

  setAside(): Iterable<SetAside> {
    return this.#setAside.values();
  }

  step(_next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    const { added, changed, removed } = diff.services;
    for (const service of removed) {
      this.#set(service, undefined);
      this.#setAside.set(service.key, 'label', service.key, undefined);
    }
    for (const { after } of changed) this.#set(after, this.#read(after));
    for (const service of added) this.#set(service, this.#read(service));
    if (this.#touched.size === 0) return [];
    const limits = [...this.#touched].map((name): Limit => ({ name, answers: this.#limitOf(name) }));
    this.#touched.clear();
    return [{ before: NONE, after: NONE, limits }];
  }

  #read(service: Service): Limited | undefined {
    const { value, problem } = hasNames(service) ? answersOf(service) : NO_LIMIT;
    this.#setAside.set(service.key, 'label', service.key, problem);
    return value === undefined ? undefined : { answers: value, names: sharedNames(service, this.#settings) };
  }

  #set(service: Service, after: Limited | undefined): void {
    const before = this.#services.get(service.key);
    if (before?.answers === after?.answers && before?.names.join() === after?.names.join()) return;
    if (after) this.#services.set(service.key, after);
    else this.#services.delete(service.key);
    for (const name of before?.names ?? []) this.#own(name, service.key, false);
    for (const name of after?.names ?? []) this.#own(name, service.key, true);
  }

  #own(name: string, key: string, owns: boolean): void {
    this.#touched.add(name);
    const keys = this.#byName.get(name) ?? new Set();
    if (owns) keys.add(key);
    else keys.delete(key);
    if (keys.size > 0) this.#byName.set(name, keys);
    else this.#byName.delete(name);
  }

  #limitOf(name: string): number | undefined {
    const configured = this.#configured.get(name);
    if (configured !== undefined) return configured;
    let least: number | undefined;
    for (const key of this.#byName.get(name) ?? []) {
      const answers = this.#services.get(key)?.answers;
      if (answers !== undefined && (least === undefined || answers < least)) least = answers;
    }
    return least;
  }
}

const NO_LIMIT = { value: undefined, problem: undefined };

/** The names that the tasks of a service share: those of its ports as the service shows them. */
function sharedNames(service: Service, settings: NamingSettings): string[] {
  const names = namesOfService(service, settings);
  const framework = domainFragment(service.frameworkName, settings.rule);
  for (const name of serviceSpellings(service, settings))
    for (const protocol of ['_tcp', '_udp'])
      names.push(`${underscored(name)}.${protocol}.${framework}.slave.${settings.domain}.`);
  return names;
}
