import type { CatalogDiff, CatalogVersion, SetDiff } from '../../cluster/index.ts';
import { TYPE } from '../wire/index.ts';
import { RecordSet, unservable } from './record-set.ts';
import type { Entry } from './record-set.ts';
import {
  agentRecords,
  frameworkRecords,
  listenerRecords,
  masterRecords,
  serviceNames,
  taskRecords,
} from './records.ts';
import type { NamingSettings, ZoneRecord, ZoneRecordType } from './records.ts';

export interface ZoneSettings extends NamingSettings {
  readonly srvWeight: number;
  /** Absolute name of this server in the SOA record, and the addresses it gets. */
  readonly mname: string;
  readonly listenerIps: readonly string[];
}

export type Lookup =
  | { readonly kind: 'answer'; readonly entries: readonly Entry[] }
  /** The name exists, with no record of that type (RFC 2308 §2.2). */
  | { readonly kind: 'nodata' }
  | { readonly kind: 'nxdomain' };

/** A record that DNS cannot say. */
export interface UnservableRecord {
  readonly name: string;
  readonly host: string;
  readonly type: ZoneRecordType;
  readonly reason: string;
}

interface Node {
  A: RecordSet | undefined;
  AAAA: RecordSet | undefined;
  SRV: RecordSet | undefined;
  /** Declared services that have this name, whether or not anything runs for them. */
  declared: number;
  /** Names below this one: an empty non-terminal exists too (RFC 4592 §2.2.2). */
  below: number;
}

/**
 * The names of the cluster. Follows the catalog by differences and touches only the names that change. Holds every record of
 * Mesos-DNS, also what DNS cannot say (the HTTP API lists those); keys are lower-case but for legacy raw names.
 */
export class Zone {
  readonly settings: ZoneSettings;
  readonly #apex: string;
  readonly #nodes = new Map<string, Node>();
  readonly #unservable = new Map<string, UnservableRecord & { count: number }>();
  #masters: readonly ZoneRecord[] = [];
  #ready = false;
  #revision = 0;
  #recordCount = 0;

  constructor(settings: ZoneSettings) {
    this.settings = settings;
    this.#apex = `${settings.domain}.`;
  }

  /** False while nothing is known of the cluster: nobody may be told then that a name does not exist. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Rises whenever what is published changes. */
  get revision(): number {
    return this.#revision;
  }

  /** How many distinct records there are. */
  get size(): number {
    return this.#recordCount;
  }

  /** Take over a whole catalog version, once. */
  load(version: CatalogVersion): void {
    this.apply(version, {
      agents: added(version.agents),
      frameworks: added(version.frameworks),
      tasks: added(version.tasks),
      services: added(version.services),
      mastersChanged: true,
      staleChanged: true,
    });
  }

  /** Follow one step of the catalog. */
  apply(next: CatalogVersion, diff: CatalogDiff): void {
    if (!this.#ready) {
      this.#ready = true;
      this.#revision++;
      for (const r of listenerRecords(this.settings.mname, this.settings.listenerIps)) this.#add(r);
    }
    const { settings } = this;
    this.#follow(diff.frameworks, (f) => frameworkRecords(f, settings));
    this.#follow(diff.agents, (a) => agentRecords(a, settings));
    if (diff.mastersChanged) {
      const masters = masterRecords(next.leader, next.masters, settings);
      this.#replace(this.#masters, masters);
      this.#masters = masters;
    }
    this.#declare(diff.services, (s) => serviceNames(s, settings));
    this.#follow(diff.tasks, (t) => taskRecords(t, settings));
  }

  /** `name` is absolute and lower-case, within the domain. Type ANY collects all types. */
  lookup(name: string, type: number): Lookup {
    const node = this.#nodes.get(name);
    if (!node) return { kind: name === this.#apex ? 'nodata' : 'nxdomain' };
    const entries = entriesOf(node, type);
    if (entries.length > 0) return { kind: 'answer', entries };
    // Raw legacy names that DNS cannot ask for never get here; of the rest, whatever has a node exists.
    return { kind: 'nodata' };
  }

  /** The values of one name and type as text. */
  hosts(name: string, type: ZoneRecordType): readonly string[] {
    return this.#nodes.get(name)?.[type]?.hosts() ?? [];
  }

  /** Every name with its values, by type, for the transfer over HTTP. */
  *all(type: ZoneRecordType): Generator<readonly [name: string, hosts: string[]]> {
    for (const [name, node] of this.#nodes) {
      const set = node[type];
      if (set) yield [name, set.hosts()];
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

  #follow<T>(diff: SetDiff<T>, records: (value: T) => readonly ZoneRecord[]): void {
    for (const value of diff.added) this.#replace([], records(value));
    for (const { before, after } of diff.changed) this.#replace(records(before), records(after));
    for (const value of diff.removed) this.#replace(records(value), []);
  }

  /** The names of declared services exist also while they have no record: NODATA, not NXDOMAIN. */
  #declare<T>(diff: SetDiff<T>, names: (value: T) => readonly string[]): void {
    for (const value of diff.added) this.#count(names(value), 1);
    for (const { before, after } of diff.changed) {
      const [old, now] = [names(before), names(after)];
      if (old.join() === now.join()) continue;
      this.#count(now, 1);
      this.#count(old, -1);
    }
    for (const value of diff.removed) this.#count(names(value), -1);
  }

  #count(names: readonly string[], by: 1 | -1): void {
    for (const name of names) {
      const node = this.#node(name);
      node.declared += by;
      if (node.declared !== (by === 1 ? 1 : 0)) continue;
      this.#revision++;
      this.#touchParents(name, by);
      this.#dropIfEmpty(name, node);
    }
  }

