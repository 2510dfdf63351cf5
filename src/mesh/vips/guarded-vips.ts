import type { Catalog, CatalogTask } from '../../cluster/index.ts';
import { isIpv6 } from '../../cluster/vips/index.ts';
import type { Vip, VipBackend, Vips } from '../../cluster/vips/index.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { readMeshLabels } from '../../core/mesh-labels.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { EndpointSpec } from '../plane/messages.ts';
import { factsOf } from '../upstreams.ts';
import type { IdOf } from '../upstreams.ts';

/** How STAND_INS begin. */
const PREFIX = '127.119.';
const MOST = 65_000;
/** What changes in so short a time is taken in together. A name has its address by then. */
const SETTLE_MS = 20;

/** An address and port, as a VIP has it and as an nftables map has it: `11.1.2.3 . 80`. */
type Place = string;

export interface GuardedVip {
  /** Where tasks call it. */
  readonly place: Place;
  /** Its stand-in, by which outlets know which one is meant. */
  readonly local: string;
  readonly endpoints: readonly EndpointSpec[];
  /** An address with a name goes before the same one in a label. */
  readonly named: boolean;
}

export interface GuardedVipsParts {
  readonly catalog: Catalog;
  /** Following the catalog already, and worked on by others. */
  readonly vips: Vips;
  readonly idOf: IdOf;
  readonly clock: Clock;
  /** Who is behind this stand-in now. */
  readonly tell: (local: string, endpoints: readonly EndpointSpec[]) => void;
  /** Which VIPs there are, or where, is different now. */
  readonly changed: () => void;
}

/**
 * The VIPs over TCP and IPv4 whose services are guarded: where one of the backends that take connections has a guard before its port. Those
 * without one get none of the calls that go by mutual TLS.
 */
export class GuardedVips {
  readonly #parts: GuardedVipsParts;
  /** By the key of the VIP. */
  readonly #vips = new Map<string, GuardedVip>();
  /** The tasks that have guards, by where these are. */
  readonly #guards = new Map<string, CatalogTask>();
  readonly #locals = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #forget: Unsubscribe[];
  #next = 0;
  #timer: Timer | undefined;

  constructor(parts: GuardedVipsParts) {
    this.#parts = parts;
    const { catalog, vips } = parts;
    for (const task of catalog.current.tasks.values()) this.#guard(task);
    for (const key of vips.keys()) this.#wait(key);
    this.#forget = [
      catalog.onChange((_, { tasks }) => {
        for (const task of tasks.removed) this.#unguard(task);
        for (const { before } of tasks.changed) this.#unguard(before);
        for (const task of [...tasks.added, ...tasks.changed.map(({ after }) => after)]) this.#guard(task);
      }),
      vips.onChange((key) => this.#wait(key)),
    ];
  }

  get size(): number {
    return this.#vips.size;
  }

  /** Each place once, with its stand-in. */
  places(): ReadonlyMap<Place, string> {
    const all = [...this.#vips.values()].sort((a, b) => Number(a.named) - Number(b.named));
    return new Map(all.map(({ place, local }) => [place, local]));
  }

  /** Tell all again: who listened has forgotten it. */
  again(): void {
    for (const { local, endpoints } of this.#vips.values()) this.#parts.tell(local, endpoints);
  }

  stop(): void {
    this.#timer?.cancel();
    for (const forget of this.#forget) forget();
  }

  #wait(key: string): void {
    this.#waiting.add(key);
    this.#timer ??= this.#parts.clock.after(SETTLE_MS, () => this.takeIn());
  }

  /** What waits, at once: for who is about to ask. */
  takeIn(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const keys = [...this.#waiting];
    this.#waiting.clear();
    if (keys.map((waiting) => this.#look(waiting)).includes(true)) this.#parts.changed();
  }

  /** Whether the places are different from before. */
  #look(key: string): boolean {
    const before = this.#vips.get(key);
    const after = this.#guarded(key, before?.local);
    if (after) this.#vips.set(key, after);
    else this.#vips.delete(key);
    if (before && !after) this.#locals.delete(before.local);
    if (after) this.#parts.tell(after.local, after.endpoints);
    else if (before) this.#parts.tell(before.local, []);
    return before?.place !== after?.place;
  }

  #guarded(key: string, local: string | undefined): GuardedVip | undefined {
    const vip = this.#parts.vips.vip(key);
    const address = vip?.addresses.find((ip) => !isIpv6(ip) && !ip.startsWith(PREFIX));
    if (vip?.protocol !== 'tcp' || address === undefined) return undefined;
    const behind = takersOf(vip).flatMap((backend) => this.#guards.get(placeOf(backend)) ?? []);
    if (behind.length === 0) return undefined;
    const stand = local ?? this.#standIn();
    if (stand === undefined) return undefined;
    const endpoints = takersOf(vip).flatMap((backend): EndpointSpec[] => {
      const task = this.#guards.get(placeOf(backend));
      const id = task && this.#parts.idOf(factsOf(task));
      return id === undefined ? [] : [{ ip: backend.ip, port: backend.port, id }];
    });
    const place = `${address} . ${vip.port}`;
    return { place, local: stand, endpoints, named: vip.name !== undefined };
  }

  /** One after another, so that one that was just given up does not stand for something else at once. */
  #standIn(): string | undefined {
    if (this.#locals.size >= MOST) return undefined;
    for (;;) {
      this.#next = (this.#next % MOST) + 1;
      const local = `${PREFIX}${this.#next >> 8}.${this.#next & 255}`;
      if (this.#locals.has(local)) continue;
      this.#locals.add(local);
      return local;
    }
  }

  #guard(task: CatalogTask): void {
    for (const place of guardsOf(task)) this.#guards.set(place, task);
  }

  #unguard(task: CatalogTask): void {
    for (const place of guardsOf(task))
      if (this.#guards.get(place)?.key === task.key) this.#guards.delete(place);
  }
}

const placeOf = ({ ip, port }: Pick<VipBackend, 'ip' | 'port'>): string => `${ip} ${port}`;

function guardsOf({ labels, agentIps: [ip], ports }: CatalogTask): string[] {
  const wishes = readMeshLabels(labels);
  if (ip === undefined || typeof wishes === 'string' || wishes.mode === 'off') return [];
  return ports.map((port) => placeOf({ ip, port }));
}

/** As for everybody who calls a VIP: who is up; when nobody is, who fails its health check, for that can be wrong about all of them. */
function takersOf({ backends }: Vip): readonly VipBackend[] {
  const up = backends.filter(({ weight }) => weight === 1);
  return up.length > 0 ? up : backends.filter(({ state }) => state === 'unhealthy');
}
