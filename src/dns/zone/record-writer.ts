import { NameKey, TableFull } from '../table/index.ts';
import type { TableWriter } from '../table/index.ts';
import { encodeName, encodedName, nameBytes } from '../wire/index.ts';
import { isUpper, sameRecords } from './compare.ts';
import type { Change } from './publisher.ts';
import { LeftOut } from './left-out.ts';
import { LastRecordData, unservable } from './record-data.ts';
import type { RecordType, ZoneRecord } from './records.ts';

export interface RecordWriterParts {
  readonly writer: TableWriter;
  /** TTL and SRV weight of records that have none of their own. */
  readonly ttlSeconds: number;
  readonly srvWeight: number;
}

/** The names of so many records are looked for at the same time: those of a task and more. */
const BATCH = 32;
/** After so many that find no room, the others need not try. */
const MAX_REFUSALS = 16;

type AnyRecord = ZoneRecord<RecordType>;

/** Writes what publishers say into the table, counts it, and knows what could not be written. */
export class RecordWriter {
  readonly leftOut = new LeftOut();
  readonly #writer: TableWriter;
  readonly #ttlSeconds: number;
  readonly #data: LastRecordData;
  /** Names with a limit of answers, also those that are not there now. */
  readonly #limits = new Map<string, number>();
  readonly #keys = Array.from({ length: BATCH }, () => new NameKey());
  #records = 0;
  #changes = 0;

  constructor({ writer, ttlSeconds, srvWeight }: RecordWriterParts) {
    this.#writer = writer;
    this.#ttlSeconds = ttlSeconds;
    this.#data = new LastRecordData(srvWeight);
  }

  /** How many distinct records there are. */
  get records(): number {
    return this.#records;
  }

  /** Rises with every record and name that comes or goes. */
  get changes(): number {
    return this.#changes;
  }

  /** Additions first, so that a record on both sides is never away. */
  apply(change: Change): void {
    const { before, after, namesBefore, namesAfter, limits } = change;
    if (limits) for (const { name, answers } of limits) this.#limit(name, answers);
    if (!sameRecords(before, after)) {
      this.#each(after, this.#add);
      this.#each(before, this.#remove);
    }
    if (!namesBefore && !namesAfter) return;
    if (namesBefore?.join() === namesAfter?.join()) return;
    for (const name of namesAfter ?? []) this.#declare(name, 1);
    for (const name of namesBefore ?? []) this.#declare(name, -1);
  }

  /** By now there may be room for what found none before. */
  *tryAgain(): Generator<void> {
    if (!this.leftOut.waits) return;
    this.#writer.commit();
    let refused = 0;
    for (const { of, times } of this.leftOut.takeWaiting()) {
      const before = this.leftOut.size;
      const again = typeof of === 'string' ? () => this.#declare(of, 1) : () => this.#each([of], this.#add);
      for (let i = 0; i < times; i++) again();
      if (this.leftOut.size > before && ++refused === MAX_REFUSALS) return;
      yield;
    }
  }

  /** First the places of all names are fetched, then each of them is written. */
  #each(records: readonly AnyRecord[], write: (record: AnyRecord, key: NameKey) => void): void {
    const keys = this.#keys;
    for (let from = 0; from < records.length; from += BATCH) {
      const n = Math.min(BATCH, records.length - from);
      for (let i = 0; i < n; i++) this.#encode((records[from + i] as AnyRecord).name, keys[i] as NameKey);
      if (n > 1) this.#writer.prepare(keys, n);
      for (let i = 0; i < n; i++) write(records[from + i] as AnyRecord, keys[i] as NameKey);
    }
  }

  /** The key is of no name where there is no such name. */
  #encode(text: string, key: NameKey): void {
    if (!key.setText(text, this.#writer.seed)) key.set(encodedName, 0, encodeName(text), this.#writer.seed);
  }

  readonly #add = (record: AnyRecord, key: NameKey): void => {
    // Questions are lower-case: a name that is not can never be asked for.
    if (!key.plain && isUpper(record.name)) return;
    const said = key.length === 0 ? undefined : this.#data.of(record);
    if (!said) return this.leftOut.add(record, unservable(record) ?? 'its value is not valid');
    try {
      const ttl = record.ttlSeconds ?? this.#ttlSeconds;
      if (!this.#writer.addKey(key, said.type, ttl, said.data)) return;
      this.#records++;
      this.#changes++;
      const limit = this.#limits.size === 0 ? undefined : this.#limits.get(record.name);
      if (limit !== undefined) this.#writer.limitAnswers(key.bytes, key.length, limit);
    } catch (error) {
      if (!(error instanceof TableFull)) throw error;
      this.leftOut.add(record, fullReason(error), true);
    }
  };

  readonly #remove = (record: AnyRecord, key: NameKey): void => {
    if (!key.plain && isUpper(record.name)) return;
    if (this.leftOut.takeBack(record)) return;
    const said = key.length === 0 ? undefined : this.#data.of(record);
    if (!said || !this.#writer.removeKey(key, said.type, said.data)) return;
    this.#records--;
    this.#changes++;
  };

  #declare(text: string, by: 1 | -1): void {
    const name = isUpper(text) ? undefined : nameBytes(text);
    if (!name || (by === -1 && this.leftOut.takeNameBack(text))) return;
    try {
      if (this.#writer.declare(name, name.length, by)) this.#changes++;
    } catch (error) {
      if (!(error instanceof TableFull)) throw error;
      this.leftOut.addName(text, fullReason(error));
    }
  }

  #limit(text: string, answers: number | undefined): void {
    if (answers === undefined) this.#limits.delete(text);
    else this.#limits.set(text, answers);
    const name = nameBytes(text);
    if (name) this.#writer.limitAnswers(name, name.length, answers ?? 0);
  }
}

function fullReason(error: TableFull): string {
  return `${error.message}: raise dns.maxTableMiB`;
}
