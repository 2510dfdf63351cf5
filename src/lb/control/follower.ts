import type { UpstreamTls } from '../tls/index.ts';
import type { Catalog, CatalogDiff, Service } from '../../cluster/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Reactor } from '../../net/index.ts';
import type { PlaneUpdate } from '../plane/messages.ts';
import { Deployments, RouteBook } from '../router/index.ts';
import type { Middleware, ServiceRouting } from '../router/index.ts';
import { executable, serviceReader, withoutPorts } from '../rules/index.ts';
import type { Configured } from '../rules/index.ts';
import { Checks } from './checks.ts';
import { Drains } from './drains.ts';
import type { News } from './pieces.ts';
import { Published } from './published.ts';

/** How many services and instances are read, and go into one message, at a stretch. */
const STEP = 256;
/** How long changes are taken in before everything else gets its turn. */
const SLICE_MS = 4;

/** A service that is to be read, as it is now or was before it went. */
interface Pending {
  readonly service: Service;
  readonly gone: boolean;
}

export interface FollowerParts {
  readonly catalog: Catalog;
  readonly groups: readonly string[];
  /** What the configuration says about routes. */
  readonly configured?: Configured;
  /** Services may have ports of their own; absent: they may. */
  readonly servicePorts?: boolean;
  readonly clock: Clock;
  /** What active checks go through; absent: none are made. */
  readonly reactor?: Reactor | undefined;
  /** How checks speak TLS. */
  readonly tls?: UpstreamTls | undefined;
  readonly random: Random;
  /** Runs a function when the event loop has gone round: setImmediate. */
  readonly later: (f: () => void) => void;
  /** Tell all planes. `since`: when the catalog had changed, monotonic milliseconds. */
  readonly onUpdate: (update: PlaneUpdate, since: number) => void;
}

/**
 * Follows the catalog and keeps the one truth of what is routed where. A change of a few services reaches the planes in the
 * same turn; very many are taken in slices, each service once, as it is when its turn comes.
 */
