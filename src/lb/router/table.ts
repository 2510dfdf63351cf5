import type { NoMatch, Problem, Route, RouteQuery, Router, RuleTrace } from './types.ts';

const HOST_UNKNOWN: NoMatch = { kind: 'no-match', hostKnown: false };
const PATH_UNKNOWN: NoMatch = { kind: 'no-match', hostKnown: true };

/** The order in which rules of one host are tried: weight, then the longer path, then a fixed order of services. */
function before(a: Route, b: Route): number {
  if (a.weight !== b.weight) return b.weight - a.weight;
  if (a.path.length !== b.path.length) return b.path.length - a.path.length;
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  if (a.serviceKey !== b.serviceKey) return a.serviceKey < b.serviceKey ? -1 : 1;
  return a.portIndex - b.portIndex;
}

/**
 * All routes at one moment; never changes. Hosts are tried from the exact name over ever shorter wildcards to `*`;
 * within a host in the order of `before`. The first rule whose path fits is taken.
 */
export class RouteTable implements Router {
  readonly #byHost: ReadonlyMap<string, readonly Route[]>;

  private constructor(byHost: ReadonlyMap<string, readonly Route[]>) {
    this.#byHost = byHost;
  }

  static readonly empty = new RouteTable(new Map());

  /** The table without `gone` and with `come`; hosts that neither names keep their very lists. */
  with(gone: readonly Route[], come: readonly Route[]): RouteTable {
    if (gone.length === 0 && come.length === 0) return this;
    const byHost = new Map(this.#byHost);
    const leaving = new Set(gone);
    const touched = new Map<string, Route[]>();
    for (const host of new Set([...gone, ...come].map((r) => r.host)))
      touched.set(
        host,
        (byHost.get(host) ?? []).filter((r) => !leaving.has(r)),
      );
    for (const route of come) touched.get(route.host)?.push(route);
    for (const [host, routes] of touched) {
      if (routes.length === 0) byHost.delete(host);
      else byHost.set(host, routes.sort(before));
    }
    return new RouteTable(byHost);
  }

  match(query: RouteQuery): Route | NoMatch {
    const exact = this.#byHost.get(query.host);
    if (exact !== undefined) {
      for (const route of exact) if (query.path.startsWith(route.path)) return route;
    }
    return this.#matchWildcard(query, exact !== undefined);
  }

  #matchWildcard(query: RouteQuery, exactKnown: boolean): Route | NoMatch {
    let known = exactKnown;
    for (const routes of this.#wildcards(query.host)) {
      known = true;
      for (const route of routes) if (query.path.startsWith(route.path)) return route;
    }
    return known ? PATH_UNKNOWN : HOST_UNKNOWN;
  }

  explain(query: RouteQuery): readonly RuleTrace[] {
    const chosen = this.match(query);
    const traces: RuleTrace[] = [];
    let passed = false;
    for (const routes of [this.#byHost.get(query.host) ?? [], ...this.#wildcards(query.host)]) {
      for (const route of routes) {
        if (route === chosen) traces.push({ route, outcome: 'chosen' });
        else traces.push({ route, outcome: passed ? 'after-the-chosen-one' : 'path-differs' });
        passed ||= route === chosen;
      }
    }
    return traces;
  }

  *#wildcards(host: string): Generator<readonly Route[]> {
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const routes = this.#byHost.get(`*${host.slice(dot)}`);
      if (routes !== undefined) yield routes;
    }
    const any = this.#byHost.get('*');
    if (any !== undefined) yield any;
  }

  /** Every route, hosts in alphabetical order and each host's rules in the order they are tried. */
  *routes(): Generator<Route> {
    for (const host of [...this.#byHost.keys()].sort()) yield* this.#byHost.get(host) ?? [];
  }

  /** Rules that can never be reached: one of another service comes first and takes all their paths. */
  conflicts(): Problem[] {
    const problems: Problem[] = [];
    for (const routes of this.#byHost.values()) {
      const first = new Map<string, Route>();
      for (const route of routes) {
        const winner = firstPrefix(first, route.path);
        if (winner === undefined) first.set(route.path, route);
        else if (winner.backendKey !== route.backendKey) problems.push(hidden(route, winner));
      }
    }
    return problems;
  }
}

/** Of the rules that fit the path, the one that is tried first. */
function firstPrefix(rules: ReadonlyMap<string, Route>, path: string): Route | undefined {
  let first: Route | undefined;
  for (let n = 0; n <= path.length; n++) {
    const rule = rules.get(path.slice(0, n));
    if (rule !== undefined && (first === undefined || before(rule, first) < 0)) first = rule;
  }
  return first;
}

function hidden(route: Route, winner: Route): Problem {
  const by =
    winner.path === route.path
      ? winner.serviceKey
      : `${winner.serviceKey}, whose rule ${winner.host}${winner.path} comes first`;
  return {
    serviceKey: route.serviceKey,
    label: `HAPROXY_${route.portIndex}_VHOST`,
    reason:
      `${route.host}${route.path} is already taken by ${by}: choose another host or path, ` +
      `or give one of the two a higher HAPROXY_${route.portIndex}_BACKEND_WEIGHT`,
  };
}
