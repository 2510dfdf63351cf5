import { addressOf } from '../forward/attempts.ts';
import type { Endpoint } from '../balancer/index.ts';
import type { Middleware, Route } from '../router/index.ts';

/** A backend by the name that marathon-lb would give it. */
export interface NamedBackend {
  readonly name: string;
  readonly routes: readonly Route[];
  readonly servers: readonly {
    readonly name: string;
    readonly endpoint: Endpoint;
    readonly status: string;
  }[];
}

/**
 * The routes in the words of HAProxy, for people and scripts that look for names and addresses in it. Nothing reads it back:
 * what has no word there stands as a comment.
 */
export function haproxyConfig(backends: readonly NamedBackend[]): string {
  const lines = [
    '# The routes of Rimrock in the words of HAProxy. For reading only: no HAProxy runs here.',
    '# Where a request goes and why: GET /explain?url=http://host/path',
  ];
  for (const [listener, routes] of byListener(backends)) {
    lines.push('', `frontend ${frontendName(listener)}`);
    const tcp = routes.some(({ route }) => route.protocol === 'tcp');
    if (listener.startsWith('port:')) lines.push(`  bind *:${listener.slice('port:'.length)}`);
    lines.push(`  mode ${tcp ? 'tcp' : 'http'}`);
    for (const { route, name } of routes) lines.push(...ruleLines(route, name, tcp));
  }
  for (const backend of backends) lines.push('', ...backendLines(backend));
  return `${lines.join('\n')}\n`;
}

const frontendName = (listener: string): string =>
  listener === 'http' || listener === 'https' ? `marathon_${listener}_in` : listener.replace(':', '_');

function byListener(
  backends: readonly NamedBackend[],
): Map<string, { readonly route: Route; readonly name: string }[]> {
  const found = new Map<string, { route: Route; name: string }[]>();
  for (const { name, routes } of backends)
    for (const route of routes)
      for (const listener of route.listeners)
        found.set(listener, [...(found.get(listener) ?? []), { route, name }]);
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** HAProxy has no such path test as ours by segments: path_beg is the nearest. */
const PATH_TESTS = { prefix: 'path_beg', segments: 'path_beg', exact: 'path', regex: 'path_reg' } as const;

function ruleLines(route: Route, name: string, tcp: boolean): string[] {
  const { host, path, pathKind, id } = route;
  if (tcp)
    return host === '*'
      ? [`  default_backend ${name}`]
      : [`  use_backend ${name} if { req.ssl_sni -i ${host} }`];
  const acl = `rule_${id.replace(/[^A-Za-z0-9]+/g, '_')}`;
  const lines: string[] = [];
  if (host !== '*')
    lines.push(
      host.startsWith('*.')
        ? `  acl host_${acl} hdr_end(host) -i ${host.slice(1)}`
        : `  acl host_${acl} hdr(host) -i ${host}`,
    );
  if (path !== '' || pathKind !== 'prefix') lines.push(`  acl path_${acl} ${PATH_TESTS[pathKind]} ${path}`);
  const conditions = lines.map((line) => line.trim().split(' ')[1]);
  const condition = conditions.length === 0 ? '' : ` if ${conditions.join(' ')}`;
  return [...lines, `  use_backend ${name}${condition}`];
}

function backendLines({ name, routes, servers }: NamedBackend): string[] {
  const first = routes[0];
  const balance = first?.balance === 'leastconn' ? 'leastconn' : 'roundrobin';
  return [
    `backend ${name}`,
    `  balance ${balance}`,
    `  mode ${first?.protocol ?? 'http'}`,
    ...new Set(routes.flatMap(({ middlewares }) => middlewares.map(middlewareLine))),
    ...servers.map(
      ({ name: server, endpoint, status }) =>
        `  server ${server} ${addressOf(endpoint)}${status === 'MAINT' ? ' disabled' : ''}`,
    ),
  ];
}

/** Names of users stand in none of these. */
function middlewareLine(middleware: Middleware): string {
  switch (middleware.kind) {
    case 'ipFilter':
      return `  acl network_allowed src ${middleware.allow?.join(' ') ?? '0.0.0.0/0'}`;
    case 'redirect':
      return middleware.scheme === undefined
        ? `  # redirect ${middleware.status}`
        : `  redirect scheme ${middleware.scheme} code ${middleware.status}`;
    case 'hsts':
      return `  http-response set-header Strict-Transport-Security max-age=${middleware.maxAgeSeconds}`;
    case 'basicAuth':
      return `  # password asked for: ${middleware.realm}`;
    case 'rewrite':
    case 'headers':
    case 'rateLimit':
    case 'bodyLimit':
      return `  # ${middleware.kind}`;
  }
}
