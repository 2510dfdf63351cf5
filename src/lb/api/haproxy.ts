import type { Service } from '../../cluster/index.ts';
import type { Api, ApiReply } from '../../core/http/server.ts';
import { escaped } from '../forward/own-answer.ts';
import { ServiceStats } from '../metrics.ts';
import type { BackendSpec, PlaneQuestion } from '../plane/messages.ts';
import type { Route, RouteTable } from '../router/index.ts';
import { haproxyConfig } from './haproxy-config.ts';
import type { NamedBackend } from './haproxy-config.ts';
import { appId, backendName, serverName } from './haproxy-names.ts';
import { statsCsv, statusOf } from './haproxy-stats.ts';
import type { StatsRow } from './haproxy-stats.ts';
import { liveEndpoints } from './live.ts';
import type { LiveEndpoints } from './live.ts';

export interface HaproxyParts {
  readonly table: () => RouteTable;
  readonly spec: (key: string) => BackendSpec | undefined;
  readonly service: (key: string) => Service | undefined;
  readonly stats: (key: string) => ServiceStats | undefined;
  /** What has passed over TCP connections to it. */
  readonly tcp: (key: string) => { readonly bytesIn: number; readonly bytesOut: number } | undefined;
  readonly askAll: (question: PlaneQuestion) => Promise<readonly unknown[]>;
  readonly pid: number;
}

/** The control endpoints of marathon-lb, for the tools that were written for it (zdd.py, scripts that grep). */
export function addHaproxyRoutes(api: Api, parts: HaproxyParts): void {
  const text = (reply: ApiReply, body: string, type = 'text/plain'): ApiReply =>
    reply.header('content-type', `${type}; charset=utf-8`).send(body);
  api.get('/_haproxy_health_check', async () => 'ok');
  api.get('/_haproxy_getpids', async (_request, reply) => text(reply, `${parts.pid}\n`));
  api.get('/_haproxy_getvhostmap', async (_request, reply) => text(reply, vhostMap(parts)));
  api.get('/_haproxy_getappmap', async (_request, reply) => text(reply, appMap(parts)));
  api.get('/_haproxy_getconfig', async (_request, reply) => {
    const live = await liveOf(parts);
    return text(reply, haproxyConfig([...backendsOf(parts, live).values()].map(({ named }) => named)));
  });
  api.get('/_mlb_signal/:signal', async (request, reply) => {
    const { signal } = request.params as { signal: string };
    if (signal !== 'hup' && signal !== 'usr1')
      return reply.code(404).send({ error: 'hup and usr1 are known' });
    const changes = 'Changes are followed as they come; there is nothing to reload.';
    return text(reply, `SIG${signal.toUpperCase()} is not needed. ${changes}\n`);
  });
  // HAProxy parts its options with semicolons: /haproxy?stats;csv
  api.get('/haproxy', async (request, reply) => {
    const query = /\?(.*)$/.exec(request.url)?.[1] ?? '';
    if (!/^stats(?:;|$|&|=)/.test(query))
      return reply.code(404).send({ error: 'write /haproxy?stats or /haproxy?stats;csv' });
    const rows = statsRows(parts, await liveOf(parts));
    if (query.split(';').includes('csv')) return text(reply, statsCsv(rows));
    return text(reply, statsPage(rows), 'text/html');
  });
}

interface Known {
  readonly key: string;
  readonly named: NamedBackend;
}

const liveOf = ({ table, askAll }: HaproxyParts): Promise<LiveEndpoints> =>
  liveEndpoints(new Set([...table().routes()].flatMap(targetKeys)), askAll);

const targetKeys = (route: Route): string[] => route.targets.map(({ backendKey }) => backendKey);

/** Backends by key, each with its routes, in the order of their names. */
function backendsOf(parts: HaproxyParts, live: LiveEndpoints): Map<string, Known> {
  const found = new Map<string, { name: string; routes: Route[] }>();
  for (const route of parts.table().routes())
    for (const { backendKey, serviceKey, portIndex } of route.targets) {
      const named = { serviceKey, portIndex, listeners: route.listeners };
      const known = found.get(backendKey) ?? {
        name: backendName(named, parts.service(serviceKey)),
        routes: [],
      };
      known.routes.push(route);
      found.set(backendKey, known);
    }
  const sorted = [...found].toSorted(([, a], [, b]) => (a.name < b.name ? -1 : 1));
  return new Map(
    sorted.map(([key, { name, routes }]) => [
      key,
      { key, named: { name, routes, servers: serversOf(key, parts, live) } },
    ]),
  );
}

