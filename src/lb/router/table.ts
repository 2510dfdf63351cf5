import { findConflicts } from './conflicts.ts';
import { HostIndex } from './host-index.ts';
import { byText } from './order.ts';
import { ShardedMap } from './sharded-map.ts';
import type { NoMatch, Problem, Route, RouteQuery, Router, RuleTrace } from './types.ts';

const HOST_UNKNOWN: NoMatch = { kind: 'no-match', hostKnown: false };
const PATH_UNKNOWN: NoMatch = { kind: 'no-match', hostKnown: true };
const DEFAULT_LISTENER = 'http';

/**
 * All routes at one moment; never changes. For each listener, hosts are tried from the exact name over ever shorter
 * wildcards to `*` (a higher `priority` goes before that), within a host in the order of `compareRules`. The first rule
 * that fits is taken.
 */
export class RouteTable implements Router {
  readonly #routes: ShardedMap<Route>;
  readonly #listeners: ReadonlyMap<string, HostIndex>;

  private constructor(routes: ShardedMap<Route>, listeners: ReadonlyMap<string, HostIndex>) {
    this.#routes = routes;
    this.#listeners = listeners;
  }

  static readonly empty = new RouteTable(ShardedMap.empty(), new Map());

  /**
   * The table without `gone` (routes or their ids) and with `come`, which replace what has their ids. Hosts that neither
   * names keep their very rules.
   */
  with(gone: readonly (Route | string)[], come: readonly Route[]): RouteTable {
    if (gone.length === 0 && come.length === 0) return this;
    const routes = new Map<string, Route | undefined>();
    const changes = new Changes(this.#listeners);
    const leave = (id: string): void => {
      const route = routes.has(id) ? routes.get(id) : this.#routes.get(id);
      if (route === undefined) return;
      routes.set(id, undefined);
      changes.remove(route);
    };
    for (const one of gone) leave(typeof one === 'string' ? one : one.id);
    for (const route of come) {
      leave(route.id);
      routes.set(route.id, route);
      changes.add(route);
    }
    return new RouteTable(this.#routes.with(routes), changes.apply());
  }

  match(query: RouteQuery): Route | NoMatch {
    const index = this.#listeners.get(query.listener ?? DEFAULT_LISTENER);
    if (index === undefined) return HOST_UNKNOWN;
    const rule = index.match(query);
    if (rule !== undefined) return rule.route;
    return index.levels(query.host).length > 0 ? PATH_UNKNOWN : HOST_UNKNOWN;
  }

  /** Whether some rule for this host asks for more than host and path, so that header fields or the query may be read. */
  looksFurther(host: string, listener: string = DEFAULT_LISTENER): boolean {
    return (
      this.#listeners
        .get(listener)
        ?.levels(host)
        .some((rules) => rules.looksFurther) ?? false
    );
  }

  explain(query: RouteQuery): readonly RuleTrace[] {
    const index = this.#listeners.get(query.listener ?? DEFAULT_LISTENER);
    const chosen = this.match(query);
    const rules = (index?.levels(query.host) ?? []).flatMap((level) => level.rules);
    let passed = false;
    return rules
      .toSorted((a, b) => b.route.priority - a.route.priority)
      .map((rule): RuleTrace => {
        const { route } = rule;
        if (route === chosen) {
          passed = true;
          return { route, outcome: 'chosen' };
        }
        if (passed) return { route, outcome: 'after-the-chosen-one' };
        return { route, ...(rule.failure(query) ?? { outcome: 'after-the-chosen-one' }) };
      });
  }

  /** The rules of the closest host that fits: all that is known of where requests will go while there is but a name (SNI). */
  closest(host: string, listener: string): readonly Route[] {
    const [level] = this.#listeners.get(listener)?.levels(host) ?? [];
    return level?.rules.map(({ route }) => route) ?? [];
  }

  /** The route with this id. */
  get(id: string): Route | undefined {
    return this.#routes.get(id);
  }

  get size(): number {
    return this.#routes.size;
  }

  /** Names of the listeners that routes ask for. */
  listeners(): string[] {
    return [...this.#listeners.keys()].sort();
  }

  /** Every route once: hosts in alphabetical order and each host's rules in the order they are tried. */
  *routes(): Generator<Route> {
    const seen = new Set<Route>();
    for (const name of this.listeners()) {
      const hosts = this.#listeners.get(name)?.hosts();
      for (const host of [...(hosts?.keys() ?? [])].sort()) {
        for (const { route } of hosts?.get(host)?.rules ?? []) {
          if (seen.has(route)) continue;
          seen.add(route);
          yield route;
        }
      }
    }
  }

  /** Rules that can never be reached because another one takes all their requests, and ties between services. */
  conflicts(): Problem[] {
    const problems = new Map<string, Problem>();
    for (const index of this.#listeners.values()) {
      for (const { rules } of index.hosts().values()) {
        if (rules.length < 2) continue;
        const routes = rules.map((rule) => rule.route);
        for (const problem of findConflicts(routes))
          problems.set(`${problem.serviceKey}\0${problem.label}\0${problem.reason}`, problem);
      }
    }
    return [...problems.values()].sort(
      (a, b) => byText(a.serviceKey, b.serviceKey) || byText(a.label, b.label) || byText(a.reason, b.reason),
    );
  }
}

/** Collects what changes, by listener and host. */
class Changes {
  readonly #before: ReadonlyMap<string, HostIndex>;
  readonly #hosts = new Map<string, Map<string, Map<string, Route>>>();

  constructor(before: ReadonlyMap<string, HostIndex>) {
    this.#before = before;
  }

  remove(route: Route): void {
    for (const listener of route.listeners) this.#at(listener, route.host).delete(route.id);
  }

  add(route: Route): void {
    for (const listener of route.listeners) this.#at(listener, route.host).set(route.id, route);
  }

  apply(): ReadonlyMap<string, HostIndex> {
    const listeners = new Map(this.#before);
    for (const [name, hosts] of this.#hosts) {
      const changed = new Map([...hosts].map(([host, routes]) => [host, [...routes.values()]]));
      const index = (listeners.get(name) ?? HostIndex.empty).with(changed);
      if (index.size === 0) listeners.delete(name);
      else listeners.set(name, index);
    }
    return listeners;
  }

  /** The routes of a host as they shall be. */
  #at(listener: string, host: string): Map<string, Route> {
    let hosts = this.#hosts.get(listener);
    if (hosts === undefined) this.#hosts.set(listener, (hosts = new Map()));
    let routes = hosts.get(host);
    if (routes === undefined) {
      const rules = this.#before.get(listener)?.hosts().get(host)?.rules ?? [];
      hosts.set(host, (routes = new Map(rules.map(({ route }) => [route.id, route]))));
    }
    return routes;
  }
}
