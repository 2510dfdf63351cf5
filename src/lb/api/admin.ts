import { addOperationalRoutes } from '../../core/http/operational.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Health } from '../../core/health.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Backend } from '../forward/index.ts';
import type { Problem, Route, RouteTable } from '../router/index.ts';
import { endpointView, explain } from './explain.ts';
import type { ExplainParts } from './explain.ts';

export interface AdminParts {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly table: () => RouteTable;
  readonly problems: () => readonly Problem[];
  readonly backend: (key: string) => Backend | undefined;
  readonly explain: () => ExplainParts;
  readonly now: () => number;
}

/** The read-only admin API: what is routed where, why, and what was set aside. */
export function createAdminApi(parts: AdminParts): Api {
  const api = createApi();
  addOperationalRoutes(api, parts);
  api.get('/_haproxy_health_check', async () => 'ok');
  api.get('/routes', async () => ({
    routes: [...parts.table().routes()].map((route) => view(route, parts)),
  }));
  api.get('/rejected', async () => ({
    rejected: parts
      .problems()
      .map(({ serviceKey, label, reason }) => ({ service: serviceKey, label, reason })),
  }));
  api.get('/explain', async (request, reply) => {
    const query = request.query as Record<string, string | string[] | undefined>;
    const url = one(query['url']);
    if (url === undefined || !/^http:\/\/./i.test(url))
      return reply.code(400).send({
        error:
          "parameter 'url' is missing or not http://host/path: write /explain?method=GET&url=http://host/path",
      });
    const headers = query['header'] ?? [];
    return explain(
      {
        method: one(query['method'])?.toUpperCase() ?? 'GET',
        url,
        headers: typeof headers === 'string' ? [headers] : headers,
      },
      parts.explain(),
    );
  });
  return api;
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function view(route: Route, parts: AdminParts): Record<string, unknown> {
  const backend = parts.backend(route.backendKey);
  return {
    host: route.host,
    path: route.path,
    weight: route.weight,
    service: route.serviceKey,
    portIndex: route.portIndex,
    balance: route.balance,
    endpoints: (backend?.balancer.inspect({ now: parts.now(), tried: [] }) ?? []).map(
      ({ endpoint, inFlight, eligibility }) => ({ ...endpointView(endpoint), inFlight, eligibility }),
    ),
  };
}
