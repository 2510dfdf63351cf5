import type { CatalogDiff, CatalogVersion } from '../../cluster/index.ts';
import type { Change, Limit, Publisher } from '../zone/publisher.ts';
import type { RecordType, ZoneRecord } from '../zone/records.ts';
import { DCOS_TTL_SECONDS, MESOS_DOMAIN } from './zones.ts';

/**
 * The names of another publisher once more, with `mesos.thisdcos.directory` for its domain, targets included, and as DC/OS serves them:
 * TTL 5, SRV priority 1 and, unless said otherwise, weight 1 (dcos-net.md §3). What lies outside the domain (reverse names) stays away. The publisher must be one
 * of its own, for each keeps track of what it said.
 */
export class CopiedNames implements Publisher {
  readonly name = 'dcos-mesos';
  readonly #of: Publisher;
  readonly #tail: string;

  constructor(of: Publisher, domain: string) {
    this.#of = of;
    this.#tail = `.${domain}.`;
  }

  step(next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    // Asked at once: a publisher decides when it is stepped.
    return this.#copies(this.#of.step(next, diff));
  }

  *#copies(changes: Iterable<Change>): Generator<Change> {
    for (const change of changes) {
      const { before, after, namesBefore, namesAfter, limits } = change;
      yield {
        before: this.#records(before),
        after: this.#records(after),
        ...(namesBefore && { namesBefore: this.#names(namesBefore) }),
        ...(namesAfter && { namesAfter: this.#names(namesAfter) }),
        ...(limits && { limits: this.#limits(limits) }),
      };
    }
  }

  #records(records: readonly ZoneRecord<RecordType>[]): ZoneRecord<RecordType>[] {
    return records.flatMap(({ name, type, host, weight }) => {
      const copy = this.#renamed(name);
      if (copy === undefined) return [];
      const record = { name: copy, type, host: this.#target(type, host), ttlSeconds: DCOS_TTL_SECONDS };
      return type === 'SRV' ? { ...record, priority: 1, weight: weight ?? 1 } : record;
    });
  }

  #names(names: readonly string[]): string[] {
    return names.flatMap((name) => this.#renamed(name) ?? []);
  }

  #limits(limits: readonly Limit[]): Limit[] {
    return limits.flatMap(({ name, answers }) => {
      const copy = this.#renamed(name);
      return copy === undefined ? [] : { name: copy, answers };
    });
  }

  #target(type: RecordType, host: string): string {
    if (type === 'CNAME' || type === 'PTR') return this.#renamed(host) ?? host;
    if (type !== 'SRV') return host;
    const colon = host.lastIndexOf(':');
    const target = host.slice(0, colon);
    return `${this.#renamed(target) ?? target}${host.slice(colon)}`;
  }

  /** Undefined outside the domain. */
  #renamed(name: string): string | undefined {
    if (`.${name}` === this.#tail) return `${MESOS_DOMAIN}.`;
    return name.endsWith(this.#tail) ? `${name.slice(0, -this.#tail.length)}.${MESOS_DOMAIN}.` : undefined;
  }
}
