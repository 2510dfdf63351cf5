import type { BackendPolicy, BalanceMethod } from '../balancer/policy.ts';
import type { Middleware } from './middleware.ts';

export type { BalanceMethod };

/**
 * How `path` of a route is compared: `prefix` as text, as HAProxy's path_beg does (empty fits every path); `segments`
 * as whole segments (`/a` fits `/a` and `/a/b`, not `/ab`); `exact`; `regex` as a whole (`compileRegex`).
 */
export type PathKind = 'prefix' | 'segments' | 'exact' | 'regex';

/** A header field that must be there; with `equals` or `regex` its value (fields of one name joined with `, `) must fit. */
export interface HeaderMatcher {
  /** Lower case. */
  readonly name: string;
  readonly equals?: string;
  readonly regex?: string;
}

/** A parameter of the query that must be there; with `equals` its first value must be this. */
export interface QueryMatcher {
  readonly name: string;
  readonly equals?: string;
}

/** A header field or cookie that leads to a target. */
export interface CanaryMatcher {
  readonly of: 'header' | 'cookie';
  /** Header names in lower case. */
  readonly name: string;
  /** Absent: any value. */
  readonly equals?: string;
}

/** A set of endpoints that a route leads to. */
export interface Target {
  /** `<service key>#<port index>`. */
  readonly backendKey: string;
  readonly serviceKey: string;
  readonly portIndex: number;
  /** Share among the targets of the route; 0: only by `canary`. */
  readonly weight: number;
  /** Requests that carry any of these come here whatever the weights say. */
  readonly canary?: readonly CanaryMatcher[];
}

/** What TLS with clients has to be for a route. What is absent is as the configuration says. */
export interface TlsTerms {
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Whether clients are asked for a certificate, and whether they must have one; absent: not asked. */
  readonly clientAuth?: 'request' | 'require';
  /** What their certificates are judged by: `identity` or the name of an authority of the configuration. */
  readonly clientTrust?: string;
}

/** What TLS does for a route: `passthrough` gives the encrypted stream to the instance (TCP only). */
export interface RouteTls extends TlsTerms {
  readonly mode: 'terminate' | 'passthrough';
  /** Name or path of a certificate; absent: chosen by the name that the client asks for. */
  readonly certificate?: string;
  /** A public certificate is to be obtained for the host. */
  readonly acme?: true;
}

/** One rule: where the requests go that fit all it says. Plain data that never changes. */
export interface Route {
  readonly kind: 'match';
  /** Unique, and the same as long as the rule stays: `<service key>#<port>/<host><path>` or `<service key>/<name>/…`. */
  readonly id: string;
  readonly protocol: 'http' | 'tcp';
  /** `http`, `https`, `port:10000`. */
  readonly listeners: readonly string[];
  /** A host name, `*.suffix`, or `*`; for TCP the name that the client asks for in TLS (SNI). */
  readonly host: string;
  readonly path: string;
  readonly pathKind: PathKind;
  readonly methods?: readonly string[];
  readonly headers?: readonly HeaderMatcher[];
  readonly query?: readonly QueryMatcher[];
  /** Higher is considered earlier, over all hosts; 0 unless said. */
  readonly priority: number;
  /** Higher is considered earlier among the rules of one host (marathon-lb's BACKEND_WEIGHT). */
  readonly weight: number;
  /** The first of `targets`. */
  readonly backendKey: string;
  readonly serviceKey: string;
  readonly portIndex: number;
  readonly balance: BalanceMethod;
  /** At least one. */
  readonly targets: readonly Target[];
  /** In the order in which they run. */
  readonly middlewares: readonly Middleware[];
  readonly tls?: RouteTls;
  /** The labels, or the path in the configuration, that say it. */
  readonly source: readonly string[];
}

export type Match = Route;

export interface NoMatch {
  readonly kind: 'no-match';
  /** Some route has this host, but none of its rules fits. */
  readonly hostKnown: boolean;
}

/** What routing looks at. What is optional is read only when a rule asks for it. */
export interface RouteQuery {
  /** Lower case, without port. */
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  /** Where the request came in; `http` when absent. */
  readonly listener?: string;
  readonly method?: string;
  /** Value of a header field (name in lower case; several fields joined with `, `), undefined without one. */
  header?(name: string): string | undefined;
  /** First value of a query parameter, decoded; undefined without one. */
  query?(name: string): string | undefined;
}

export type RuleOutcome =
  | 'chosen'
  | 'path-differs'
  | 'method-differs'
  | 'header-differs'
  | 'query-differs'
  | 'after-the-chosen-one';

/** One rule that was considered, in order, and what became of it. */
export interface RuleTrace {
  readonly route: Route;
  readonly outcome: RuleOutcome;
  /** What was asked for where it failed, such as `header x-version = 2`. */
  readonly detail?: string;
}

export interface Router {
  match(query: RouteQuery): Match | NoMatch;
  /** The rules that `match` considers for this query, in its order. */
  explain(query: RouteQuery): readonly RuleTrace[];
}

/** A label, or a whole rule, that is left out or does not do what its author expects. */
export interface Problem {
  /** The service, or `config` for the configuration file. */
  readonly serviceKey: string;
  /** The label's name or the path in the configuration; empty when it is about a rule as a whole. */
  readonly label: string;
  /** What is wrong and what to write instead. */
  readonly reason: string;
}

/** A set of endpoints that some route leads to. */
export interface BackendWish {
  /** `<service key>#<port index>`. */
  readonly key: string;
  readonly serviceKey: string;
  readonly portIndex: number;
  readonly policy: BackendPolicy;
}

/** What the labels of one service, or the configuration, say. */
export interface ServiceRouting {
  readonly routes: readonly Route[];
  readonly problems: readonly Problem[];
  /** Settings of the backends that its routes lead to; backends without any have the defaults. */
  readonly policies: ReadonlyMap<string, BackendPolicy>;
  /** Routes that share their requests with those of the same group, by route id. */
  readonly groups: ReadonlyMap<string, string>;
}
