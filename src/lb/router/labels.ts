import type { CatalogCheck, Service } from '../../cluster/index.ts';
import type { BackendPolicy } from '../balancer/policy.ts';
import { portMiddlewares, REFUSED } from './haproxy-middlewares.ts';
import type { PortMiddlewares } from './haproxy-middlewares.ts';
import { portRouteId } from './ids.ts';
import {
  parseBalance,
  parseBoolean,
  parseHosts,
  parseNumber,
  parsePaths,
  parseWeight,
} from './label-values.ts';
import type { Complain } from './label-values.ts';
import type { Middleware } from './middleware.ts';
import { MAX_PORT_INDEX, portLabels } from './port-labels.ts';
import type { PortLabels } from './port-labels.ts';
import { hasPort, portCount } from './ports.ts';
import type { Problem, Route, ServiceRouting } from './types.ts';

/** The cookie of marathon-lb. */
const STICKY_COOKIE = 'mesosphere_server_id';
const CHECK = { intervalMs: 10_000, timeoutMs: 5_000, rise: 1, fall: 3 };

/**
 * Read the HAPROXY_* labels of one service (marathon-lb's contract). Whatever is wrong is set aside as a problem that
 * names the label and what to write; the rest of the service's labels stay in force, and no other service is touched.
 */
export function readLabels(service: Service, groups: readonly string[]): ServiceRouting {
  const problems: Problem[] = [];
  const complain =
    (label: string): Complain =>
    (reason) =>
      void problems.push({ serviceKey: service.key, label, reason });
  const appGroups = service.labels.get('HAPROXY_GROUP');
  const routes: Route[] = [];
  const policies = new Map<string, BackendPolicy>();
  for (const labels of portLabels(service, complain)) {
    if (!inGroup(labels.get('GROUP') ?? appGroups, groups)) continue;
    const policy = portPolicy(service, labels);
    const come = portRoutes(service, labels, policy);
    if (come.length > 0) policies.set(backendKey(service, labels.index), policy);
    routes.push(...come);
  }
  return { routes, problems, policies, groups: new Map() };
}

const backendKey = (service: Service, index: number): string => `${service.key}#${index}`;

/** Whether a list of groups names one that is served. */
export function inGroup(label: string | undefined, groups: readonly string[]): boolean {
  if (groups.includes('*')) return true;
  return (label ?? '').split(',').some((group) => groups.includes(group.trim()));
}

function portRoutes(service: Service, labels: PortLabels, policy: BackendPolicy): Route[] {
  const { index } = labels;
  const enabled = labels.get('ENABLED');
  if (enabled !== undefined && !parseBoolean(enabled, labels.at('ENABLED'))) return [];
  const vhost = labels.get('VHOST');
  const path = labels.get('PATH');
  if (vhost === undefined && path !== undefined)
    labels.at('PATH')(`a path needs a host: also write HAPROXY_${index}_VHOST, with '*' for any host`);
  const listen = servicePort(service, labels);
  if (vhost === undefined && listen === undefined) return [];
  if (!hasPort(service, index)) {
    labels.at(vhost === undefined ? 'PORT' : 'VHOST')(
      `the service has no port with index ${index}: it has ${portCount(service)}, counted from 0`,
    );
    return [];
  }
  const middlewares = portMiddlewares(labels);
  if (middlewares === REFUSED) return [];
  const common = commonOf(service, labels, policy);
  return [
    ...(vhost === undefined ? [] : hostRoutes(vhost, path, labels, common, middlewares.http)),
    ...(listen === undefined ? [] : [servicePortRoute(listen, labels, common, middlewares)]),
  ];
}

/** What all routes of a port have in common. */
type Common = Pick<
  Route,
  'kind' | 'backendKey' | 'serviceKey' | 'portIndex' | 'priority' | 'balance' | 'targets' | 'source'
>;

function commonOf(service: Service, labels: PortLabels, policy: BackendPolicy): Common {
  const { index } = labels;
  const owner = { backendKey: backendKey(service, index), serviceKey: service.key, portIndex: index };
  return {
    kind: 'match',
    ...owner,
    priority: 0,
    balance: policy.balance,
    targets: [{ ...owner, weight: 1 }],
    source: sourceOf(labels, 'VHOST'),
  };
}

/** All labels of the port; the one that a complaint about the rule should name comes first. */
function sourceOf(labels: PortLabels, first: string): string[] {
  const name = `HAPROXY_${labels.index}_${first}`;
  return [name, ...labels.names.filter((other) => other !== name)];
}

function hostRoutes(
  vhost: string,
  path: string | undefined,
  labels: PortLabels,
  common: Common,
  middlewares: readonly Middleware[],
): Route[] {
  const hosts = parseHosts(vhost, labels.at('VHOST'));
  const paths = path === undefined ? [''] : parsePaths(path, labels.at('PATH'));
  const given = parseWeight(labels.get('BACKEND_WEIGHT'), labels.at('BACKEND_WEIGHT'));
  return hosts.flatMap((host) =>
    paths.map((prefix) => ({
      ...common,
      id: portRouteId(common.serviceKey, common.portIndex, host, prefix),
      protocol: 'http' as const,
      listeners: ['http', 'https'],
      host,
      path: prefix,
      pathKind: 'prefix' as const,
      weight: given === 0 && prefix !== '' ? 1 : given,
      middlewares,
    })),
  );
}

