import type { Metrics } from '../../core/metrics.ts';
import type { EventStreams } from './events/sse.ts';
import type { Scheduler } from './scheduler.ts';

/** What the scheduler counts; `current`: the one that works now. */
export function registerMetrics(
  metrics: Metrics,
  current: () => { readonly scheduler: Scheduler; readonly streams: EventStreams },
): void {
  const one = (name: string, help: string, value: () => number): void =>
    metrics.observed(name, help, () => [{ value: value() }]);
  one('rimrock_frameworks_marathon_connected', 'Whether the master is connected (1) or not (0).', () =>
    current().scheduler.driver.connected ? 1 : 0,
  );
  one('rimrock_frameworks_marathon_apps', 'Apps defined.', () => current().scheduler.registry.size);
  one(
    'rimrock_frameworks_marathon_deployments_running',
    'Deployments on their way.',
    () => current().scheduler.deployments.all().length,
  );
  one(
    'rimrock_frameworks_marathon_deployments_finished_total',
    'Deployments that came to their end.',
    () => current().scheduler.deployments.finished,
  );
  one(
    'rimrock_frameworks_marathon_deployments_failed_total',
    'Deployments that were cut off.',
    () => current().scheduler.deployments.failed,
  );
  one('rimrock_frameworks_marathon_queue_instances', 'Instances waiting to be launched.', () =>
    current()
      .scheduler.queue.entries()
      .reduce((n, e) => n + e.count, 0),
  );
  one(
    'rimrock_frameworks_marathon_launches_total',
    'Tasks sent to the master.',
    () => current().scheduler.launcher.launchedTotal,
  );
  one(
    'rimrock_frameworks_marathon_offers_declined_total',
    'Offers given back whole.',
    () => current().scheduler.launcher.declinedTotal,
  );
  one(
    'rimrock_frameworks_marathon_reconciliation_pending',
    'Tasks the master has not answered for yet.',
    () => current().scheduler.reconciliation.pending,
  );
  one('rimrock_frameworks_marathon_event_streams', 'Open event streams.', () => current().streams.size);
  metrics.observed('rimrock_frameworks_marathon_instances', 'Instances by state.', () => {
    const byState = new Map<string, number>();
    for (const i of current().scheduler.instances.all())
      byState.set(i.state, (byState.get(i.state) ?? 0) + 1);
    return [...byState].map(([state, value]) => ({ labels: { state }, value }));
  });
  metrics.observed(
    'rimrock_frameworks_marathon_instances_ended_total',
    'Instances that ended, by final state.',
    () => [...current().scheduler.statuses.ended].map(([state, value]) => ({ labels: { state }, value })),
  );
}
