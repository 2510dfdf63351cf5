import type { CatalogDiff, CatalogTask, CatalogVersion, Rejected } from '../../cluster/index.ts';
import type { Change, Publisher } from '../zone/publisher.ts';
import type { ZoneRecord } from '../zone/records.ts';
import { VipAddresses } from './vip-address.ts';
import type { VipRange } from './vip-address.ts';
import { isIpv6, taskVips } from './vip-labels.ts';
import type { VipBackend, VipEntry, VipProtocol } from './vip-labels.ts';

export interface VipSettings {
  /** Where the names are, lower-case, without dots at the ends. */
  readonly domain: string;
  readonly ttlSeconds: number;
  readonly ipv4: VipRange;
  /** Undefined gives no IPv6 addresses to names, and no IPv6 backends. */
  readonly ipv6: VipRange | undefined;
}

/** A virtual address and port, and who is behind it now. */
export interface Vip {
  readonly protocol: VipProtocol;
  /** Absolute, with the dot; undefined for VIPs that are an address. */
  readonly name: string | undefined;
  /** One per family that has backends. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** By address and port; at least one. */
  readonly backends: readonly VipBackend[];
}

interface Pool {
  readonly protocol: VipProtocol;
  readonly port: number;
  readonly ip: string | undefined;
  readonly name: Name | undefined;
  readonly byTask: Map<string, readonly VipBackend[]>;
}

/** What named VIPs of all ports and protocols share: name and addresses. */
interface Name {
  readonly owner: string;
  readonly fragment: string;
  readonly pools: Set<Pool>;
  records: readonly ZoneRecord[];
}

const NONE: readonly never[] = [];
const FAMILIES = [4, 6] as const;
const NO_CHANGE: Change = { before: NONE, after: NONE };
const PAUSE_EVERY = 16;

/**
 * The VIPs that labels of tasks ask for (dcos-net.md §5 to §7): publishes `<name>.<framework>.<domain>` with their addresses, and lists
 * who is behind them. A VIP lasts as long as it has backends, those with weight 0 included.
 */
export class DcosVips implements Publisher {
  readonly name = 'dcos-vips';
  readonly #settings: VipSettings;
  readonly #addresses: { readonly 4: VipAddresses; readonly 6: VipAddresses | undefined };
  readonly #pools = new Map<string, Pool>();
  readonly #names = new Map<string, Name>();
  readonly #entries = new Map<string, readonly VipEntry[]>();
  readonly #rejected = new Map<string, readonly Rejected[]>();
  readonly #full = new Set<string>();
  #revision = 0;

