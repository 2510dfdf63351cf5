import type { BalanceMethod } from '../balancer/policy.ts';
import { namedRouteId } from '../router/ids.ts';
import { parseHosts } from '../router/label-values.ts';
import { TCP_MIDDLEWARES } from '../router/middleware.ts';
import type { Middleware } from '../router/middleware.ts';
import type {
  HeaderMatcher,
  PathKind,
  QueryMatcher,
  Route,
  RouteTls,
  Target,
  TlsTerms,
} from '../router/types.ts';
import { given } from './given.ts';
import type { HttpRule, TcpRule } from './schema.ts';

/** A rule is one route for each host and path; this many are enough. */
const MOST_ROUTES = 1_000;

/** A named rule of labels or of the configuration, apart from what it matches. */
export interface RuleFrame {
  /** Service key, or that of the configuration: the first part of the routes' ids. */
  readonly owner: string;
  readonly name: string;
  /** At least one. */
  readonly targets: readonly Target[];
  readonly balance: BalanceMethod;
  readonly source: readonly string[];
  /** A middleware by its name. */
  readonly middleware: (name: string) => Middleware | undefined;
  /** The rule cannot be had; `option` is the name of the option it is about. */
  readonly complain: (option: string, reason: string) => void;
}

/** The routes of an HTTP rule: one for each host and path. Empty, with a complaint, where something in it cannot be had. */
export function httpRoutes(rule: HttpRule, frame: RuleFrame): Route[] {
  const { complain } = frame;
  const guarded = rule.tls?.clientAuth === 'require';
  const listeners = rule.listeners ?? (guarded ? ['https'] : ['http', 'https']);
  const tls = httpTls(rule, listeners);
  if (typeof tls === 'string') {
    complain('tls', tls);
    return [];
  }
  const middlewares = resolve(rule.middlewares, frame, undefined);
  if (middlewares === undefined) return [];
  const conditions = conditionsOf(rule);
  const [hosts, paths] = [hostsOf(rule.host), pathsOf(rule)];
  if (hosts.length * paths.length > MOST_ROUTES) {
    complain('host', `the rule is not published: more than ${MOST_ROUTES} pairs of host and path`);
    return [];
  }
  const routes: Route[] = [];
  for (const host of hosts) {
    for (const [pathKind, path] of paths) {
      routes.push({
        ...base(frame, rule.priority, middlewares, tls),
        id: namedRouteId(frame.owner, frame.name, `${host} ${pathKind} ${path}`),
        protocol: 'http',
        listeners,
        host,
        path,
        pathKind,
        ...conditions,
        // As in marathon-lb: rules with a path go before those without.
        weight: path === '' ? 0 : 1,
      });
    }
  }
  return routes;
}

/** The routes of a TCP rule: one for each name. */
export function tcpRoutes(rule: TcpRule, frame: RuleFrame): Route[] {
  const hosts = hostsOf(rule.host);
  const bySni = hosts.some((host) => host !== '*');
  const ends = rule.certificate !== undefined || Object.keys(rule.tls ?? {}).some((key) => key !== 'mode');
  const mode = rule.tls?.mode ?? (ends ? 'terminate' : bySni ? ('passthrough' as const) : undefined);
  if (mode === 'passthrough' && rule.certificate !== undefined) {
    frame.complain('certificate', 'with passthrough the instance has the certificate: remove one of the two');
    return [];
  }
  const terms = termsOf(rule.tls);
  if (mode === 'passthrough' && Object.keys(terms).length > 0) {
    frame.complain(
      'tls',
      'with passthrough the instance says how TLS is spoken: leave these out, or let TLS end here',
    );
    return [];
  }
  const middlewares = resolve(rule.middlewares, frame, TCP_MIDDLEWARES);
  if (middlewares === undefined) return [];
  const tls = mode === undefined ? undefined : tlsOf(mode, rule.certificate, terms);
  return hosts.map((host) => ({
    ...base(frame, rule.priority, middlewares, tls),
    id: namedRouteId(frame.owner, frame.name, `tcp ${host}`),
    protocol: 'tcp',
    listeners: rule.listeners,
    host,
    path: '',
    pathKind: 'prefix',
    weight: 0,
  }));
}

function base(
  frame: RuleFrame,
  priority: number | undefined,
  middlewares: readonly Middleware[],
  tls: RouteTls | undefined,
): Pick<
  Route,
  | 'kind'
  | 'backendKey'
  | 'serviceKey'
  | 'portIndex'
  | 'priority'
  | 'balance'
  | 'targets'
  | 'middlewares'
  | 'tls'
  | 'source'
