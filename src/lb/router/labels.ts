import type { Service } from '../../cluster/index.ts';
import { parseBalance, parseBoolean, parseHosts, parsePaths, parseWeight } from './label-values.ts';
import type { Complain } from './label-values.ts';
import { appLabelProblem, portLabelProblem, REFUSES_ROUTE } from './known-labels.ts';
import type { Problem, Route, ServiceRouting } from './types.ts';

const PORT_LABEL = /^HAPROXY_(\d+)_([A-Z0-9_]+)$/;
const MAX_PORT_INDEX = 1000;

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
  const ports = portLabels(service, complain);
  const appGroups = service.labels.get('HAPROXY_GROUP');
  const routes: Route[] = [];
  for (const [index, labels] of ports) {
    if (!inGroup(labels.get('GROUP') ?? appGroups, groups)) continue;
    routes.push(...portRoutes(service, index, labels, complain));
  }
  return { routes, problems };
}

/** The labels of each port, by suffix; ports in order of their index. */
function portLabels(
  service: Service,
  complain: (label: string) => Complain,
): readonly (readonly [number, ReadonlyMap<string, string>])[] {
  const ports = new Map<number, Map<string, string>>();
  for (const [label, value] of service.labels) {
    if (!label.startsWith('HAPROXY_')) continue;
    const match = PORT_LABEL.exec(label);
    if (match === null) {
      const problem = appLabelProblem(label);
      if (problem !== undefined) complain(label)(problem);
      continue;
    }
    const digits = match[1] ?? '';
    const index = Number(digits);
    if (String(index) !== digits || index > MAX_PORT_INDEX) {
      complain(label)(`'${digits}' is not a port index: write HAPROXY_0_${match[2]} for the first port`);
      continue;
    }
    const problem = portLabelProblem(match[2] ?? '', value, label);
    if (problem !== undefined) complain(label)(problem);
    const labels = ports.get(index) ?? new Map<string, string>();
    labels.set(match[2] ?? '', value);
    ports.set(index, labels);
  }
  return [...ports].sort(([a], [b]) => a - b);
}

function inGroup(label: string | undefined, groups: readonly string[]): boolean {
  if (groups.includes('*')) return true;
  return (label ?? '').split(',').some((group) => groups.includes(group.trim()));
}

function portRoutes(
  service: Service,
  portIndex: number,
  labels: ReadonlyMap<string, string>,
  complain: (label: string) => Complain,
): Route[] {
  const at = (suffix: string): Complain => complain(`HAPROXY_${portIndex}_${suffix}`);
  const enabled = labels.get('ENABLED');
  if (enabled !== undefined && !parseBoolean(enabled, at('ENABLED'))) return [];
  const vhost = labels.get('VHOST');
  const path = labels.get('PATH');
  if (vhost === undefined) {
    if (path !== undefined)
      at('PATH')(`a path needs a host: also write HAPROXY_${portIndex}_VHOST, with '*' for any host`);
    return [];
  }
  if (!hasPort(service, portIndex)) {
    at('VHOST')(
      `the service has no port with index ${portIndex}: it has ${portCount(service)}, counted from 0`,
    );
    return [];
  }
  for (const suffix of REFUSES_ROUTE) {
    if (labels.has(suffix)) return [];
  }
  const hosts = parseHosts(vhost, at('VHOST'));
  const paths = path === undefined ? [''] : parsePaths(path, at('PATH'));
  const balance = parseBalance(labels.get('BALANCE'), at('BALANCE'));
  const given = parseWeight(labels.get('BACKEND_WEIGHT'), at('BACKEND_WEIGHT'));
  return hosts.flatMap((host) =>
    paths.map((prefix) => ({
      kind: 'match' as const,
      backendKey: `${service.key}#${portIndex}`,
      serviceKey: service.key,
      portIndex,
      host,
      path: prefix,
      weight: given === 0 && prefix !== '' ? 1 : given,
      balance,
    })),
  );
}

function portCount(service: Service): number {
  let count = service.ports.length;
  for (const instance of service.instances) count = Math.max(count, instance.addresses.length);
  return count;
}

/** A service without instances and without declared ports may still turn out to have the port. */
function hasPort(service: Service, index: number): boolean {
  const count = portCount(service);
  return count > index || (count === 0 && service.instances.length === 0);
}
