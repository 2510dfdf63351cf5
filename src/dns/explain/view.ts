import type { CatalogAgent, CatalogTask } from '../../cluster/index.ts';
import type { IpSource, RecordType, ZoneRecord } from '../zone/records.ts';

export type NamedRecord = ZoneRecord<RecordType>;

/** What the naming rules say, as far as an explanation needs it. */
export interface NamesView {
  /** The records under which a task is published now. */
  recordsOf(task: CatalogTask): readonly NamedRecord[];
  /** Those that it could have, whatever its state and health. */
  everyRecordOf(task: CatalogTask): readonly NamedRecord[];
  recordsOfAgent(agent: CatalogAgent): readonly NamedRecord[];
  /** Records of the config. */
  configured(): readonly NamedRecord[];
  /** The label that a task's names begin with. */
  labelOf(task: CatalogTask): string;
  readonly ipSources: readonly IpSource[];
}
