import type { Service } from '../../cluster/index.ts';
import type { BackendPolicy } from '../balancer/policy.ts';
import type { Middleware } from '../router/middleware.ts';
import { CONFIG_OWNER } from '../router/route-book.ts';
import type { Problem, Route, ServiceRouting, Target } from '../router/types.ts';
import { readEndpoint } from './config.ts';
import type { RulesConfig } from './config.ts';
import { given } from './given.ts';
import { toMiddleware } from './middlewares.ts';
import { canaryOf, policyOf } from './policy.ts';
import { httpRoutes, tcpRoutes } from './routes.ts';
import type { RuleFrame } from './routes.ts';
import type { HttpRoute, TcpRoute } from './schema.ts';

/** The key of one of `lb.services`. It has no slash, so no service of the cluster has it. */
const keyOf = (name: string): string => `lb.services.${name}`;

/** What the configuration says about routes. */
export interface Configured {
  /** For `RouteBook.setConfigured`. */
  readonly routing: ServiceRouting;
  /** `lb.services` as services that never change, to be taken in beside those of the catalog. */
  readonly services: readonly Service[];
  /** For `serviceReader`. */
  readonly middlewares: ReadonlyMap<string, Middleware>;
}

/**
 * Routes, services and middlewares of the configuration. The schema has let every value through; what names something
 * that is not there is a problem with the path in the configuration, and its rule is left out.
 */
export function readConfigured(config: RulesConfig): Configured {
  const problems: Problem[] = [];
  const middlewares = new Map(
    Object.entries(config.middlewares).map(([name, options]) => [name, toMiddleware(options)]),
  );
  const policies = new Map<string, BackendPolicy>();
  for (const [name, options] of Object.entries(config.services))
    policies.set(`${keyOf(name)}#0`, policyOf(options));
  const routes: Route[] = [];
  const rule = (kind: 'http' | 'tcp', name: string, route: HttpRoute | TcpRoute): RuleFrame | undefined => {
    const path = `lb.routes.${kind}.${name}`;
    const complain = (option: string, reason: string): void =>
      void problems.push({ serviceKey: CONFIG_OWNER, label: `${path}.${option}`, reason });
    const targets = targetsOf(route, new Set(Object.keys(config.services)), complain);
    if (targets === undefined) return undefined;
    return {
      owner: CONFIG_OWNER,
      name,
      targets,
      balance: policies.get(targets[0]?.backendKey ?? '')?.balance ?? 'p2c',
      source: [path],
      middleware: (wanted) => middlewares.get(wanted),
      complain,
    };
  };
  for (const [name, route] of Object.entries(config.routes.http)) {
    const frame = rule('http', name, route);
    if (frame !== undefined) routes.push(...httpRoutes(route, frame));
  }
  for (const [name, route] of Object.entries(config.routes.tcp)) {
    const frame = rule('tcp', name, route);
    if (frame !== undefined) routes.push(...tcpRoutes(route, frame));
  }
  const services = Object.entries(config.services).map(([name, { endpoints }]) => serviceOf(name, endpoints));
  return { routing: { routes, problems, policies, groups: new Map() }, services, middlewares };
}

function targetsOf(
  route: HttpRoute | TcpRoute,
  services: ReadonlySet<string>,
  complain: (option: string, reason: string) => void,
): Target[] | undefined {
  const { service, port, targets: several } = route;
  if ((service === undefined) === (several === undefined)) {
    complain('service', 'write either service or targets');
    return undefined;
  }
  const targets: Target[] = [];
  for (const [i, target] of (several ?? [{ service: service ?? '', port: port ?? 0 }]).entries()) {
    const known = services.has(target.service);
    if (!known && !/^[^/]+\/./.test(target.service)) {
      complain(
        several === undefined ? 'service' : `targets[${i}].service`,
        `there is no '${target.service}' in lb.services: write one of these, or the key of a service such as marathon/web`,
      );
      return undefined;
    }
    const serviceKey = known ? keyOf(target.service) : target.service;
    targets.push({
      backendKey: `${serviceKey}#${target.port}`,
      serviceKey,
      portIndex: target.port,
      weight: 'weight' in target ? (target.weight ?? 1) : 1,
      ...given({ canary: 'canary' in target ? canaryOf(target.canary) : undefined }),
    });
  }
  return targets;
}

function serviceOf(name: string, endpoints: readonly string[]): Service {
  const key = keyOf(name);
  return {
    key,
    frameworkName: '',
    name,
    declared: true,
    labels: new Map(),
    ports: [{ number: 0, name: '', protocol: 'tcp', labels: new Map() }],
    instances: [...new Set(endpoints)].map((endpoint) => {
      const address = readEndpoint(endpoint);
      return {
        taskKey: `${key} ${endpoint}`,
        taskId: endpoint,
        agentId: '',
        host: address?.ip ?? '',
        phase: 'up' as const,
        healthy: undefined,
        addresses: [address],
        startedAtMs: 0,
        labels: new Map(),
      };
    }),
  };
}