export class CatalogFollower {
  readonly book: RouteBook;
  readonly published: Published;
  readonly checks: Checks | undefined;
  readonly drains: Drains;
  readonly #parts: FollowerParts;
  readonly #deployments = new Deployments();
  /** Services that changed and were not read since. */
  readonly #pending = new Map<string, Pending>();
  /** Where among them the next step goes on: from the front it would have to pass the places of all that were read. */
  #turn: Iterator<[string, Pending]> = this.#pending.entries();
  /** Of the configuration; labels may name them. */
  readonly #middlewares: Map<string, Middleware>;
  /** Services of the configuration. */
  readonly #own: Map<string, Service>;
  #configured: Configured | undefined;
  #version = 0;
  #ready = false;
  #since = 0;
  #waiting = false;
  #unsubscribe: Unsubscribe | undefined;
  #caughtUp: (() => void)[] = [];

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#configured = parts.configured;
    this.#middlewares = new Map(parts.configured?.middlewares);
    const read = serviceReader(parts.groups, this.#middlewares);
    const book = new RouteBook(parts.groups, (service) => this.#publishable(read(service)));
    this.book = book;
    this.#own = new Map(parts.configured?.services.map((service) => [service.key, service]));
    const { reactor } = parts;
    if (reactor !== undefined)
      this.checks = new Checks({ ...parts, reactor, onVerdicts: (keys) => this.#judge(keys) });
    this.drains = new Drains({
      specs: () => this.published.specs(),
      onChange: (keys) => this.#judge(keys),
    });
    this.published = new Published({
      drains: this.drains,
      checks: this.checks,
      backendsOf: (key) => book.backendsOf(key),
      service: (key) => this.service(key),
    });
  }

  /** What of it can be had here. */
  #publishable(routing: ServiceRouting): ServiceRouting {
    const executed = executable(routing);
    return this.#parts.servicePorts === false ? withoutPorts(executed) : executed;
  }

  /** A service as it is published: of the configuration, of a group of deployments, or of the catalog. */
  service(key: string): Service | undefined {
    return this.#own.get(key) ?? this.#deployments.get(key) ?? this.#parts.catalog.current.services.get(key);
  }

  /** The configuration has changed. Where its middlewares have, all labels are read again, for they may name one. */
  reconfigure(configured: Configured): void {
    const { catalog, clock } = this.#parts;
    const keys = [...this.#own.keys(), ...configured.services.map(({ key }) => key)];
    const same = JSON.stringify([...this.#middlewares]) === JSON.stringify([...configured.middlewares]);
    this.#configured = configured;
    replace(
      this.#own,
      configured.services.map((service) => [service.key, service] as const),
    );
    replace(this.#middlewares, configured.middlewares);
    const change = this.book.setConfigured(this.#publishable(configured.routing));
    this.#tell(this.published.follow(change, keys), this.#ready, clock.monotonic());
    if (same) return;
    const all = [...catalog.current.services.values()];
    this.#take({ added: [], changed: all.map((after) => ({ before: after, after })), removed: [] });
  }

  /** All that the catalog said first has been taken in: before that a missing route says nothing about the cluster. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Of the last update. */
  get version(): number {
    return this.#version;
  }

  /** Resolves when everything there is has been taken in. */
  start(): Promise<void> {
    const { catalog } = this.#parts;
    this.#configure();
    this.#unsubscribe = catalog.onChange((_, diff) => this.#take(diff.services));
    this.#take({ added: [...catalog.current.services.values()], changed: [], removed: [] });
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#caughtUp.push(resolve));
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#pending.clear();
    this.checks?.stop();
  }

  /** The whole as updates, for a plane that knows nothing yet. */
  *whole(): Generator<PlaneUpdate> {
    const version = this.#version;
    const ready = this.#ready;
    // Only with the last piece it knows what this version is.
    for (const piece of this.published.pieces()) yield { kind: 'update', version: 0, ready: false, ...piece };
    const nothing = { routes: { gone: [], come: [] }, backends: { gone: [], set: [] } };
    yield { kind: 'update', version, ready, ...nothing };
  }

  /** The routes of the configuration come first, and stay. */
  #configure(): void {
    const configured = this.#configured;
    const { clock } = this.#parts;
    if (configured === undefined) return;
    const change = this.book.setConfigured(this.#publishable(configured.routing));
    this.#tell(this.published.follow(change, []), this.#ready, clock.monotonic());
  }

  /** Checks have found something: the endpoints of these services are told anew. */
  #judge(serviceKeys: readonly string[]): void {
    const news = this.published.follow({ gone: [], come: [], services: new Set() }, serviceKeys);
    this.#tell(news, this.#ready, this.#parts.clock.monotonic());
  }

  #take(told: CatalogDiff['services']): void {
    const diff = this.#deployments.apply(told);
    if (this.#pending.size === 0) this.#since = this.#parts.clock.monotonic();
    for (const service of diff.removed) this.#pending.set(service.key, { service, gone: true });
    for (const service of diff.added) this.#pending.set(service.key, { service, gone: false });
    for (const { after } of diff.changed) this.#pending.set(after.key, { service: after, gone: false });
    if (!this.#waiting) this.#work();
  }

  #work(): void {
    this.#waiting = false;
    const { clock, later } = this.#parts;
    const began = clock.monotonic();
    do {
      this.#step();
      if (this.#pending.size > 0 && clock.monotonic() - began >= SLICE_MS) {
        this.#waiting = true;
        later(() => this.#work());
        return;
      }
    } while (this.#pending.size > 0);
    // One that has not come to its end holds the places of all that were there.
    this.#turn = this.#pending.entries();
    for (const resolve of this.#caughtUp.splice(0)) resolve();
  }

  #step(): void {
    const added: Service[] = [];
    const removed: Service[] = [];
    let weight = 0;
    while (weight < STEP && this.#pending.size > 0) {
      const { done, value } = this.#turn.next();
      if (done === true) {
        this.#turn = this.#pending.entries();
        continue;
      }
      const [key, { service, gone }] = value;
      (gone ? removed : added).push(service);
      this.#pending.delete(key);
      weight += 2 + service.instances.length;
    }
    const change = this.book.apply({ added, changed: [], removed });
    const keys = [...removed, ...added].map((service) => service.key);
    const ready = this.#ready || (this.#parts.catalog.current.version > 0 && this.#pending.size === 0);
    this.#tell(this.published.follow(change, keys), ready, this.#since);
  }

  #tell(news: readonly News[], ready: boolean, since: number): void {
    for (const [i, { routes, backends }] of news.entries()) {
      const isReady = i === news.length - 1 ? ready : this.#ready;
      const { gone, set, changed = [] } = backends;
      const some = routes.gone.length + routes.come.length + gone.length + set.length + changed.length;
      if (some === 0 && isReady === this.#ready) continue;
      this.#ready = isReady;
      this.#version += 1;
      this.#parts.onUpdate(
        { kind: 'update', version: this.#version, ready: isReady, routes, backends },
        since,
      );
    }
  }
}

function replace<K, V>(map: Map<K, V>, by: Iterable<readonly [K, V]>): void {
  map.clear();
  for (const [key, value] of by) map.set(key, value);
}
