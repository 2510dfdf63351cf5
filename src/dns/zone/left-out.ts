import type { RecordType, ZoneRecord } from './records.ts';

/** A record that DNS cannot say, or that found no room in the table. */
export interface UnservableRecord {
  readonly name: string;
  readonly host: string;
  readonly type: RecordType;
  readonly reason: string;
}

/** Records and names that were published and are not in the table, counted as often as they were given. */
export class LeftOut {
  readonly #records = new Map<string, UnservableRecord & { count: number }>();
  readonly #names = new Map<string, { readonly reason: string; count: number }>();

  /** How many records and names. */
  get size(): number {
    return this.#records.size + this.#names.size;
  }

  add(record: ZoneRecord<RecordType>, reason: string): void {
    const key = keyOf(record);
    const known = this.#records.get(key);
    if (known) known.count++;
    else {
      const { name, host, type } = record;
      this.#records.set(key, { name, host, type, reason, count: 1 });
    }
  }

  /** False when it was not left out. */
  takeBack(record: ZoneRecord<RecordType>): boolean {
    if (this.#records.size === 0) return false;
    const key = keyOf(record);
    const known = this.#records.get(key);
    if (known && --known.count === 0) this.#records.delete(key);
    return known !== undefined;
  }

  /** A name that was to be there also without records. */
  addName(name: string, reason: string): void {
    const known = this.#names.get(name);
    if (known) known.count++;
    else this.#names.set(name, { reason, count: 1 });
  }

  /** False when it was not left out. */
  takeNameBack(name: string): boolean {
    const known = this.#names.get(name);
    if (known && --known.count === 0) this.#names.delete(name);
    return known !== undefined;
  }

  *records(): Generator<UnservableRecord> {
    for (const { name, host, type, reason } of this.#records.values()) yield { name, host, type, reason };
  }

  *names(): Generator<{ readonly name: string; readonly reason: string }> {
    for (const [name, { reason }] of this.#names) yield { name, reason };
  }
}

function keyOf(record: ZoneRecord<RecordType>): string {
  return `${record.type} ${record.name} ${record.host}`;
}
