import type { Metrics } from '../core/metrics.ts';
import { MeshCounts } from './plane/counts.ts';
import type { Services } from './services.ts';

/** Show what a plane counts. */
export function exposeCounts(metrics: Metrics, counts: MeshCounts, tasks: () => number): void {
  metrics.observed('rimrock_mesh_tasks', 'Tasks for which mutual TLS is spoken.', () => [{ value: tasks() }]);
  metrics.observed(
    'rimrock_mesh_connections_total',
    'Connections of tasks that were carried, by kind: inbound_tls, inbound_plain, outbound.',
    () => MeshCounts.carried.map((kind) => ({ labels: { kind }, value: counts.totalOf(kind) })),
  );
  metrics.observed('rimrock_mesh_connections_open', 'Connections of tasks that are open, by kind.', () =>
    MeshCounts.carried.map((kind) => ({ labels: { kind }, value: counts.openOf(kind) })),
  );
  metrics.observed(
    'rimrock_mesh_refused_total',
    'Connections, and attempts at endpoints, that were refused or failed, by code.',
    () => MeshCounts.refusals.map((code) => ({ labels: { code }, value: counts.refusals(code) })),
  );
}

/** Show what is known of services, and which calls to VIPs go by mutual TLS. */
export function exposeServices(metrics: Metrics, services: Services): void {
  const counts = (): { readonly vips: number; readonly callers: number; readonly failures: number } =>
    services.current?.calls?.counts ?? { vips: 0, callers: 0, failures: 0 };
  metrics.observed(
    'rimrock_mesh_services_known',
    'Whether services are known, for tasks that call some: 1, or 0 while no task has asked.',
    () => [{ value: services.current ? 1 : 0 }],
  );
  metrics.observed('rimrock_mesh_vips', 'VIPs over TCP and IPv4 whose services are guarded.', () => [
    { value: counts().vips },
  ]);
  metrics.observed('rimrock_mesh_vip_callers', 'Tasks whose calls to these go by mutual TLS.', () => [
    { value: counts().callers },
  ]);
  metrics.observed(
    'rimrock_mesh_vip_failures_total',
    'How often the kernel did not take the rules that lead there.',
    () => [{ value: counts().failures }],
  );
}
