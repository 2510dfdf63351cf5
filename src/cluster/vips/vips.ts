import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Catalog, CatalogDiff, CatalogTask, Rejected } from '../catalog/index.ts';
import { VipAddresses } from './address.ts';
import type { VipRange } from './address.ts';
import { isIpv6, taskVips } from './labels.ts';
import type { VipBackend, VipEntry, VipProtocol } from './labels.ts';

/** The domain of the names of VIPs in DC/OS. */
export const VIPS_DOMAIN = 'l4lb.thisdcos.directory';

export interface VipSettings {
  /** Where the names are, lower-case, without dots at the ends. */
  readonly domain: string;
  readonly ipv4: VipRange;
  /** Undefined gives no IPv6 addresses to names, and no IPv6 backends. */
  readonly ipv6: VipRange | undefined;
}

/** A virtual address and port, and who is behind it now. */
export interface Vip {
  /** Tells it apart for as long as it is there. */
  readonly key: string;
  readonly protocol: VipProtocol;
  /** Absolute, with the dot; undefined for VIPs that are an address. */
  readonly name: string | undefined;
  /** One per family that has backends. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** By address and port; at least one. */
  readonly backends: readonly VipBackend[];
}

/** A name whose addresses have changed; an empty list: it is not there. */
export interface VipNameChange {
  /** Absolute, with the dot. */
  readonly name: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

interface Pool {
  readonly key: string;
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
  /** At most one of each family. */
  addresses: readonly string[];
}

const NONE: readonly never[] = [];
const FAMILIES = [4, 6] as const;
const PAUSE_EVERY = 16;

/**
 * The VIPs that labels of tasks ask for (dcos-net.md §5 to §7): their names, their addresses and who is behind them. A VIP lasts as long
 * as it has backends, those with weight 0 included. Which of two names gets an address that both stand for is history: so there is one of
 * these in a process, for all who publish VIPs or carry their traffic. Changes of the catalog wait until one of them has them taken in.
 */
export class Vips {
  readonly #settings: VipSettings;
  readonly #addresses: { readonly 4: VipAddresses; readonly 6: VipAddresses | undefined };
  readonly #pools = new Map<string, Pool>();
  readonly #names = new Map<string, Name>();
  readonly #entries = new Map<string, readonly VipEntry[]>();
  readonly #rejected = new Map<string, readonly Rejected[]>();
  readonly #full = new Set<string>();
  readonly #told = new Map<string, { readonly name: string; readonly addresses: readonly string[] }>();
  readonly #untold = new Set<string>();
  readonly #waiting: CatalogDiff['tasks'][] = [];
  readonly #changes = new Subscribers<string>((error) => {
    throw error;
  });
  #running: Iterator<void> | undefined;
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

  /** Hear of the keys of VIPs that changed, came or went, while that is taken in. */
  onChange(f: (key: string) => void): Unsubscribe {
    return this.#changes.add(f);
  }

  /** From now on changes of the catalog wait here, to begin with all that it has. Before others follow it who work on what this has. */
  follow(catalog: Catalog): Unsubscribe {
    const { version, tasks } = catalog.current;
    if (version > 0) this.#waiting.push({ added: [...tasks.values()], changed: [], removed: [] });
    return catalog.onChange((_, diff) => {
      const { added, changed, removed } = diff.tasks;
      if (added.length + changed.length + removed.length > 0) this.#waiting.push(diff.tasks);
    });
  }

  /** Take in a little of what waits, some microseconds of work. False: nothing waits. */
  work(): boolean {
    if (this.#running === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return false;
      this.#running = this.#step(next);
    }
    if (this.#running.next().done === true) this.#running = undefined;
    return true;
  }

  /** The names whose addresses changed since this was asked the last time; for the one who publishes them. */
  *takeNames(): Generator<VipNameChange> {
    for (const owner of this.#untold) {
      this.#untold.delete(owner);
      const told = this.#told.get(owner);
      const known = this.#names.get(owner);
      const name = known ? this.#absolute(known) : (told?.name ?? '');
      const [before, after] = [told?.addresses ?? NONE, known?.addresses ?? NONE];
      if (after.length > 0) this.#told.set(owner, { name, addresses: after });
      else this.#told.delete(owner);
      if (before.join() !== after.join()) yield { name, before, after };
    }
  }

  /** One of them as it is now; undefined when there is none. */
  vip(key: string): Vip | undefined {
    const pool = this.#pools.get(key);
    const backends = pool ? backendsOf(pool) : NONE;
    if (pool === undefined || backends.length === 0) return undefined;
    const { protocol, port, ip } = pool;
    const name = pool.name && this.#absolute(pool.name);
    const addresses = pool.name ? addressesFor(pool.name, backends) : [ip as string];
    return { key, protocol, name, addresses, port, backends };
  }

  /** The keys of all, in no order. */
  keys(): Iterable<string> {
    return this.#pools.keys();
  }

  /** All VIPs, in the order of names, ports and protocols. */
  vips(): Vip[] {
    const found: { readonly order: string; readonly vip: Vip }[] = [];
    for (const [key, { name }] of this.#pools) {
      const vip = this.vip(key);
      if (vip === undefined) continue;
      const at = `${vip.name ?? vip.addresses[0]} ${String(vip.port).padStart(5, '0')} ${vip.protocol}`;
      found.push({ order: `${at} ${name?.owner}`, vip });
    }
    return found.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ vip }) => vip);
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

  *#step(tasks: CatalogDiff['tasks']): Generator<void> {
    const touched = new Set<Name>();
    let steps = 0;
    for (const task of [...tasks.added, ...tasks.changed.map((c) => c.after)]) {
      this.#read(task, touched);
      if (++steps % PAUSE_EVERY === 0) yield;
    }
    for (const { key } of tasks.removed) {
      this.#rejected.delete(key);
      this.#replace(key, NONE, touched);
      if (++steps % PAUSE_EVERY === 0) yield;
    }
    yield* this.#address(touched);
  }

  #read(task: CatalogTask, touched: Set<Name>): void {
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
    for (const key of new Set([...before, ...entries].map(poolKey))) this.#changes.emit(key);
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
      pool = { key, protocol, port, ip, name, byTask: new Map() };
      name?.pools.add(pool);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  #name(entry: VipEntry, fragment: string): Name {
    const owner = ownerOf(entry);
    let name = this.#names.get(owner);
    if (!name) {
      name = { owner, fragment, pools: new Set(), addresses: NONE };
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
  *#address(touched: ReadonlySet<Name>): Generator<void> {
    const names = [...touched].sort((a, b) => (a.owner < b.owner ? -1 : 1));
    for (const name of names) {
      const used = familiesOf(name);
      for (const family of FAMILIES) if (!used.has(family)) this.#addresses[family]?.free(name.owner);
    }
    let steps = 0;
    for (const name of names) {
      const before = name.addresses;
      name.addresses = this.#addressesOf(name);
      if (before.join() !== name.addresses.join()) {
        this.#revision++;
        this.#untold.add(name.owner);
        for (const { key } of name.pools) this.#changes.emit(key);
      }
      if (name.pools.size === 0 && this.#names.get(name.owner) === name) this.#names.delete(name.owner);
      if (++steps % PAUSE_EVERY === 0) yield;
    }
  }

  #addressesOf(name: Name): string[] {
    const used = familiesOf(name);
    const found: string[] = [];
    this.#full.delete(name.owner);
    for (const family of FAMILIES) {
      if (!used.has(family)) continue;
      const address = this.#addresses[family]?.take(name.owner, name.fragment);
      if (address === undefined) this.#full.add(name.owner);
      else found.push(address);
    }
    return found;
  }

  #absolute({ fragment }: Name): string {
    return `${fragment}.${this.#settings.domain}.`;
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
  return name.addresses.filter((address) => families.has(isIpv6(address)));
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