> {
  const { targets, balance, source } = frame;
  const first = targets[0];
  if (first === undefined) throw new Error(`rule ${frame.name} has no target`);
  const { backendKey, serviceKey, portIndex } = first;
  return {
    kind: 'match',
    backendKey,
    serviceKey,
    portIndex,
    priority: priority ?? 0,
    balance,
    targets,
    middlewares,
    ...(tls === undefined ? {} : { tls }),
    source,
  };
}

function resolve(
  names: readonly string[] | undefined,
  frame: RuleFrame,
  kinds: readonly Middleware['kind'][] | undefined,
): readonly Middleware[] | undefined {
  const middlewares: Middleware[] = [];
  let sound = true;
  const refuse = (reason: string): void => {
    frame.complain('middlewares', `the rule is not published: ${reason}`);
    sound = false;
  };
  for (const name of names ?? []) {
    const middleware = frame.middleware(name);
    if (middleware === undefined) refuse(`there is no sound middleware '${name}'`);
    else if (kinds !== undefined && !kinds.includes(middleware.kind))
      refuse(`'${name}' is a ${middleware.kind}, which TCP cannot have: only ${kinds.join(', ')}`);
    else middlewares.push(middleware);
  }
  return sound ? middlewares : undefined;
}

function httpTls(rule: HttpRule, listeners: readonly string[]): RouteTls | undefined | string {
  if (rule.tls === undefined && rule.certificate === undefined) return undefined;
  if (listeners.includes('http') && listeners.length === 1)
    return 'the listener http has no TLS: write https or port:<number>';
  if (listeners.includes('http') && rule.tls?.clientAuth === 'require')
    return 'the listener http has no certificates of clients: leave it out where they are required';
  if (rule.tls?.mode !== 'acme') return tlsOf('terminate', rule.certificate, termsOf(rule.tls));
  if (rule.certificate !== undefined)
    return 'with acme there is no certificate to choose: remove one of the two';
  return { ...tlsOf('terminate', undefined, termsOf(rule.tls)), acme: true };
}

const tlsOf = (mode: RouteTls['mode'], certificate: string | undefined, terms: TlsTerms): RouteTls => ({
  mode,
  ...given({ certificate }),
  ...terms,
});

function termsOf({
  minVersion,
  clientAuth,
  clientCa,
}: NonNullable<HttpRule['tls']> | NonNullable<TcpRule['tls']> = {}): TlsTerms {
  const asked = clientAuth === 'none' ? undefined : clientAuth;
  return given({
    minVersion: minVersion === undefined ? undefined : (`TLSv${minVersion}` as const),
    clientAuth: asked,
    clientTrust: asked && (clientCa ?? 'identity'),
  });
}

/** Hosts as routes have them: lower case, each once; the schema has checked them. */
const hostsOf = (hosts: readonly string[] | undefined): readonly string[] =>
  hosts === undefined ? ['*'] : parseHosts(hosts.join(','), () => {});

/** The paths of a rule, one of which must fit; a prefix of `/` is every path. */
function pathsOf(rule: HttpRule): (readonly [PathKind, string])[] {
  const paths = new Map<string, readonly [PathKind, string]>();
  const add = (kind: PathKind, path: string): void => void paths.set(`${kind} ${path}`, [kind, path]);
  for (const path of rule.path ?? []) add('exact', path);
  for (const path of rule.pathPrefix ?? []) {
    if (path === '/') add('prefix', '');
    else add('segments', path.replace(/\/+$/, ''));
  }
  if (rule.pathRegex !== undefined) add('regex', rule.pathRegex);
  if (paths.size === 0) add('prefix', '');
  return [...paths.values()];
}

function conditionsOf(rule: HttpRule): Pick<Route, 'methods' | 'headers' | 'query'> {
  const headers: HeaderMatcher[] = [
    ...Object.entries(rule.header ?? {}).map(([name, value]) => wanted(name.toLowerCase(), value)),
    ...Object.entries(rule.headerRegex ?? {}).map(([name, regex]) => ({ name: name.toLowerCase(), regex })),
  ];
  const query: QueryMatcher[] = Object.entries(rule.query ?? {}).map(([name, value]) => wanted(name, value));
  return {
    ...(rule.method === undefined
      ? {}
      : { methods: [...new Set(rule.method.map((method) => method.toUpperCase()))].sort() }),
    ...(headers.length === 0 ? {} : { headers }),
    ...(query.length === 0 ? {} : { query }),
  };
}

const wanted = (name: string, value: string): { readonly name: string; readonly equals?: string } =>
  value === '*' ? { name } : { name, equals: value };
