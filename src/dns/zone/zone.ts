import type { CatalogDiff, CatalogVersion } from '../../cluster/index.ts';
import { TableFull, TableReader, TableWriter, listTable, recordsOf } from '../table/index.ts';
import { TYPE, nameBytes, soaRdata, textOfName } from '../wire/index.ts';
import type { Change, Publisher } from './publisher.ts';
import type { UnservableRecord } from './left-out.ts';
import { textOfData } from './record-data.ts';
import { RecordWriter } from './record-writer.ts';
import type { RecordType, ZoneRecord } from './records.ts';
import { NOTHING_CHANGED, everythingAdded } from './whole-steps.ts';

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

export type Lookup =
  | { readonly kind: 'answer'; readonly values: readonly string[] }
  /** The name exists, with no record of that type (RFC 2308 §2.2). */
  | { readonly kind: 'nodata' }
  | { readonly kind: 'nxdomain' };

const CHECK_EVERY = 64;
/** A task without ports has so many names to itself, or more. */
const NAMES_PER_TASK = 4;

/**
 * The names that are served, written into the table that answers come from. Publishers say what each step of the catalog changes; the
 * zone counts who gives a record, so that only names that change are touched.
 */
export class Zone {
  readonly table: TableReader;
  readonly #writer: TableWriter;
  readonly #parts: ZoneParts;
  readonly #content: RecordWriter;
  readonly #jobs: Generator<void>[] = [];
  readonly #settled = new Set<() => void>();
  #waiting = false;
  #ready = false;
  #told = -1;
  #serial = 0;

  constructor(parts: ZoneParts) {
    this.#parts = parts;
    const apexes = parts.heads.map((h) => wireOf(h.apex));
    this.#writer = new TableWriter(parts.memory, parts.seed, apexes);
    this.#content = new RecordWriter({ ...parts, writer: this.#writer });
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
    return this.#content.changes + (this.#ready ? 1 : 0);
  }

  /**
   * Of the SOA records: Unix seconds of the last change, as far as that second is over; never ahead of the clock, so that a
   * restart does not bring it back.
   */
  get serial(): number {
    return this.#serial;
  }

  /** How many distinct records there are, but for those of the zones themselves. */
  get size(): number {
    return this.#content.records;
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
    this.#writer.expect(version.tasks.size * NAMES_PER_TASK);
    this.apply(version, everythingAdded(version));
  }

  /** Follow one step of the catalog. */
  apply(next: CatalogVersion, diff: CatalogDiff): void {
    this.#take(next, diff, true);
  }

  /**
   * Ask the publishers for what does not depend on the cluster: records of the config. Before anything is known of the cluster too,
   * and then the zone is no more `ready` than before.
   */
  refresh(current: CatalogVersion): void {
    this.#take(current, NOTHING_CHANGED, false);
  }

  #take(next: CatalogVersion, diff: CatalogDiff, known: boolean): void {
    // All of them decide now, while the catalog is what `next` says; what they decided is written when its turn comes.
    const steps = this.#parts.publishers.map((publisher) => publisher.step(next, diff));
    this.#jobs.push(this.#write(steps, known));
    if (!this.#waiting) this.#run();
  }

  *#write(steps: readonly Iterable<Change>[], known: boolean): Generator<void> {
    for (const changes of steps) {
      for (const change of changes) {
        this.#content.apply(change);
        yield;
      }
    }
    yield* this.#content.tryAgain();
    if (known) this.#ready = true;
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
    this.#tellSerial();
    this.#writer.setReady(this.#ready);
    this.#writer.commit();
  }

  /** False when a full table has no room for a second set beside the old: that serves on until the next step. */
  #writeSoas(): boolean {
    try {
      for (const head of this.#parts.heads) this.#writeSoa(head);
      return true;
    } catch (error) {
      if (!(error instanceof TableFull)) throw error;
      return false;
    }
  }

  /** Call it every second or so: of what changes within one second, a later one's serial tells. */
  tick(): void {
    if (this.#told === this.revision || this.#waiting) return;
    this.#tellSerial();
    this.#writer.commit();
  }

  #tellSerial(): void {
    const now = this.#parts.nowSeconds();
    if (this.#told === this.revision || now <= this.#serial) return;
    this.#serial = now;
    if (this.#writeSoas()) this.#told = this.revision;
  }

  #writeSoa(head: ZoneHead): void {
    const { mname, rname, refreshSeconds: refresh, retrySeconds: retry, expireSeconds: expire } = head;
    const minimum = head.negativeTtlSeconds;
    const data = soaRdata({ mname, rname, serial: this.#serial, refresh, retry, expire, minimum });
    const apex = wireOf(head.apex);
    if (data) this.#writer.replace(apex, apex.length, TYPE.SOA, head.ttlSeconds, data);
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
    if (this.#content.leftOut.size === 0) return values;
    const others = [...this.#content.leftOut.records()].filter((r) => r.name === name && r.type === type);
    return [...values, ...others.map((r) => r.host)];
  }

  /** Every record that DNS can say, in no order. */
  *records(): Generator<ZoneRecord<RecordType>> {
    for (const { name, type, ttl, data } of listTable(this.table)) {
      const text = textOfType(type);
      if (text) yield { name: textOfName(name), type: text, host: textOfData(text, data), ttlSeconds: ttl };
    }
  }

  /** Records that DNS cannot say, or that found no room. */
  unservable(): readonly UnservableRecord[] {
    return [...this.#content.leftOut.records()];
  }

  /** The same, one by one. */
  unservableRecords(): Iterable<UnservableRecord> {
    return this.#content.leftOut.records();
  }

  /** Names that found no room, where they have no records. */
  unservableNames(): readonly { readonly name: string; readonly reason: string }[] {
    return [...this.#content.leftOut.names()];
  }

  /** How many records and names are not in the table. */
  get leftOut(): number {
    return this.#content.leftOut.size;
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
