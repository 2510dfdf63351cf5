import type { Problem, ServiceRouting } from '../router/types.ts';

/** The routing where services get no ports of their own: rules leave such listeners out, and are told. */
export function withoutPorts(routing: ServiceRouting): ServiceRouting {
  const problems: Problem[] = [];
  const routes = routing.routes.flatMap((route) => {
    const ports = route.listeners.filter((name) => name.startsWith('port:'));
    if (ports.length === 0) return [route];
    problems.push({
      serviceKey: route.serviceKey,
      label: route.source[0] ?? '',
      reason: `${ports.join(', ')} is not opened: lb.servicePorts.enabled is false`,
    });
    const listeners = route.listeners.filter((name) => !ports.includes(name));
    return listeners.length === 0 ? [] : [{ ...route, listeners }];
  });
  return problems.length === 0
    ? routing
    : { ...routing, routes, problems: [...routing.problems, ...problems] };
}
