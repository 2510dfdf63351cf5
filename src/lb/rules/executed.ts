import type { Middleware } from '../router/middleware.ts';
import type { Problem, Route, ServiceRouting } from '../router/types.ts';

/** Kinds of middlewares that are executed on the way of a request: whoever executes one adds it here. */
export const EXECUTED: ReadonlySet<Middleware['kind']> = new Set<Middleware['kind']>([
  'redirect',
  'rewrite',
  'headers',
  'hsts',
  'basicAuth',
  'ipFilter',
  'rateLimit',
  'bodyLimit',
]);

/** Without these a route would be open to people who must not come in. */
const PROTECTS: ReadonlySet<Middleware['kind']> = new Set<Middleware['kind']>(['basicAuth', 'ipFilter']);

/**
 * The routing without what is not executed yet: such a middleware is taken off its route, or takes the route away where
 * it protects it. Each is a problem that is told.
 */
export function executable(routing: ServiceRouting, executed = EXECUTED): ServiceRouting {
  if (routing.routes.every((route) => missing(route, executed).length === 0)) return routing;
  const problems = new Map<string, Problem>();
  const routes = routing.routes.flatMap((route) => {
    const absent = missing(route, executed);
    if (absent.length === 0) return [route];
    const refused = absent.some((kind) => PROTECTS.has(kind));
    const consequence = refused
      ? 'the rule is not published, for it would be open to everybody; remove it to publish the rule anyway'
      : 'it is ignored';
    const problem = {
      serviceKey: route.serviceKey,
      label: route.source[0] ?? '',
      reason: `not supported yet: ${absent.join(', ')}; ${consequence}`,
    };
    problems.set(`${problem.label} ${problem.reason}`, problem);
    if (refused) return [];
    return [{ ...route, middlewares: route.middlewares.filter(({ kind }) => executed.has(kind)) }];
  });
  return { ...routing, routes, problems: [...routing.problems, ...problems.values()] };
}

function missing(route: Route, executed: ReadonlySet<Middleware['kind']>): Middleware['kind'][] {
  return [...new Set(route.middlewares.map(({ kind }) => kind))].filter((kind) => !executed.has(kind));
}