  constructor(settings: VipSettings) {
    this.#settings = settings;
    this.#addresses = {
      4: new VipAddresses(4, settings.ipv4),
      6: settings.ipv6 && new VipAddresses(6, settings.ipv6),
    };
  }

  /** Rises whenever what `vips` gives changes. */
  get revision(): number {
    return this.#revision;
  }

  /** Goes on as its changes are taken, which must be in the order of the steps; a pause now and then, for steps are large. */
  *step(_next: CatalogVersion, { tasks }: CatalogDiff): Generator<Change> {
    const touched = new Set<Name>();
    let steps = 0;
    for (const task of [...tasks.added, ...tasks.changed.map((c) => c.after)]) {
      this.#follow(task, touched);
      if (++steps % PAUSE_EVERY === 0) yield NO_CHANGE;
    }
    for (const { key } of tasks.removed) {
      this.#rejected.delete(key);
      this.#replace(key, NONE, touched);
      if (++steps % PAUSE_EVERY === 0) yield NO_CHANGE;
    }
    yield* this.#publish(touched);
  }

  /** All VIPs, in the order of names, ports and protocols. */
  vips(): Vip[] {
    const named: { readonly key: string; readonly vip: Vip }[] = [];
    for (const pool of this.#pools.values()) {
      const backends = backendsOf(pool);
      if (backends.length === 0) continue;
      const { protocol, port, ip } = pool;
      const name = pool.name && `${pool.name.fragment}.${this.#settings.domain}.`;
      const addresses = pool.name ? addressesFor(pool.name, backends) : [ip as string];
      const key = `${name ?? ip} ${String(port).padStart(5, '0')} ${protocol} ${pool.name?.owner}`;
      named.push({ key, vip: { protocol, name, addresses, port, backends } });
    }
    return named.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ vip }) => vip);
  }

  /** How many VIPs there are, and how many backends they have: those that take new connections, and all others. */
  totals(): { readonly vips: number; readonly taking: number; readonly draining: number } {
    let [vips, taking, draining] = [0, 0, 0];
    for (const pool of this.#pools.values()) {
      const backends = backendsOf(pool);
      if (backends.length > 0) vips++;
      for (const { weight } of backends) {
        if (weight === 1) taking++;
        else draining++;
      }
    }
    return { vips, taking, draining };
  }

  /** Labels that could not be understood, and names for which no address was left. */
  *setAside(): Iterable<Rejected> {
    for (const list of this.#rejected.values()) yield* list;
    for (const id of this.#full) yield { kind: 'label', id, reason: 'all addresses for VIPs are taken' };
  }

  #follow(task: CatalogTask, touched: Set<Name>): void {
    const { entries, problems } = taskVips(task);
    if (problems.length === 0) this.#rejected.delete(task.key);
    else
      this.#rejected.set(
        task.key,
        problems.map((reason) => ({ kind: 'label', id: task.key, reason })),
      );
    this.#replace(task.key, entries, touched);
  }

  #replace(taskKey: string, entries: readonly VipEntry[], touched: Set<Name>): void {
    const before = this.#entries.get(taskKey) ?? NONE;
    if (sameEntries(before, entries)) return;
    this.#revision++;
    for (const entry of before) {
      const pool = this.#pool(entry);
      pool.byTask.delete(taskKey);
      if (pool.name) touched.add(pool.name);
    }
    for (const entry of entries) {
      const pool = this.#pool(entry);
      const others = pool.byTask.get(taskKey);
      const own = this.#usable(entry);
      pool.byTask.set(taskKey, others ? [...others, ...own] : own);
      if (pool.name) touched.add(pool.name);
    }
    for (const entry of before) this.#dropIfEmpty(entry);
    if (entries.length > 0) this.#entries.set(taskKey, entries);
    else this.#entries.delete(taskKey);
  }

  #usable({ target, backends }: VipEntry): readonly VipBackend[] {
    if (target.kind === 'address' || this.#addresses[6]) return backends;
    return backends.filter((b) => !isIpv6(b.ip));
  }

  #pool(entry: VipEntry): Pool {
    const key = poolKey(entry);
    let pool = this.#pools.get(key);
    if (!pool) {
      const { protocol, port, target } = entry;
      const name = target.kind === 'named' ? this.#name(entry, target.fragment) : undefined;
      const ip = target.kind === 'address' ? target.ip : undefined;
      pool = { protocol, port, ip, name, byTask: new Map() };
      name?.pools.add(pool);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  #name(entry: VipEntry, fragment: string): Name {
    const owner = ownerOf(entry);
    let name = this.#names.get(owner);
    if (!name) {
      name = { owner, fragment, pools: new Set(), records: NONE };
      this.#names.set(owner, name);
    }
    return name;
  }

  #dropIfEmpty(entry: VipEntry): void {
    const key = poolKey(entry);
    const pool = this.#pools.get(key);
    if (!pool || pool.byTask.size > 0) return;
    this.#pools.delete(key);
    pool.name?.pools.delete(pool);
  }

  /** Those that lost a family give its address back first; then, in the order of names, addresses are given out. */
  *#publish(touched: ReadonlySet<Name>): Generator<Change> {
    const names = [...touched].sort((a, b) => (a.owner < b.owner ? -1 : 1));
    for (const name of names) {
      const used = familiesOf(name);
      for (const family of FAMILIES) if (!used.has(family)) this.#addresses[family]?.free(name.owner);
    }
    for (const name of names) {
      const before = name.records;
      name.records = this.#records(name);
      if (name.pools.size === 0) this.#names.delete(name.owner);
      if (before.map((r) => r.host).join() === name.records.map((r) => r.host).join()) continue;
      this.#revision++;
      yield { before, after: name.records };
    }
  }

  #records(name: Name): ZoneRecord[] {
    const used = familiesOf(name);
    const records: ZoneRecord[] = [];
    this.#full.delete(name.owner);
    for (const family of FAMILIES) {
      if (!used.has(family)) continue;
      const host = this.#addresses[family]?.take(name.owner, name.fragment);
      if (host === undefined) this.#full.add(name.owner);
      else
        records.push({
          name: `${name.fragment}.${this.#settings.domain}.`,
          host,
          type: family === 4 ? 'A' : 'AAAA',
          ttlSeconds: this.#settings.ttlSeconds,
        });
    }
    return records;
  }
}

function sameEntries(a: readonly VipEntry[], b: readonly VipEntry[]): boolean {
  return a.length === b.length && (a.length === 0 || JSON.stringify(a) === JSON.stringify(b));
}

function ownerOf({ target, frameworkName }: VipEntry): string {
  return target.kind === 'named' ? `${target.fragment} ${target.given} ${frameworkName}` : target.ip;
}

function poolKey(entry: VipEntry): string {
  return `${entry.protocol} ${entry.port} ${ownerOf(entry)}`;
}

function familiesOf(name: Name): ReadonlySet<4 | 6> {
  const families = new Set<4 | 6>();
  for (const pool of name.pools)
    for (const backends of pool.byTask.values())
      for (const { ip } of backends) families.add(isIpv6(ip) ? 6 : 4);
  return families;
}

function addressesFor(name: Name, backends: readonly VipBackend[]): string[] {
  const families = new Set(backends.map((b) => isIpv6(b.ip)));
  return name.records.map((r) => r.host).filter((host) => families.has(isIpv6(host)));
}

/** Each address and port once; it takes new connections while one task there does. */
function backendsOf(pool: Pool): VipBackend[] {
  const found = new Map<string, VipBackend>();
  for (const backends of pool.byTask.values()) {
    for (const backend of backends) {
      const key = `${backend.ip} ${String(backend.port).padStart(5, '0')}`;
      if (found.get(key)?.weight !== 1) found.set(key, backend);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, backend]) => backend);
}
