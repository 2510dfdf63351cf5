import type { CatalogDiff, Service } from '../../cluster/index.ts';
import type { BackendPolicy } from '../balancer/policy.ts';
import { RouteGroups } from './groups.ts';
import { readLabels } from './labels.ts';
import { RouteTable } from './table.ts';
import type { BackendWish, Problem, Route, ServiceRouting } from './types.ts';

/** Reads what the labels of one service ask for; never throws. */
export type ReadService = (service: Service) => ServiceRouting;

/** What a change of services or configuration came to. */
export interface BookChange {
  /** Keys of the services whose routes or backends changed. */
  readonly services: ReadonlySet<string>;
  /** Ids of the routes that went. */
  readonly gone: readonly string[];
  /** Routes that came; one that changed goes and comes. */
  readonly come: readonly Route[];
}

/** Who owns the routes of the configuration file; no service has this key. */
export const CONFIG_OWNER = 'config';

const DEFAULT_POLICY: BackendPolicy = { balance: 'p2c' };

/**
 * The routes of all services, kept up to date from catalog diffs. Only services that changed are read again, and only
 * if what they ask for is different does the table change: it is then replaced as a whole.
 */
export class RouteBook {
  readonly #read: ReadService;
  readonly #owners = new Map<string, ServiceRouting>();
  readonly #groups = new RouteGroups();
  /** How many targets lead to each backend, by service. */
  readonly #wanted = new Map<string, Map<string, { count: number; readonly portIndex: number }>>();
  #table = RouteTable.empty;

  /** `groups`: which HAPROXY_GROUP values are served; `read` replaces the reader, which knows only marathon-lb's labels. */
  constructor(groups: readonly string[], read: ReadService = (service) => readLabels(service, groups)) {
    this.#read = read;
  }

  get table(): RouteTable {
    return this.#table;
  }

  /** Take the difference in. */
  apply(diff: CatalogDiff['services']): BookChange {
    const change = new Change();
    for (const service of diff.removed) this.#set(service.key, undefined, change);
    for (const service of diff.added) this.#set(service.key, this.#read(service), change);
    for (const { after } of diff.changed) this.#set(after.key, this.#read(after), change);
    return this.#settle(change);
  }

  /** Replace the routes of the configuration. */
  setConfigured(routing: ServiceRouting): BookChange {
    const change = new Change();
    this.#set(CONFIG_OWNER, routing, change);
    for (const key of routing.policies.keys()) change.touched.add(key.slice(0, key.lastIndexOf('#')));
    return this.#settle(change);
  }

  #set(owner: string, read: ServiceRouting | undefined, change: Change): void {
    const before = this.#owners.get(owner);
    // Most services of a large cluster ask for nothing: nothing is kept of them.
    const after = read === undefined || asksForNothing(read) ? undefined : keepSame(read, before);
    if (before === undefined && after === undefined) return;
    if (after === undefined) this.#owners.delete(owner);
    else this.#owners.set(owner, after);
    if (!samePolicies(before, after)) change.touched.add(owner);
    if (sameList(before?.routes, after?.routes)) return;
    change.touched.add(owner);
    for (const [route, group] of without(before, after)) {
      if (group === undefined) change.gone.push(route);
      else this.#groups.remove(group, route);
    }
    for (const [route, group] of without(after, before)) {
      if (group === undefined) change.come.push(route);
      else this.#groups.add(group, route);
    }
  }

  #settle(change: Change): BookChange {
    const merged = this.#groups.settle();
    const gone = [...change.gone, ...merged.gone];
    const come = [...change.come, ...merged.come];
    for (const route of gone) this.#count(route, -1, change.touched);
    for (const route of come) this.#count(route, 1, change.touched);
    this.#table = this.#table.with(gone, come);
    return { services: change.touched, gone: gone.map((route) => route.id), come };
  }

  #count(route: Route, by: number, touched: Set<string>): void {
    for (const { backendKey, serviceKey, portIndex } of route.targets) {
      touched.add(serviceKey);
      const backends =
        this.#wanted.get(serviceKey) ?? new Map<string, { count: number; portIndex: number }>();
      this.#wanted.set(serviceKey, backends);
      const wanted = backends.get(backendKey) ?? { count: 0, portIndex };
      wanted.count += by;
      if (wanted.count > 0) backends.set(backendKey, wanted);
      else backends.delete(backendKey);
      if (backends.size === 0) this.#wanted.delete(serviceKey);
    }
  }

  /** The routes that a service asks for itself. */
  routesOf(serviceKey: string): readonly Route[] {
    return this.#owners.get(serviceKey)?.routes ?? [];
  }

  /** The ports of a service that some route leads to, whoever asked for the route. */
  backendsOf(serviceKey: string): BackendWish[] {
    const wanted = this.#wanted.get(serviceKey);
    if (wanted === undefined) return [];
    return [...wanted].map(([key, { portIndex }]) => ({
      key,
      serviceKey,
      portIndex,
      policy:
        this.#owners.get(serviceKey)?.policies.get(key) ??
        this.#owners.get(CONFIG_OWNER)?.policies.get(key) ??
        DEFAULT_POLICY,
    }));
  }

  /** Labels that were set aside, and rules that another one hides. */
  problems(): Problem[] {
    return [
      ...[...this.#owners.values()].flatMap((owner) => owner.problems),
      ...this.#groups.problems(),
      ...this.#table.conflicts(),
    ];
  }
}

class Change {
  readonly gone: Route[] = [];
  readonly come: Route[] = [];
  readonly touched = new Set<string>();
}

/** The same routing with the very route objects of before where they say the same. */
function keepSame(after: ServiceRouting, before: ServiceRouting | undefined): ServiceRouting {
  if (before === undefined) return after;
  const known = new Map(before.routes.map((route) => [route.id, route]));
  const routes = after.routes.map((route) => {
    const same = known.get(route.id);
    return same !== undefined && JSON.stringify(same) === JSON.stringify(route) ? same : route;
  });
  const unchanged =
    routes.length === before.routes.length &&
    routes.every((route, i) => route === before.routes[i]) &&
    routes.every((route) => after.groups.get(route.id) === before.groups.get(route.id));
  return { ...after, routes: unchanged ? before.routes : routes };
}

function asksForNothing({ routes, problems, policies }: ServiceRouting): boolean {
  return routes.length + problems.length + policies.size === 0;
}

function samePolicies(a: ServiceRouting | undefined, b: ServiceRouting | undefined): boolean {
  return JSON.stringify([...(a?.policies ?? [])]) === JSON.stringify([...(b?.policies ?? [])]);
}

function sameList(a: readonly Route[] = [], b: readonly Route[] = []): boolean {
  return a === b || (a.length === 0 && b.length === 0);
}

/** The routes of one that the other does not have just so, each with its group. */
function* without(
  one: ServiceRouting | undefined,
  other: ServiceRouting | undefined,
): Generator<readonly [Route, string | undefined]> {
  const known = new Set(other?.routes);
  for (const route of one?.routes ?? []) {
    const group = one?.groups.get(route.id);
    if (!known.has(route) || other?.groups.get(route.id) !== group) yield [route, group];
  }
}
