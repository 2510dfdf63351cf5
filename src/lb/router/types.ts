/** How instances are chosen. */
export type BalanceMethod = 'roundrobin' | 'leastconn';

/** One rule: requests for this host and path prefix go to this port of this service. Never changes. */
export interface Route {
  readonly kind: 'match';
  /** `<service key>#<port index>`: the set of endpoints it leads to. */
  readonly backendKey: string;
  readonly serviceKey: string;
  readonly portIndex: number;
  /** A host name, `*.suffix`, or `*`. */
  readonly host: string;
  /** Path prefix, compared as text as HAProxy's path_beg does; empty matches every path. */
  readonly path: string;
  /** Higher is considered earlier. */
  readonly weight: number;
  readonly balance: BalanceMethod;
}

export type Match = Route;

export interface NoMatch {
  readonly kind: 'no-match';
  /** Some route has this host, but none of its paths fits. */
  readonly hostKnown: boolean;
}

/** What routing looks at. */
export interface RouteQuery {
  /** Lower case, without port. */
  readonly host: string;
  /** Without the query. */
  readonly path: string;
}

/** One rule that was considered, in order, and what became of it. */
export interface RuleTrace {
  readonly route: Route;
  readonly outcome: 'chosen' | 'path-differs' | 'after-the-chosen-one';
}

export interface Router {
  match(query: RouteQuery): Match | NoMatch;
  /** The rules that `match` considers for this query, in its order. */
  explain(query: RouteQuery): readonly RuleTrace[];
}

/** A label, or a whole rule, that is left out or does not do what its author expects. */
export interface Problem {
  readonly serviceKey: string;
  /** The label's name; empty when it is about a rule as a whole. */
  readonly label: string;
  /** What is wrong and what to write instead. */
  readonly reason: string;
}

/** What the labels of one service say. */
export interface ServiceRouting {
  readonly routes: readonly Route[];
  readonly problems: readonly Problem[];
}
