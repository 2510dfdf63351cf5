import type { CatalogDiff, CatalogVersion } from '../../../cluster/index.ts';
import type { Change, Publisher } from '../publisher.ts';
import type { RecordType, ZoneRecord } from '../records.ts';
import { NONE } from './follow.ts';

/** Records of the config. Names come and go with them, whatever runs. */
export class StaticRecords implements Publisher {
  readonly name = 'static';
  #wanted: ReadonlyMap<string, ZoneRecord<RecordType>>;
  #said: ReadonlyMap<string, ZoneRecord<RecordType>> = new Map();

  constructor(records: readonly ZoneRecord<RecordType>[]) {
    this.#wanted = byContent(records);
  }

  /** Take other records; the next step, also one in which the cluster does not change, says the difference. */
  replace(records: readonly ZoneRecord<RecordType>[]): void {
    this.#wanted = byContent(records);
  }

  records(): readonly ZoneRecord<RecordType>[] {
    return [...this.#wanted.values()];
  }

  step(_next: CatalogVersion, _diff: CatalogDiff): Iterable<Change> {
    const [said, wanted] = [this.#said, this.#wanted];
    this.#said = wanted;
    const before = [...said].filter(([key]) => !wanted.has(key)).map(([, r]) => r);
    const after = [...wanted].filter(([key]) => !said.has(key)).map(([, r]) => r);
    if (before.length === 0 && after.length === 0) return [];
    return [{ before: before.length === 0 ? NONE : before, after }];
  }
}

function byContent(records: readonly ZoneRecord<RecordType>[]): ReadonlyMap<string, ZoneRecord<RecordType>> {
  return new Map(
    records.map((r) => [JSON.stringify([r.name, r.type, r.host, r.ttlSeconds, r.weight, r.priority]), r]),
  );
}
