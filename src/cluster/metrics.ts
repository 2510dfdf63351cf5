import type { Metrics } from '../core/metrics.ts';
import type { CatalogVersion } from './catalog/index.ts';

/** Plain numbers that the room keeps, exposed when somebody reads /metrics. */
export interface ClusterCounters {
  records: number;
  resyncs: number;
  outages: number;
}

export function exposeClusterMetrics(
  metrics: Metrics,
  parts: {
    readonly counters: ClusterCounters;
    readonly current: () => CatalogVersion;
    readonly ageSeconds: () => number;
  },
): void {
  const { counters, current } = parts;
  const one = (name: string, help: string, value: () => number): void =>
    metrics.observed(name, help, () => [{ value: value() }]);
  one(
    'rimrock_cluster_events_total',
    'Events and polled states received from masters.',
    () => counters.records,
  );
  one('rimrock_cluster_resyncs_total', 'Snapshots taken, the first one included.', () => counters.resyncs);
  one('rimrock_cluster_outages_total', 'Times the master was lost.', () => counters.outages);
  one('rimrock_cluster_stale', '1 while the master cannot be followed.', () => (current().stale ? 1 : 0));
  one('rimrock_cluster_watch_age_seconds', 'Time since the master was last heard.', parts.ageSeconds);
  one(
    'rimrock_cluster_catalog_version',
    'Version of the catalog; 0 before the first state.',
    () => current().version,
  );
  one(
    'rimrock_cluster_rejected',
    'Entities left out of the catalog, wholly or in part.',
    () => current().rejected.size,
  );
  one('rimrock_cluster_agents', 'Agents in the catalog.', () => current().agents.size);
  one('rimrock_cluster_frameworks', 'Frameworks in the catalog.', () => current().frameworks.size);
  one('rimrock_cluster_tasks', 'Living tasks in the catalog.', () => current().tasks.size);
  one('rimrock_cluster_services', 'Services in the catalog.', () => current().services.size);
}
