import type { Random } from '../../core/random.ts';
import type { Admitted, Backend, ClientFacts } from '../forward/index.ts';
import type { RequestParser } from '../http1/index.ts';
import { Chains, forwardedClient, forwardedSecurely, tiedTarget, tieTo } from '../middleware/index.ts';
import type { Refusal, Visit } from '../middleware/index.ts';
import { canaryTarget, chooseTarget } from '../router/index.ts';
import type { Route, RouteTable, Target } from '../router/index.ts';
import type { Routed } from '../server/edge.ts';
import { tlsRefusal } from '../tls/index.ts';
import type { CallPolicy } from './call-policy.ts';
import { RequestView } from './request-view.ts';

export interface HttpRoutesParts {
  /** Holds the head of the request that is being routed. */
  readonly requests: RequestParser;
  readonly isTrusted: (ip: string) => boolean;
  readonly random: Random;
  readonly chains: Chains;
  readonly policy: CallPolicy;
  readonly backend: (key: string) => Backend | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** What is known of the routes. */
export interface KnownRoutes {
  readonly table: RouteTable;
  readonly ready: boolean;
}

/** Where HTTP requests go: rule, middlewares, target. */
export class HttpRoutes {
  readonly #parts: HttpRoutesParts;
  readonly #view: RequestView;

  constructor(parts: HttpRoutesParts) {
    this.#parts = parts;
    this.#view = new RequestView(parts.requests);
  }

  /** `request` was admitted from the head that `requests` holds now. Notes in it what it finds. */
  route(
    { table, ready }: KnownRoutes,
    request: Admitted,
    listener: string,
    client: ClientFacts,
    resumed: boolean,
  ): Routed {
    const { requests, isTrusted, policy } = this.#parts;
    const view = this.#view.of(request, listener);
    if (client.trusted) request.client = forwardedClient(requests.fields, isTrusted);
    const match = table.match(view);
    if (match.kind === 'no-match') return ready ? noRoute(request, match.hostKnown) : { reason: 'not-ready' };
    request.route = match;
    const unsafe = match.tls && tlsRefusal(match.tls, request.host, client);
    if (unsafe !== undefined) return unsafe;
    if (match.middlewares.length > 0) {
      const refused = this.#middlewares(match, request, client, resumed);
      if (refused !== undefined) return refused;
    }
    const target = match.targets.length === 1 ? match : this.#target(match, request, view);
    const { backendKey, serviceKey } = target;
    request.serviceKey = serviceKey;
    if (policy.asks) {
      const call = { peer: client.peer, method: requests.method, path: request.path };
      if (policy.denies(match, target, call, request.client ?? client.ip)) return { reason: 'policy-denied' };
    }
    const backend = this.#parts.backend(backendKey);
    return backend === undefined ? { reason: 'no-endpoints', detail: serviceKey } : { backend };
  }

  #middlewares(
    match: Route,
    request: Admitted,
    client: ClientFacts,
    resumed: boolean,
  ): Exclude<Routed, { readonly backend: Backend }> | undefined {
    const { chains, requests, now } = this.#parts;
    const visit = visitOf(requests, request, client, now(), resumed);
    const result = chains.of(match).run(visit);
    if ('hold' in result) return result;
    const refused = 'reason' in result;
    request.passage = refused ? result.passage : result;
    return refused ? result : undefined;
  }

  /** Of several targets: the one that the request asks for, the one it is tied to, else one by chance. */
  #target(match: Route, request: Admitted, view: RequestView): Target {
    const { random, backend } = this.#parts;
    const canary = canaryTarget(match, view);
    if (canary !== undefined) return canary;
    for (const { backendKey } of match.targets) {
      const sticky = backend(backendKey)?.policy.sticky;
      if (sticky === undefined) continue;
      const tied = tiedTarget(match, sticky.cookie, (name) => view.cookie(name));
      if (tied !== undefined) return tied;
      const chosen = chooseTarget(match, random.next(), view);
      request.tie = tieTo(chosen, sticky.cookie, sticky.maxAgeSeconds);
      return chosen;
    }
    return chooseTarget(match, random.next(), view);
  }
}

/** A request as its middlewares see it. */
export function visitOf(
  head: RequestParser,
  request: Admitted,
  client: ClientFacts,
  now: number,
  resumed: boolean,
): Visit {
  return {
    head,
    request,
    client: request.client ?? client.ip,
    secure: client.secure || (client.trusted && forwardedSecurely(head.fields)),
    now,
    resumed,
  };
}

function noRoute({ host }: Admitted, hostKnown: boolean): Refusal {
  const detail = hostKnown
    ? `host ${host} is known, but none of its paths fits; GET /explain on the admin port tells more`
    : `host ${host}; GET /routes on the admin port lists what is published`;
  return { reason: 'no-route', detail };
}
