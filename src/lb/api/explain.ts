import type { Endpoint, PickContext } from '../balancer/index.ts';
import { errorText } from '../../core/errors.ts';
import { addressOf } from '../forward/attempts.ts';
import { connectFailure } from '../forward/retry.ts';
import type { Admission, Backend, ClientFacts } from '../forward/index.ts';
import { FAILED, INCOMPLETE, RequestParser } from '../http1/index.ts';
import type { HeadLimits } from '../http1/index.ts';
import { forwardedClient } from '../middleware/index.ts';
import type { Chains, Refusal } from '../middleware/index.ts';
import { visitOf } from '../plane/http-routes.ts';
import type { CallPolicy } from '../plane/call-policy.ts';
import { RequestView } from '../plane/request-view.ts';
import { reasons } from '../reasons.ts';
import { given } from '../rules/given.ts';
import { chooseTarget } from '../router/index.ts';
import type { Route, RouteTable } from '../router/index.ts';

export interface ExplainQuery {
  readonly method: string;
  /** `http://host/path` or `https://host/path`. */
  readonly url: string;
  /** `Name: value` each, besides Host. */
  readonly headers: readonly string[];
  /** Name of the listener that it comes by; the scheme unless said. */
  readonly listener?: string;
  /** Address of the client; 127.0.0.1 unless said. */
  readonly client?: string;
  /** SPIFFE id of the client's certificate; none unless said. */
  readonly peer?: string;
}

export interface ExplainParts {
  readonly limits: HeadLimits;
  readonly admission: Admission;
  readonly table: RouteTable;
  readonly chains: Chains;
  readonly policy: CallPolicy;
  readonly isTrusted: (ip: string) => boolean;
  readonly backend: (key: string) => Backend | undefined;
  readonly ready: boolean;
  readonly now: number;
}

/** What would become of a request and why: the same parser, admission, table, middlewares and balancer as for real ones. */
export function explain(query: ExplainQuery, parts: ExplainParts): Record<string, unknown> {
  const head = requestHead(query);
  const parser = new RequestParser(parts.limits);
  const parsed = parser.parse(head, 0, head.length);
  if (parsed === FAILED || parsed === INCOMPLETE)
    return refused({ reason: parser.error ?? 'bad-request-line' });
  const admitted = parts.admission.admit(parser);
  if (typeof admitted === 'string') return refused({ reason: admitted });
  const client = factsOf(query, parts);
  if (client.trusted) admitted.client = forwardedClient(parser.fields, parts.isTrusted);
  const request = {
    method: parser.method,
    host: admitted.host,
    path: admitted.path,
    listener: listenerOf(query),
    client: admitted.client ?? client.ip,
  };
  if (!parts.ready) return { request, ...refused({ reason: 'not-ready' }) };
  const view = new RequestView(parser).of(admitted, request.listener);
  const rules = parts.table.explain(view).map(({ route, outcome, detail }) => ({
    ...ruleView(route),
    outcome,
    ...(detail === undefined ? {} : { detail }),
  }));
  const match = parts.table.match(view);
  if (match.kind === 'no-match') return { request, rules, ...refused({ reason: 'no-route' }) };
  const before = { request, rules, route: match.id };
  const chain = parts.chains.of(match).explain(visitOf(parser, admitted, client, parts.now, false));
  const middlewares = match.middlewares.length === 0 ? {} : { middlewares: chain.steps };
  if (chain.refusal !== undefined) return { ...before, ...middlewares, ...refused(chain.refusal) };
  // Of several targets it explains one that may be chosen: the one that the canary asks for, else the first with a weight.
  const target = chooseTarget(match, 0, view);
  const call = { peer: query.peer, method: parser.method, path: admitted.path };
  const denial = parts.policy.denial(match, target, call);
  if (denial !== undefined)
    return {
      ...before,
      ...middlewares,
      service: target.serviceKey,
      ...refused({
        reason: 'policy-denied',
        detail: `rule '${denial.rule}' of policy version ${denial.version}`,
      }),
    };
  const chosen = parts.backend(target.backendKey);
  return {
    ...before,
    ...middlewares,
    ...targetsOf(match),
    target: admitted.target,
    service: target.serviceKey,
    portIndex: target.portIndex,
    balance: match.balance,
    ...given({ upstream: chosen?.policy.upstream }),
    ...balancing(chosen, parts.now),
  };
}

