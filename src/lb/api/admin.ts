import { isIP } from 'node:net';
import { guard } from '../../core/http/guard.ts';
import type { Access } from '../../core/http/guard.ts';
import { addOperationalRoutes } from '../../core/http/operational.ts';
import { plainGuard } from '../../core/http/plain-guard.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Health } from '../../core/health.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { LbConfig } from '../config.ts';
import type { BackendSpec, PlaneQuestion } from '../plane/messages.ts';
import type { Problem, Route, RouteTable } from '../router/index.ts';
import type { VipLayer } from '../vip/index.ts';
import { addEndpointRoutes } from './endpoints.ts';
import type { EndpointsParts } from './endpoints.ts';
import { endpointView, ruleView, targetsOf } from './explain.ts';
import { addHaproxyRoutes } from './haproxy.ts';
import type { HaproxyParts } from './haproxy.ts';
import { shownConfig } from './shown-config.ts';
import { liveEndpoints } from './live.ts';
import type { LiveEndpoints } from './live.ts';

export interface AdminParts extends EndpointsParts, HaproxyParts {
  /** What runs the traffic, and the newest version of the routes. */
  readonly planes: () => { readonly version: number; readonly planes: readonly unknown[] };
  /** The settings in effect. */
  readonly config: () => LbConfig;
  readonly metrics: Metrics;
  /** Without it the API is open. */
  readonly access?: Access | undefined;
  readonly health: Health;
  readonly table: () => RouteTable;
  readonly problems: () => readonly Problem[];
  readonly vips?: Pick<VipLayer, 'view' | 'setAside'> | undefined;
  /** A backend as the planes know it. */
  readonly spec: (key: string) => BackendSpec | undefined;
  /** The ports that services have for themselves. */
  readonly listeners: () => readonly unknown[];
  /** The certificates that clients are shown. */
  readonly certificates: () => readonly unknown[];
  /** What active checks have found. */
  readonly checks: () => readonly unknown[];
  /** What the first plane says that answers; undefined when none does in time. */
  readonly askOne: (question: PlaneQuestion) => Promise<unknown>;
  /** What those planes say that answer in time. */
  readonly askAll: (question: PlaneQuestion) => Promise<readonly unknown[]>;
}

/** The admin API: what is routed where, why, and what was set aside; it changes nothing but what is drained by hand. */
export function createAdminApi(parts: AdminParts): Api {
  const api = createApi();
  // Load balancers in front of this one ask whether it is there.
  guard(api, parts.access, plainGuard('lb', ['/_haproxy_health_check']));
  addOperationalRoutes(api, parts);
  addHaproxyRoutes(api, parts);
  addEndpointRoutes(api, parts);
  api.get('/config', async () => ({ lb: shownConfig(parts.config()) }));
  api.get('/planes', async () => parts.planes());
  api.get('/routes', async () => {
    const routes = [...parts.table().routes()];
    const live = await liveEndpoints(new Set(routes.map((route) => route.backendKey)), parts.askAll);
    return { routes: routes.map((route) => view(route, parts, live)) };
  });
  api.get('/rejected', async () => ({
    rejected: [
      ...parts.problems().map(({ serviceKey, label, reason }) => ({ service: serviceKey, label, reason })),
      ...Array.from(parts.vips?.setAside() ?? [], ({ id, reason }) => ({ vip: id, reason })),
    ],
  }));
  api.get(
    '/vips',
    async () => parts.vips?.view() ?? { mode: 'off', reason: 'not part of this role', vips: [] },
  );
  api.get('/service-ports', async () => ({ servicePorts: parts.listeners() }));
  api.get('/certificates', async () => ({ certificates: parts.certificates() }));
  api.get('/checks', async () => ({ checks: parts.checks() }));
  api.get('/explain', async (request, reply) => {
    const query = request.query as Record<string, string | string[] | undefined>;
    const url = one(query['url']);
    if (url === undefined || !/^https?:\/\/./i.test(url))
      return reply.code(400).send({
        error:
          "parameter 'url' is missing or neither http://host/path nor https://host/path: write /explain?method=GET&url=http://host/path",
      });
    const headers = query['header'] ?? [];
    const listener = one(query['listener']);
    const client = one(query['client']);
    const peer = one(query['peer']);
    if (client !== undefined && isIP(client) === 0)
      return reply.code(400).send({ error: "parameter 'client' is no address: write client=10.0.0.5" });
    const explained = await parts.askOne({
      ask: 'explain',
      method: one(query['method'])?.toUpperCase() ?? 'GET',
      url,
      headers: typeof headers === 'string' ? [headers] : headers,
      ...(listener === undefined ? {} : { listener }),
      ...(client === undefined ? {} : { client }),
      ...(peer === undefined ? {} : { peer }),
    });
    return (
      explained ?? reply.code(503).send({ error: 'no thread of the load balancer answers now: ask again' })
    );
  });
  return api;
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function view(route: Route, parts: AdminParts, live: LiveEndpoints): Record<string, unknown> {
  const endpoints = parts.spec(route.backendKey)?.endpoints ?? [];
  return {
    ...ruleView(route),
    protocol: route.protocol,
    listeners: route.listeners,
    middlewares: route.middlewares.map(({ kind }) => kind),
    ...targetsOf(route),
    balance: route.balance,
    endpoints: endpoints.map((endpoint) => ({
      ...endpointView(endpoint),
      // Null: no plane has said.
      inFlight: null,
      waiting: null,
      eligibility: null,
      ...live.get(route.backendKey)?.get(endpoint.key),
    })),
  };
}