function servicePortRoute(
  listen: ServicePort,
  labels: PortLabels,
  common: Common,
  middlewares: PortMiddlewares,
): Route {
  const { port, protocol, certificate } = listen;
  return {
    ...common,
    id: portRouteId(common.serviceKey, common.portIndex, `port:${port}`, ''),
    protocol,
    listeners: [`port:${port}`],
    host: '*',
    path: '',
    pathKind: 'prefix',
    weight: 0,
    middlewares: protocol === 'http' ? middlewares.port : middlewares.tcp,
    source: sourceOf(labels, 'PORT'),
    ...(certificate === undefined ? {} : { tls: { mode: 'terminate', certificate } }),
  };
}

interface ServicePort {
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
  readonly certificate?: string;
}

/** The port that the scheduler told. In Marathon every app has some; who wants them opened says so by its group (marathon-lb). */
function toldPort(service: Service, labels: PortLabels): string | undefined {
  const told = service.ports[labels.index];
  const grouped = (labels.get('GROUP') ?? service.labels.get('HAPROXY_GROUP')) !== undefined;
  return grouped && told?.protocol !== 'udp' ? told?.servicePort?.toString() : undefined;
}

/** What is spoken at a port when nobody says. */
function guessed(service: Service, labels: PortLabels): 'http' | 'tcp' {
  const looksHttp = labels.get('VHOST') !== undefined || service.ports[labels.index]?.check?.kind === 'http';
  return looksHttp ? 'http' : 'tcp';
}

/** The service port to listen on, where labels ask for one. */
function servicePort(service: Service, labels: PortLabels): ServicePort | undefined {
  const text = labels.get('PORT') ?? toldPort(service, labels);
  const certificate = labels.get('SSL_CERT')?.trim();
  const mode = labels.get('MODE')?.trim().toLowerCase();
  if (mode !== undefined && mode !== 'http' && mode !== 'tcp')
    labels.at('MODE')(`'${labels.get('MODE')}' is ignored: write 'http' or 'tcp'`);
  if (text === undefined) {
    if (certificate !== undefined)
      labels.at('SSL_CERT')(
        `it is for the service port, and there is none: also write HAPROXY_${labels.index}_PORT; certificates for hosts are in the configuration`,
      );
    return undefined;
  }
  const port = parseNumber(text, [1, 65_535], 'a port', labels.at('PORT'));
  if (port === undefined) return undefined;
  const bind = labels.get('BIND_ADDR')?.trim() ?? '*';
  if (bind !== '*' && bind !== '0.0.0.0') {
    labels.at('BIND_ADDR')(
      `the service port is not opened, for other addresses than all are not supported: write '*' or remove HAPROXY_${labels.index}_PORT`,
    );
    return undefined;
  }
  if (certificate === '') {
    labels.at('SSL_CERT')('the service port is not opened: write the name or path of a certificate');
    return undefined;
  }
  const named = certificate === undefined ? {} : { certificate };
  return { port, protocol: mode === 'tcp' || mode === 'http' ? mode : guessed(service, labels), ...named };
}

function portPolicy(service: Service, labels: PortLabels): BackendPolicy {
  const policy = parseBalance(labels.get('BALANCE'), labels.at('BALANCE'));
  const sticky = labels.get('STICKY');
  const checked = labels.get('BACKEND_HEALTHCHECK_PORT_INDEX');
  const portIndex =
    checked === undefined
      ? undefined
      : parseNumber(
          checked,
          [0, MAX_PORT_INDEX],
          'a port index',
          labels.at('BACKEND_HEALTHCHECK_PORT_INDEX'),
        );
  return {
    ...policy,
    ...(sticky !== undefined && parseBoolean(sticky, labels.at('STICKY'))
      ? { sticky: { cookie: STICKY_COOKIE } }
      : {}),
    ...checkOf(service.ports[labels.index]?.check, portIndex),
  };
}

/** What the scheduler checks is checked from here as well; a label may say at which port. */
function checkOf(
  check: CatalogCheck | undefined,
  portIndex: number | undefined,
): Pick<BackendPolicy, 'check'> {
  const elsewhere = portIndex === undefined ? {} : { portIndex };
  if (check === undefined)
    return portIndex === undefined ? {} : { check: { probe: { kind: 'tcp' }, ...elsewhere, ...CHECK } };
  const { kind, path = '/', port, intervalMs, timeoutMs, failures } = check;
  return {
    check: {
      probe: kind === 'http' ? { kind, path } : { kind },
      ...(port === undefined ? elsewhere : { port }),
      intervalMs,
      timeoutMs,
      rise: 1,
      fall: failures,
    },
  };
}