/** What the balancer says of each endpoint, and which it would pick. */
function balancing(backend: Backend | undefined, now: number): Record<string, unknown> {
  const ctx: PickContext = { now, tried: [] };
  const endpoints = (backend?.balancer.inspect(ctx) ?? []).map(
    ({ endpoint, inFlight, eligibility, latencyMs, share }) => ({
      ...endpointView(endpoint),
      inFlight,
      eligibility,
      latencyMs: latencyMs ?? null,
      share,
      ...failureOf(backend?.failure(endpoint)),
    }),
  );
  const picked = backend?.balancer.peek(ctx);
  const state = backend === undefined ? {} : { state: backend.balancer.state(now) };
  if (picked !== undefined) return { endpoints, ...state, picked: endpointView(picked) };
  if (backend?.balancer.overflowed === true)
    return { endpoints, ...state, ...refused({ reason: 'overloaded' }) };
  const reason = backend?.hasInstances ? 'no-endpoint-ready' : 'no-endpoints';
  return { endpoints, ...state, ...refused({ reason }) };
}

/** Why nobody has come to the endpoint the last time. */
function failureOf(error: Error | undefined): Record<string, unknown> {
  return error === undefined ? {} : { failure: { cause: connectFailure(error), text: errorText(error) } };
}

/** All services that a rule leads to, where there are several. */
export function targetsOf({ targets }: Route): Record<string, unknown> {
  if (targets.length === 1) return {};
  return {
    targets: targets.map(({ serviceKey, portIndex, weight }) => ({ service: serviceKey, portIndex, weight })),
  };
}

/** A rule in short. */
export function ruleView(route: Route): Record<string, unknown> {
  const { id, host, path, weight, priority, serviceKey, portIndex, source, tls } = route;
  return { id, host, path, priority, weight, service: serviceKey, portIndex, source, ...given({ tls }) };
}

export function endpointView(endpoint: Endpoint): Record<string, unknown> {
  return {
    task: endpoint.taskId,
    address: addressOf(endpoint),
    phase: endpoint.phase,
    healthy: endpoint.healthy ?? null,
  };
}

function refused({ reason, status = reasons[reason].status, detail }: Refusal): Record<string, unknown> {
  const { text } = reasons[reason];
  return { answer: { reason, status, text, ...(detail === undefined ? {} : { detail }) } };
}

const isHttps = ({ url }: ExplainQuery): boolean => /^https:/i.test(url);

const listenerOf = (query: ExplainQuery): string => query.listener ?? (isHttps(query) ? 'https' : 'http');

function factsOf(query: ExplainQuery, { isTrusted }: ExplainParts): ClientFacts {
  const ip = query.client ?? '127.0.0.1';
  return { ip, trusted: isTrusted(ip), port: 0, secure: isHttps(query) };
}

/** The request as it would come over the wire. */
function requestHead(query: ExplainQuery): Uint8Array {
  const parts = /^https?:\/\/([^/?]*)(.*)$/i.exec(query.url);
  const host = parts?.[1] ?? '';
  const rest = parts?.[2] ?? query.url;
  const target = rest.startsWith('/') || parts === null ? rest : `/${rest}`;
  const named = query.headers.some((h) => /^host:/i.test(h));
  const lines = [
    `${query.method} ${target} HTTP/1.1`,
    ...(named || parts === null ? [] : [`Host: ${host}`]),
    ...query.headers,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}
