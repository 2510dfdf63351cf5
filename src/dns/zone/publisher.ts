import type { CatalogDiff, CatalogVersion } from '../../cluster/index.ts';
import type { RecordType, ZoneRecord } from './records.ts';

/** One step of what an entity stands for. Names exist also while they have no record: NODATA, not NXDOMAIN. */
export interface Change {
  readonly before: readonly ZoneRecord<RecordType>[];
  readonly after: readonly ZoneRecord<RecordType>[];
  readonly namesBefore?: readonly string[];
  readonly namesAfter?: readonly string[];
  /** From now on; a name need not have records. */
  readonly limits?: readonly Limit[];
}

/** How many records an answer for a name has at most; undefined for all. */
export interface Limit {
  readonly name: string;
  readonly answers: number | undefined;
}

/**
 * Says which records a step of the catalog takes away and adds. The first step carries everything as added. What one
 * publisher says is counted, so several may give the same record; a record stays until all of them took it back.
 * `before` must be exactly what was said `after` earlier.
 */
export interface Publisher {
  readonly name: string;
  step(next: CatalogVersion, diff: CatalogDiff): Iterable<Change>;
}
