import type { RecordType, ZoneRecord } from './records.ts';

/** A record that DNS cannot say, or that found no room in the table. */
export interface UnservableRecord {
  readonly name: string;
  readonly host: string;
  readonly type: RecordType;
  readonly reason: string;
}

interface Entry {
  readonly record: ZoneRecord<RecordType>;
  readonly reason: string;
  readonly roomless: boolean;
  count: number;
}

/** Records and names that were published and are not in the table, counted as often as they were given. */
export class LeftOut {
  readonly #records = new Map<string, Entry>();
  readonly #names = new Map<string, { readonly reason: string; count: number }>();
  /** Records among them that only found no room. */
  #withoutRoom = 0;

  /** How many records and names. */
  get size(): number {
    return this.#records.size + this.#names.size;
  }

  /** `roomless`: it may find room later. */
  add(record: ZoneRecord<RecordType>, reason: string, roomless = false): void {
    const key = keyOf(record);
    const known = this.#records.get(key);
    if (known) known.count++;
    else {
      this.#records.set(key, { record, reason, roomless, count: 1 });
      if (roomless) this.#withoutRoom++;
    }
  }

  /** False when it was not left out. */
  takeBack(record: ZoneRecord<RecordType>): boolean {
    if (this.#records.size === 0) return false;
    const key = keyOf(record);
    const known = this.#records.get(key);
    if (known && --known.count === 0) {
      this.#records.delete(key);
      if (known.roomless) this.#withoutRoom--;
    }
    return known !== undefined;
  }

  /** Whether there is what may find room later. */
  get waits(): boolean {
    return this.#withoutRoom + this.#names.size > 0;
  }

  /** What may find room by now, each with how often it was given; it is no longer left out. */
  *takeWaiting(): Generator<{ readonly of: ZoneRecord<RecordType> | string; readonly times: number }> {
    for (const [key, { record, roomless, count }] of this.#records) {
      if (!roomless) continue;
      this.#records.delete(key);
      this.#withoutRoom--;
      yield { of: record, times: count };
    }
    for (const [name, { count }] of this.#names) {
      this.#names.delete(name);
      yield { of: name, times: count };
    }
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
    for (const { record, reason } of this.#records.values()) {
      const { name, host, type } = record;
      yield { name, host, type, reason };
    }
  }

  *names(): Generator<{ readonly name: string; readonly reason: string }> {
    for (const [name, { reason }] of this.#names) yield { name, reason };
  }
}

/** Of two records with the same key, the table would hold one. */
function keyOf({ type, name, host, weight, priority }: ZoneRecord<RecordType>): string {
  return `${type} ${name} ${host} ${weight} ${priority}`;
}
