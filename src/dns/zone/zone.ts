import type { CatalogDiff, CatalogVersion, SetDiff } from '../../cluster/index.ts';
import { TableFull, TableReader, TableWriter, listTable, recordsOf } from '../table/index.ts';
import { TYPE, nameBytes, soaRdata, textOfName } from '../wire/index.ts';
import type { Change, Publisher } from './publisher.ts';
import { recordData, textOfData, unservable } from './record-data.ts';
import type { RecordType, ZoneRecord } from './records.ts';

/** One zone that is served, with its SOA record. Names are absolute and lower-case. */
export interface ZoneHead {
  readonly apex: string;
  readonly mname: string;
  readonly rname: string;
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
  /** How long a "no such name" may be kept. */
  readonly negativeTtlSeconds: number;
  readonly ttlSeconds: number;
  readonly nsTtlSeconds: number;
}

export interface ZoneParts {
  /** Main zone first. */
  readonly heads: readonly ZoneHead[];
  readonly publishers: readonly Publisher[];
  /** TTL and SRV weight of records that have none of their own. */
  readonly ttlSeconds: number;
  readonly srvWeight: number;
  readonly memory: SharedArrayBuffer;
  /** Of the hash; random, so that nobody can choose names that collide. */
  readonly seed: number;
  /** Unix seconds: serial numbers are at least that. */
  readonly nowSeconds: () => number;
  /**
   * Work for at most so long at a time, and go on `later`: a cluster's first state takes a second. Without it everything
   * is done at once.
   */
  readonly slices?: {
    readonly ms: number;
    /** Milliseconds of any clock that only rises. */
    readonly nowMs: () => number;
    readonly later: (work: () => void) => void;
  };
}

/** A record that DNS cannot say. */
export interface UnservableRecord {
  readonly name: string;
  readonly host: string;
  readonly type: RecordType;
  readonly reason: string;
}

export type Lookup =
  | { readonly kind: 'answer'; readonly values: readonly string[] }
  /** The name exists, with no record of that type (RFC 2308 §2.2). */
  | { readonly kind: 'nodata' }
  | { readonly kind: 'nxdomain' };

const CHECK_EVERY = 64;

/**
 * The names that are served, written into the table that answers come from. Publishers say what each step of the catalog changes; the
 * zone counts who gives a record, so that only names that change are touched.
 */
export class Zone {
  readonly table: TableReader;
  readonly #writer: TableWriter;
  readonly #parts: ZoneParts;
  readonly #unservable = new Map<string, UnservableRecord & { count: number }>();
  /** Names with a limit of answers, also those that are not there now. */
  readonly #limits = new Map<string, number>();
  readonly #jobs: Generator<void>[] = [];
  readonly #settled = new Set<() => void>();
  #waiting = false;
  #ready = false;
  #revision = 0;
  #told = -1;
  #serial = 0;
  #records = 0;

  constructor(parts: ZoneParts) {
    this.#parts = parts;
    const apexes = parts.heads.map((h) => wireOf(h.apex));
    this.#writer = new TableWriter(parts.memory, parts.seed, apexes);
    // Reader 0 is the thread of the writer.
    this.table = new TableReader(parts.memory, 0);
    for (const apex of apexes) this.#writer.declare(apex, apex.length, 1);
    for (const head of parts.heads) {
      const ns = wireOf(head.mname);
      const apex = wireOf(head.apex);
      this.#writer.add(apex, apex.length, TYPE.NS, head.nsTtlSeconds, ns);
    }
    this.#endOfStep();
  }

  /** False while nothing is known of the cluster: nobody may be told then that a name does not exist. */
  get ready(): boolean {
    return this.#ready;
  }

  /** For the readers on other threads. */
  get memory(): SharedArrayBuffer {
    return this.#parts.memory;
  }

  /** Reader `reader` died: what it looked at is free. */
  forgetReader(reader: number): void {
    this.#writer.forgetReader(reader);
  }

  /** Steps that are not written in full yet. */
  get behind(): number {
    return this.#jobs.length;
  }

  /** Rises whenever what is published changes. */
  get revision(): number {
    return this.#revision;
  }

  /** Of the SOA records: Unix seconds of the last change, and always higher than before it. */
  get serial(): number {
    return this.#serial;
  }

  /** How many distinct records there are, but for those of the zones themselves. */
  get size(): number {
    return this.#records;
  }