  /** Additions first, so that a record on both sides is never away. */
  #replace(before: readonly ZoneRecord[], after: readonly ZoneRecord[]): void {
    if (sameRecords(before, after)) return;
    for (const r of after) this.#add(r);
    for (const r of before) this.#remove(r);
  }

  #add(record: ZoneRecord): void {
    const reason = unservable(record);
    if (reason !== undefined) this.#countUnservable(record, reason);
    const node = this.#node(record.name);
    let set = node[record.type];
    if (!set) {
      if (!ownsRecords(node)) this.#touchParents(record.name, 1);
      set = new RecordSet();
      node[record.type] = set;
    }
    if (!set.add(record, this.settings.srvWeight)) return;
    this.#recordCount++;
    this.#revision++;
  }

  #remove(record: ZoneRecord): void {
    const node = this.#nodes.get(record.name);
    const set = node?.[record.type];
    if (!node || !set) return;
    this.#forgetUnservable(record);
    if (!set.remove(record)) return;
    this.#recordCount--;
    this.#revision++;
    if (set.size > 0) return;
    node[record.type] = undefined;
    if (ownsRecords(node)) return;
    this.#touchParents(record.name, -1);
    this.#dropIfEmpty(record.name, node);
  }

  #node(name: string): Node {
    let node = this.#nodes.get(name);
    if (!node) {
      node = { A: undefined, AAAA: undefined, SRV: undefined, declared: 0, below: 0 };
      this.#nodes.set(name, node);
    }
    return node;
  }

  #dropIfEmpty(name: string, node: Node): void {
    if (!ownsRecords(node) && node.declared === 0 && node.below === 0) this.#nodes.delete(name);
  }

  /** Count a name in, or out, at each name between it and the apex. */
  #touchParents(name: string, by: 1 | -1): void {
    if (!name.endsWith(`.${this.#apex}`)) return;
    for (let at = name.indexOf('.') + 1; at > 0; at = name.indexOf('.', at) + 1) {
      const parent = name.slice(at);
      if (parent.length <= this.#apex.length) return;
      const node = this.#node(parent);
      node.below += by;
      this.#dropIfEmpty(parent, node);
    }
  }

  #countUnservable(record: ZoneRecord, reason: string): void {
    const key = unservableKey(record);
    const known = this.#unservable.get(key);
    if (known) known.count++;
    else this.#unservable.set(key, { ...record, reason, count: 1 });
  }

  #forgetUnservable(record: ZoneRecord): void {
    if (this.#unservable.size === 0) return;
    const key = unservableKey(record);
    const known = this.#unservable.get(key);
    if (known && --known.count === 0) this.#unservable.delete(key);
  }
}

const NONE: readonly Entry[] = [];

function entriesOf(node: Node, type: number): readonly Entry[] {
  const set = (t: ZoneRecordType): readonly Entry[] => node[t]?.entries ?? NONE;
  if (type === TYPE.A) return set('A');
  if (type === TYPE.AAAA) return set('AAAA');
  if (type === TYPE.SRV) return set('SRV');
  if (type === TYPE.ANY) return [...set('SRV'), ...set('A'), ...set('AAAA')];
  return NONE;
}

function ownsRecords(node: Node): boolean {
  return node.A !== undefined || node.AAAA !== undefined || node.SRV !== undefined;
}

function unservableKey(record: ZoneRecord): string {
  return `${record.type} ${record.name} ${record.host}`;
}

function sameRecords(a: readonly ZoneRecord[], b: readonly ZoneRecord[]): boolean {
  return (
    a.length === b.length &&
    a.every((r, i) => r.name === b[i]?.name && r.host === b[i].host && r.type === b[i].type)
  );
}

function added<T>(map: ReadonlyMap<string, T>): SetDiff<T> {
  return { added: [...map.values()], changed: [], removed: [] };
}
