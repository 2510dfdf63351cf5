import type { Metrics, Sample } from '../core/metrics.ts';
import { TASK_STATES, scalarOf } from '../mesos/index.ts';
import type { Resource } from '../mesos/index.ts';
import type { Engine } from './engine.ts';
import type { MasterState } from './state/index.ts';

const RESOURCES = ['cpus', 'gpus', 'mem', 'disk'] as const;
const LIVE = ['staging', 'starting', 'running', 'killing', 'unreachable'] as const;

/** Counters that Mesos shows from the start, at 0. */
const COUNTERS = [
  'dropped_messages',
  ...['register', 'reregister', 'unregister', 'deactivate'].map((m) => `messages_${m}_framework`),
  ...['register', 'reregister', 'unregister', 'update'].map((m) => `messages_${m}_slave`),
  ...[
    'launch_tasks',
    'decline_offers',
    'revive_offers',
    'suppress_offers',
    'kill_task',
    'reconcile_tasks',
    'reconcile_operations',
    'resource_request',
    'status_update',
    'status_update_acknowledgement',
    'framework_to_executor',
    'executor_to_framework',
    'exited_executor',
    'authenticate',
  ].map((m) => `messages_${m}`),
  ...[
    'status_updates',
    'status_update_acknowledgements',
    'framework_to_executor_messages',
    'executor_to_framework_messages',
  ].flatMap((m) => [`valid_${m}`, `invalid_${m}`]),
  ...['finished', 'failed', 'killed', 'lost', 'error', 'dropped', 'gone', 'gone_by_operator'].map(
    (s) => `tasks_${s}`,
  ),
  'slave_registrations',
  'slave_reregistrations',
  'slave_removals',
  'slave_removals/reason_unhealthy',
  'slave_removals/reason_unregistered',
  'slave_removals/reason_registered',
  'slave_unreachable_scheduled',
  'slave_unreachable_completed',
  'slave_unreachable_canceled',
  'recovery_slave_removals',
  'http_cache_hits',
].map((name) => `master/${name}`);

/** `/metrics/snapshot`: Mesos' names (mesos-api.md §3.8), read now. */
export function metricsSnapshot(engine: Engine, startedMs: number): Record<string, number> {
  const { state } = engine;
  const frameworks = [...state.frameworks.values()];
  const agents = [...state.agents.values()];
  const connectedAgents = agents.filter((a) => a.streamId !== undefined).length;
  const connected = frameworks.filter((f) => f.streamId !== undefined).length;
  const active = frameworks.filter((f) => f.active).length;
  const out: Record<string, number> = {
    'allocator/mesos/allocation_runs': engine.allocationRuns,
    'master/elected': 1,
    'master/uptime_secs': Math.max(0, engine.clock.now() - startedMs) / 1000,
    'master/frameworks_active': active,
    'master/frameworks_inactive': frameworks.length - active,
    'master/frameworks_connected': connected,
    'master/frameworks_disconnected': frameworks.length - connected,
    'master/slaves_active': connectedAgents,
    'master/slaves_inactive': agents.length - connectedAgents,
    'master/slaves_connected': connectedAgents,
    'master/slaves_disconnected': agents.length - connectedAgents,
    'master/slaves_unreachable': state.unreachableAgents.size,
    'master/outstanding_offers': state.offers.size,
    'master/operator_event_stream_subscribers': engine.operators.size,
    ...resourceGauges(state),
    ...liveTasks(state),
  };
  for (const name of COUNTERS) out[name] = 0;
  for (const [name, value] of state.counters) out[name] = value;
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function resourceGauges(state: MasterState): Record<string, number> {
  const out: Record<string, number> = {};
  const { total, used, offered } = sums(state);
  for (const name of RESOURCES) {
    const whole = scalarOf(total, name);
    const taken = scalarOf(used, name);
    out[`master/${name}_total`] = whole;
    out[`master/${name}_used`] = taken;
    out[`master/${name}_percent`] = whole === 0 ? 0 : taken / whole;
    if (name === 'gpus') continue;
    out[`allocator/mesos/resources/${name}/total`] = whole;
    out[`allocator/mesos/resources/${name}/offered_or_allocated`] = scalarOf([...used, ...offered], name);
  }
  return out;
}

function sums(state: MasterState): Record<'total' | 'used' | 'offered', readonly Resource[]> {
  const agents = [...state.agents.values()];
  return {
    total: agents.flatMap((a) => a.total),
    used: agents.flatMap((a) => a.used),
    offered: agents.flatMap((a) => a.offered),
  };
}

function liveTasks(state: MasterState): Record<string, number> {
  const out: Record<string, number> = {};
  const counts = tasksByState(state);
  for (const name of LIVE) out[`master/tasks_${name}`] = counts.get(`TASK_${name.toUpperCase()}`) ?? 0;
  return out;
}

function tasksByState(state: MasterState): Map<string, number> {
  const out = new Map<string, number>(TASK_STATES.map((s) => [s, 0]));
  for (const framework of state.frameworks.values())
    for (const task of [...framework.tasks.values(), ...framework.unreachableTasks.values()])
      out.set(task.state, (out.get(task.state) ?? 0) + 1);
  return out;
}

/** The Prometheus side, for /metrics. */
export function exposeMetrics(metrics: Metrics, engine: Engine): void {
  const { state } = engine;
  metrics.observed('rimrock_master_agents', 'Agents by state.', () => {
    const agents = [...state.agents.values()];
    const connected = agents.filter((a) => a.streamId !== undefined).length;
    return [
      sample('connected', connected),
      sample('disconnected', agents.length - connected),
      sample('recovered', state.recoveredAgents.size),
      sample('unreachable', state.unreachableAgents.size),
    ];
  });
  metrics.observed('rimrock_master_frameworks', 'Frameworks by state.', () => {
    const frameworks = [...state.frameworks.values()];
    const connected = frameworks.filter((f) => f.streamId !== undefined).length;
    return [sample('connected', connected), sample('disconnected', frameworks.length - connected)];
  });
  metrics.observed('rimrock_master_tasks', 'Tasks that are not completed, by state.', () =>
    [...tasksByState(state)].map(([name, value]) => sample(name, value)),
  );
  metrics.observed('rimrock_master_offers', 'Offers that wait for an answer.', () => [
    { value: state.offers.size },
  ]);
  metrics.observed(
    'rimrock_master_resources',
    'Scalar resources of the cluster: total, used by tasks, offered.',
    () =>
      Object.entries(sums(state)).flatMap(([kind, list]) =>
        RESOURCES.map((resource) => ({ labels: { resource, kind }, value: scalarOf(list, resource) })),
      ),
  );
  metrics.observed('rimrock_master_operator_streams', 'Open operator event streams.', () => [
    { value: engine.operators.size },
  ]);
  metrics.observed('rimrock_master_allocation_runs_total', 'Runs of the allocator.', () => [
    { value: engine.allocationRuns },
  ]);
}

function sample(state: string, value: number): Sample {
  return { labels: { state }, value };
}
