import { createCatalogBuilder, stateFromV0 } from '../../cluster/index.ts';
import type { CatalogBuilder, CatalogDiff, CatalogVersion } from '../../cluster/index.ts';
import type { Change, Publisher } from '../zone/publisher.ts';
import type { RecordType, ZoneRecord } from '../zone/records.ts';

/** `name TYPE value`, with what else a record has. */
export function lineOf(r: ZoneRecord<RecordType>): string {
  const more = Object.entries({ weight: r.weight, priority: r.priority, ttl: r.ttlSeconds })
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => ` ${k}=${v}`);
  return `${r.name} ${r.type} ${r.host}${more.join('')}`;
}

/** Keeps count of what publishers say, as a zone does, and refuses what was not said to be taken back. */
export class Ledger {
  readonly records = new Map<string, number>();
  readonly names = new Map<string, number>();
  readonly limits = new Map<string, number>();

  take(changes: Iterable<Change>): void {
    for (const c of changes) {
      for (const r of c.after) count(this.records, lineOf(r), 1);
      for (const r of c.before) count(this.records, lineOf(r), -1);
      for (const n of c.namesAfter ?? []) count(this.names, n, 1);
      for (const n of c.namesBefore ?? []) count(this.names, n, -1);
      for (const { name, answers } of c.limits ?? []) {
        if (answers === undefined) this.limits.delete(name);
        else this.limits.set(name, answers);
      }
    }
  }

  /** Each record once, in order. */
  lines(): string[] {
    return [...this.records.keys()].toSorted();
  }
}

function count(map: Map<string, number>, key: string, by: 1 | -1): void {
  const n = (map.get(key) ?? 0) + by;
  if (n < 0) throw new Error(`taken back but never said: ${key}`);
  if (n === 0) map.delete(key);
  else map.set(key, n);
}

/** The diff that carries a whole version as added. */
export function whole(version: CatalogVersion): CatalogDiff {
  const all = <T>(map: ReadonlyMap<string, T>) => ({ added: [...map.values()], changed: [], removed: [] });
  return {
    agents: all(version.agents),
    frameworks: all(version.frameworks),
    tasks: all(version.tasks),
    services: all(version.services),
    mastersChanged: true,
    staleChanged: true,
  };
}

/** What publishers that start now say of a version. */
export function fromScratch(publishers: readonly Publisher[], version: CatalogVersion): Ledger {
  const ledger = new Ledger();
  for (const p of publishers) ledger.take(p.step(version, whole(version)));
  return ledger;
}

/** A real catalog, fed with documents as a master gives them, that publishers follow. */
export class V0Cluster {
  readonly #builder: CatalogBuilder = createCatalogBuilder({ emptyServiceMs: 60_000 });
  readonly #publishers: readonly Publisher[];
  readonly ledger = new Ledger();

  constructor(publishers: readonly Publisher[]) {
    this.#publishers = publishers;
  }

  get current(): CatalogVersion {
    return this.#builder.current;
  }

  become(state: unknown, nowMs = 0): void {
    const step = this.#builder.apply({ kind: 'snapshot', state: stateFromV0(state, []) }, nowMs);
    if (step) for (const p of this.#publishers) this.ledger.take(p.step(step.version, step.diff));
  }
}
