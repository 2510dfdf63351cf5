import type { Authorizer } from '../../core/access.ts';
import { guard } from '../../core/http/guard.ts';
import type { Access } from '../../core/http/guard.ts';
import { addOperationalRoutes } from '../../core/http/operational.ts';
import { plainGuard } from '../../core/http/plain-guard.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Health } from '../../core/health.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import type { Catalog } from '../../cluster/index.ts';
import { createAcl } from '../acl/acl.ts';
import { allowOnly } from '../acl/api-hook.ts';
import { mayTransfer } from '../acl/transfer.ts';
import type { DnsConfig } from '../config.ts';
import { enumerate } from '../zone/index.ts';
import type { SetAside, Zone, ZoneSettings } from '../zone/index.ts';
import { soaName } from '../soa-name.ts';
import type { Explainer } from '../explain/explainer.ts';
import { configEcho } from './config-echo.ts';
import { addExplain } from './explain.ts';
import { mesosDnsJson } from './json.ts';
import { hosts, services, transfer } from './lookups.ts';

export interface DnsApiParts {
  readonly config: DnsConfig;
  readonly catalog: Catalog;
  readonly zone: Zone;
  readonly settings: ZoneSettings;
  /** What the naming rules left out. */
  readonly setAside?: () => Iterable<SetAside>;
  readonly serial: () => number;
  readonly explainer: Pick<Explainer, 'explain'>;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Without it the API is open. */
  readonly access?: Access | undefined;
  /** Who gets a whole zone; absent: everybody. */
  readonly policy?: Authorizer | undefined;
}

/** Clients tell Mesos-DNS by this answer; the version is the newest one that we answer like. */
const VERSION = {
  Service: 'Mesos-DNS',
  URL: 'https://github.com/mesosphere/mesos-dns',
  Version: 'v0.9.3-rimrock',
};

interface Route {
  readonly path: string;
  readonly may?: (request: ApiRequest) => boolean;
  readonly answer: (request: ApiRequest) => unknown;
}

/** The HTTP API of Mesos-DNS (mesos-dns.md §9), `/rejected` of our own, and what every port of ours has. */
export function createDnsApi(parts: DnsApiParts): Api {
  const onBadPath = (reply: ApiReply): ApiReply => plain(reply, 400, '400: Bad Request');
  const api = createApi({ bodyLimitBytes: 64 * 1024, onBadPath });
  allowOnly(api, createAcl(parts.config.acl.api));
  guard(api, parts.access, plainGuard('dns', ['/v1/version']));
  for (const route of routes(parts)) addRoute(api, route);
  addNotYetRoute(api);
  addRejected(api, parts);
  addExplain(api, parts.explainer);
  addOperationalRoutes(api, { metrics: parts.metrics, health: parts.health });
  addErrors(api);
  return api;
}

function routes(parts: DnsApiParts): readonly Route[] {
  const { config, zone, random } = parts;
  const may = (request: ApiRequest): boolean => mayTransfer(parts.policy, request, [config.domain]);
  const listing: readonly Route[] = [
    { path: '/v1/enumerate', answer: () => enumerated(parts) },
    { path: '/v1/axfr', may, answer: () => zoneTransfer(parts) },
  ];
  return [
    { path: '/v1/version', answer: () => VERSION },
    { path: '/v1/config', answer: () => configEcho(config, parts.serial()) },
    { path: '/v1/hosts/:host', answer: (request) => hosts(zone, param(request, 'host'), random) },
    { path: '/v1/services/:service', answer: (request) => services(zone, param(request, 'service'), random) },
    ...(config.enumerationOn ? listing : []),
  ];
}

function enumerated(parts: DnsApiParts): unknown {
  const frameworks = enumerate(parts.catalog.current, parts.settings);
  return { frameworks: frameworks.length > 0 ? frameworks : null };
}

function zoneTransfer({ config, catalog, settings, serial }: DnsApiParts): unknown {
  return {
    TTL: config.ttlSeconds,
    Serial: serial(),
    RefreshSeconds: Number(config.mesosDnsConfig['RefreshSeconds'] ?? 60),
    Mname: soaName(config.soa.mname),
    Rname: soaName(config.soa.rname),
    Domain: config.domain,
    Records: transfer(catalog.current, settings),
  };
}

function param(request: ApiRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? '';
}

function addRoute(api: Api, route: Route): void {
  api.route({
    method: 'GET',
    url: route.path,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      if (route.may?.(request) === false) return plain(reply, 403, '403: Forbidden');
      if (!acceptsJson(request.headers.accept)) return plain(reply, 406, '406: Not Acceptable');
      // As bytes: to text fastify would add a charset, which Mesos-DNS does not send.
      const body = Buffer.from(mesosDnsJson(route.answer(request)));
      return reply.header('content-type', 'application/json').send(body);
    },
  });
  refuseOtherMethods(api, route.path);
}

/** Mesos-DNS has this route and never got to answer it. */
function addNotYetRoute(api: Api): void {
  const url = '/v1/hosts/:host/ports';
  api.route({
    method: 'GET',
    url,
    exposeHeadRoute: false,
    handler: async (_request, reply) => plain(reply, 501, 'To be implemented...'),
  });
  refuseOtherMethods(api, url);
}

/** What is missing from the names, and why: from the cluster's catalog and from the naming rules. */
function addRejected(api: Api, { catalog, zone, setAside }: DnsApiParts): void {
  api.get('/rejected', async () => [
    ...catalog.current.rejected.values(),
    ...(setAside?.() ?? []),
    ...zone
      .unservable()
      .map((r) => ({ kind: 'record', id: `${r.name} ${r.type} ${r.host}`, reason: r.reason })),
    ...zone.unservableNames().map(({ name, reason }) => ({ kind: 'record', id: name, reason })),
  ]);
}

function refuseOtherMethods(api: Api, url: string): void {
  api.route({
    method: ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    handler: async (_request, reply) => plain(reply, 405, '405: Method Not Allowed'),
  });
}

function addErrors(api: Api): void {
  api.setNotFoundHandler(async (request, reply) => {
    const [path = '', query] = request.url.split('?', 2);
    if (!path.includes('//')) return plain(reply, 404, '404: Page Not Found');
    const cleaned = path.replace(/\/{2,}/g, '/') + (query === undefined ? '' : `?${query}`);
    return reply.code(301).header('location', cleaned).send();
  });
  api.setErrorHandler<Error & { statusCode?: number }>(async (error, _request, reply) => {
    const status = error.statusCode ?? 500;
    return plain(reply, status, `${status}: ${status < 500 ? error.message : 'Internal Server Error'}`);
  });
}

function plain(reply: ApiReply, status: number, text: string): ApiReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(text);
}

// No header means anything goes; otherwise application/json or */* must be named.
function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const types = accept.split(',').map((t) => (t.split(';', 1)[0] ?? '').trim());
  return types.includes('application/json') || types.includes('*/*');
}