  /** Bytes of memory that the table has come to use. */
  get tableBytes(): number {
    return this.#writer.touchedBytes;
  }

  setStale(stale: boolean): void {
    this.#writer.setStale(stale);
  }

  /** `f` is called when all steps so far are written. */
  onSettled(f: () => void): void {
    if (this.#jobs.length === 0) f();
    else this.#settled.add(f);
  }

  /** Take over a whole catalog version, once. */
  load(version: CatalogVersion): void {
    this.apply(version, everythingAdded(version));
  }

  /** Follow one step of the catalog. */
  apply(next: CatalogVersion, diff: CatalogDiff): void {
    // All of them decide now, while the catalog is what `next` says; what they decided is written when its turn comes.
    const steps = this.#parts.publishers.map((publisher) => publisher.step(next, diff));
    this.#jobs.push(this.#write(steps));
    if (!this.#waiting) this.#run();
  }

  *#write(steps: readonly Iterable<Change>[]): Generator<void> {
    for (const changes of steps) {
      for (const change of changes) {
        this.#apply(change);
        yield;
      }
    }
    if (!this.#ready) {
      this.#ready = true;
      this.#revision++;
    }
  }

  #run(): void {
    this.#waiting = false;
    const { slices } = this.#parts;
    const until = slices ? slices.nowMs() + slices.ms : 0;
    let steps = 0;
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      while (job.next().done !== true) {
        if (++steps % CHECK_EVERY === 0 && slices && slices.nowMs() >= until)
          return this.#pause(slices.later);
      }
      this.#jobs.shift();
      this.#endOfStep();
    }
    for (const f of this.#settled) f();
    this.#settled.clear();
  }

  #pause(later: (work: () => void) => void): void {
    this.#waiting = true;
    this.#writer.commit();
    later(() => this.#run());
  }

  /** New serials, readers may see everything, and what nobody can see any more is free. */
  #endOfStep(): void {
    if (this.#told !== this.#revision) {
      this.#told = this.#revision;
      this.#serial = Math.max(this.#serial + 1, this.#parts.nowSeconds());
      for (const head of this.#parts.heads) this.#writeSoa(head);
    }
    this.#writer.setReady(this.#ready);
    this.#writer.commit();
  }

  #writeSoa(head: ZoneHead): void {
    const { mname, rname, refreshSeconds: refresh, retrySeconds: retry, expireSeconds: expire } = head;
    const minimum = head.negativeTtlSeconds;
    const data = soaRdata({ mname, rname, serial: this.#serial, refresh, retry, expire, minimum });
    const apex = wireOf(head.apex);
    if (data) this.#writer.replace(apex, apex.length, TYPE.SOA, head.ttlSeconds, data);
  }

  /** Additions first, so that a record on both sides is never away. */
  #apply(change: Change): void {
    const { before, after, namesBefore = [], namesAfter = [], limits = [] } = change;
    for (const { name, answers } of limits) this.#limit(name, answers);
    if (!sameRecords(before, after)) {
      for (const r of after) this.#add(r);
      for (const r of before) this.#remove(r);
    }
    if (namesBefore.join() === namesAfter.join()) return;
    for (const name of namesAfter) this.#declare(name, 1);
    for (const name of namesBefore) this.#declare(name, -1);
  }

  #add(record: ZoneRecord<RecordType>): void {
    // Questions are lower-case: a name that is not can never be asked for.
    if (isUpper(record.name)) return;
    const name = nameBytes(record.name);
    const said = name && recordData(record, this.#parts.srvWeight);
    if (!name || !said) return this.#setAside(record, unservable(record) ?? 'its value is not valid');
    try {
      const ttl = record.ttlSeconds ?? this.#parts.ttlSeconds;
      if (!this.#writer.add(name, name.length, said.type, ttl, said.data)) return;
      this.#records++;
      this.#revision++;
      const limit = this.#limits.get(record.name);
      if (limit !== undefined) this.#writer.limitAnswers(name, name.length, limit);
    } catch (error) {
      if (!(error instanceof TableFull)) throw error;
      this.#setAside(record, `${error.message}: raise dns.maxTableMiB`);
    }
  }

  #remove(record: ZoneRecord<RecordType>): void {
    if (isUpper(record.name)) return;
    if (this.#unservable.size > 0 && this.#takeBack(record)) return;
    const name = nameBytes(record.name);
    const said = name && recordData(record, this.#parts.srvWeight);
    if (!name || !said || !this.#writer.remove(name, name.length, said.type, said.data)) return;
    this.#records--;
    this.#revision++;
  }

  #declare(text: string, by: 1 | -1): void {
    const name = isUpper(text) ? undefined : nameBytes(text);
    if (!name) return;
    try {
      if (this.#writer.declare(name, name.length, by)) this.#revision++;
    } catch (error) {
      if (!(error instanceof TableFull)) throw error;
    }
  }

  #limit(text: string, answers: number | undefined): void {
    if (answers === undefined) this.#limits.delete(text);
    else this.#limits.set(text, answers);
    const name = nameBytes(text);
    if (name) this.#writer.limitAnswers(name, name.length, answers ?? 0);
  }

  #setAside(record: ZoneRecord<RecordType>, reason: string): void {
    const key = unservableKey(record);
    const known = this.#unservable.get(key);
    if (known) known.count++;
    else {
      const { name, host, type } = record;
      this.#unservable.set(key, { name, host, type, reason, count: 1 });
    }
  }

  #takeBack(record: ZoneRecord<RecordType>): boolean {
    const key = unservableKey(record);
    const known = this.#unservable.get(key);
    if (known && --known.count === 0) this.#unservable.delete(key);
    return known !== undefined;
  }

