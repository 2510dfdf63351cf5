import type { Endpoint, PickContext } from '../balancer/index.ts';
import type { Admission, Backend } from '../forward/index.ts';
import { FAILED, INCOMPLETE, RequestParser } from '../http1/index.ts';
import type { HeadLimits } from '../http1/index.ts';
import { reasons } from '../reasons.ts';
import type { ReasonCode } from '../reasons.ts';
import type { RouteTable } from '../router/index.ts';

export interface ExplainQuery {
  readonly method: string;
  /** `http://host/path`. */
  readonly url: string;
  /** `Name: value` each, besides Host. */
  readonly headers: readonly string[];
}

export interface ExplainParts {
  readonly limits: HeadLimits;
  readonly admission: Admission;
  readonly table: RouteTable;
  readonly backend: (key: string) => Backend | undefined;
  readonly ready: boolean;
  readonly now: number;
}

/** What would become of a request and why: the same parser, admission, table and balancer as for real ones. */
export function explain(query: ExplainQuery, parts: ExplainParts): Record<string, unknown> {
  const head = requestHead(query);
  const parser = new RequestParser(parts.limits);
  const parsed = parser.parse(head, 0, head.length);
  if (parsed === FAILED || parsed === INCOMPLETE) return refused(parser.error ?? 'bad-request-line');
  const admitted = parts.admission.admit(parser);
  if (typeof admitted === 'string') return refused(admitted);
  const request = { method: parser.method, host: admitted.host, path: admitted.path };
  if (!parts.ready) return { request, ...refused('not-ready') };
  const rules = parts.table.explain(admitted).map(({ route, outcome }) => ({
    host: route.host,
    path: route.path,
    weight: route.weight,
    service: route.serviceKey,
    portIndex: route.portIndex,
    outcome,
  }));
  const match = parts.table.match(admitted);
  if (match.kind === 'no-match') return { request, rules, ...refused('no-route') };
  const backend = parts.backend(match.backendKey);
  const ctx: PickContext = { now: parts.now, tried: [] };
  const endpoints = backend?.balancer.inspect(ctx) ?? [];
  const picked = backend?.balancer.peek(ctx);
  const result = {
    request,
    rules,
    service: match.serviceKey,
    portIndex: match.portIndex,
    balance: match.balance,
    endpoints: endpoints.map(({ endpoint, inFlight, eligibility }) => ({
      ...endpointView(endpoint),
      inFlight,
      eligibility,
    })),
  };
  if (picked !== undefined) return { ...result, picked: endpointView(picked) };
  return { ...result, ...refused(backend?.hasInstances ? 'no-endpoint-ready' : 'no-endpoints') };
}

export function endpointView(endpoint: Endpoint): Record<string, unknown> {
  return {
    task: endpoint.taskId,
    address: endpoint.ip.includes(':')
      ? `[${endpoint.ip}]:${endpoint.port}`
      : `${endpoint.ip}:${endpoint.port}`,
    phase: endpoint.phase,
    healthy: endpoint.healthy ?? null,
  };
}

function refused(reason: ReasonCode): Record<string, unknown> {
  return { answer: { reason, ...reasons[reason] } };
}

/** The request as it would come over the wire. */
function requestHead(query: ExplainQuery): Uint8Array {
  const parts = /^http:\/\/([^/?]*)(.*)$/i.exec(query.url);
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