function serversOf(key: string, parts: HaproxyParts, live: LiveEndpoints): NamedBackend['servers'] {
  const spec = parts.spec(key);
  if (spec === undefined) return [];
  const service = parts.service(spec.serviceKey);
  return spec.endpoints.map((endpoint) => ({
    name: serverName(endpoint, service),
    endpoint,
    status: statusOf({
      phase: endpoint.phase,
      healthy: endpoint.healthy,
      eligibility: live.get(key)?.get(endpoint.key)?.eligibility,
    }),
  }));
}

function statsRows(parts: HaproxyParts, live: LiveEndpoints): StatsRow[] {
  const rows: StatsRow[] = [];
  for (const { key, named } of backendsOf(parts, live).values()) {
    const { name: pxname, servers } = named;
    let running = 0;
    for (const { name: svname, endpoint, status } of servers) {
      const { inFlight = 0, waiting: qcur = 0 } = live.get(key)?.get(endpoint.key) ?? {};
      const scur = inFlight - qcur;
      running += scur;
      const weight = Math.round((endpoint.weight ?? 1) * 100);
      rows.push({ pxname, svname, qcur, scur, status, weight, type: 2 });
    }
    const status = servers.some((server) => server.status === 'UP') ? 'UP' : 'DOWN';
    const weight = servers.length * 100;
    rows.push({
      pxname,
      svname: 'BACKEND',
      scur: running,
      status,
      weight,
      ...countedOf(key, parts),
      type: 1,
    });
  }
  return rows;
}

/** What all planes have counted of a backend, over HTTP and TCP. */
function countedOf(
  key: string,
  parts: HaproxyParts,
): Required<Pick<StatsRow, 'qcur' | 'qmax' | 'bin' | 'bout' | 'stot' | 'classes'>> {
  const stats = parts.stats(key) ?? new ServiceStats();
  const { bytesIn, bytesOut } = parts.tcp(key) ?? { bytesIn: 0, bytesOut: 0 };
  const classes = [...stats.classes];
  return {
    qcur: stats.waiting,
    qmax: stats.mostWaiting,
    bin: stats.bytesIn + bytesIn,
    bout: stats.bytesOut + bytesOut,
    stot: classes.reduce((sum, n) => sum + n, 0),
    classes,
  };
}

/** Domain and backend, one a line; only rules for every path of a host, as in HAProxy's map. */
function vhostMap(parts: HaproxyParts): string {
  const lines: string[] = [];
  for (const route of parts.table().routes())
    if (route.protocol === 'http' && route.host !== '*' && (route.path === '' || route.path === '/'))
      lines.push(`${route.host} ${backendName(route, parts.service(route.serviceKey))}`);
  return `${[...new Set(lines)].join('\n')}\n`;
}

/** Id of the app and backend, one a line. */
function appMap(parts: HaproxyParts): string {
  const lines = [...parts.table().routes()]
    .filter(({ protocol }) => protocol === 'http')
    .map((route) => {
      const service = parts.service(route.serviceKey);
      return `${appId(service, route.serviceKey)} ${backendName(route, service)}`;
    });
  return `${[...new Set(lines)].join('\n')}\n`;
}

function statsPage(rows: readonly StatsRow[]): string {
  const cells = rows.map(
    ({ pxname, svname, status, scur, stot = '' }) =>
      `<tr><td>${[pxname, svname, status, `${scur}`, `${stot}`].map(escaped).join('<td>')}</tr>`,
  );
  const head = '<tr><th>backend<th>server<th>status<th>running<th>answers</tr>';
  return `<!doctype html><meta charset="utf-8"><title>Rimrock</title><h1>Statistics</h1><table border="1">${head}${cells.join('')}</table>\n`;
}