  /** `name` is absolute and lower-case. For the APIs; answers are assembled elsewhere. */
  lookup(name: string, type: RecordType): Lookup {
    const node = this.#node(name);
    if (node === 0) return { kind: 'nxdomain' };
    const values = this.#values(node, type);
    return values.length > 0 ? { kind: 'answer', values } : { kind: 'nodata' };
  }

  /** The values of one name and type as text, also of what DNS cannot say. */
  hosts(name: string, type: RecordType): readonly string[] {
    const node = this.#node(name);
    const values = node === 0 ? [] : this.#values(node, type);
    if (this.#unservable.size === 0) return values;
    const others = [...this.#unservable.values()].filter((r) => r.name === name && r.type === type);
    return [...values, ...others.map((r) => r.host)];
  }

  /** Every record that DNS can say, in no order. */
  *records(): Generator<ZoneRecord<RecordType>> {
    for (const { name, type, ttl, data } of listTable(this.table)) {
      const text = textOfType(type);
      if (text) yield { name: textOfName(name), type: text, host: textOfData(text, data), ttlSeconds: ttl };
    }
  }

  /** Records that DNS cannot say, with the reason. */
  unservable(): UnservableRecord[] {
    return [...this.#unservable.values()].map(({ name, host, type, reason }) => ({
      name,
      host,
      type,
      reason,
    }));
  }

  #node(name: string): number {
    const wire = nameBytes(name);
    return wire ? this.table.findName(wire) : 0;
  }

  #values(node: number, type: RecordType): string[] {
    const set = this.table.set(node, TYPE[type]);
    return set === 0 ? [] : [...recordsOf(this.table, set)].map((data) => textOfData(type, data));
  }
}

function wireOf(name: string): Uint8Array {
  return nameBytes(name) ?? new Uint8Array(1);
}

const TEXT_TYPES: ReadonlyMap<number, RecordType> = new Map(
  (['A', 'AAAA', 'SRV', 'CNAME', 'PTR', 'TXT'] as const).map((t) => [TYPE[t], t]),
);

function textOfType(type: number): RecordType | undefined {
  return TEXT_TYPES.get(type);
}

function isUpper(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 65 && c <= 90) return true;
  }
  return false;
}

function unservableKey(record: ZoneRecord<RecordType>): string {
  return `${record.type} ${record.name} ${record.host}`;
}

function sameRecords(a: readonly ZoneRecord<RecordType>[], b: readonly ZoneRecord<RecordType>[]): boolean {
  return (
    a.length === b.length &&
    a.every((r, i) => {
      const other = b[i];
      return (
        r.name === other?.name &&
        r.host === other.host &&
        r.type === other.type &&
        r.weight === other.weight &&
        r.priority === other.priority &&
        r.ttlSeconds === other.ttlSeconds
      );
    })
  );
}

function everythingAdded(version: CatalogVersion): CatalogDiff {
  return {
    agents: added(version.agents),
    frameworks: added(version.frameworks),
    tasks: added(version.tasks),
    services: added(version.services),
    mastersChanged: true,
    staleChanged: true,
  };
}

function added<T>(map: ReadonlyMap<string, T>): SetDiff<T> {
  return { added: [...map.values()], changed: [], removed: [] };
}
