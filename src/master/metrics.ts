import type { Metrics, Sample } from '../core/metrics.ts';
import { fromMillis, TASK_STATES, toMillis } from '../mesos/index.ts';
import type { Resource } from '../mesos/index.ts';
import type { Engine } from './engine.ts';
import { isActive } from './state/index.ts';
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
export function metricsSnapshot(engine: Engine, startedMs: number, elected: boolean): Record<string, number> {
  const { state } = engine;
  const frameworks = [...state.frameworks.values()];
  const agents = [...state.agents.values()];
  const connectedAgents = agents.filter((a) => a.streamId !== undefined).length;
  const activeAgents = agents.filter(isActive).length;
  const connected = frameworks.filter((f) => f.streamId !== undefined).length;
  const active = frameworks.filter((f) => f.active).length;
  const out: Record<string, number> = {
    'allocator/mesos/allocation_runs': engine.allocationRuns,
    'master/elected': elected ? 1 : 0,
    'master/uptime_secs': Math.max(0, engine.clock.now() - startedMs) / 1000,
    'master/frameworks_active': active,
    'master/frameworks_inactive': frameworks.length - active,
    'master/frameworks_connected': connected,
    'master/frameworks_disconnected': frameworks.length - connected,
    'master/slaves_active': activeAgents,
    'master/slaves_inactive': agents.length - activeAgents,
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
    const whole = fromMillis(total[name]);
    const taken = fromMillis(used[name]);
    out[`master/${name}_total`] = whole;
    out[`master/${name}_used`] = taken;
    out[`master/${name}_percent`] = whole === 0 ? 0 : taken / whole;
    if (name === 'gpus') continue;
    out[`allocator/mesos/resources/${name}/total`] = whole;
    out[`allocator/mesos/resources/${name}/offered_or_allocated`] = fromMillis(used[name] + offered[name]);
  }
  return out;
}

type Amounts = Record<(typeof RESOURCES)[number], number>;

/** In thousandths, of all agents. There may be ten thousand of them, and somebody asks all the time: each is looked at once. */
function sums({ agents }: MasterState): Record<'total' | 'used' | 'offered', Amounts> {
  const none = (): Amounts => ({ cpus: 0, gpus: 0, mem: 0, disk: 0 });
  const out = { total: none(), used: none(), offered: none() };
  for (const agent of agents.values()) {
    add(out.total, agent.total);
    add(out.used, agent.used);
    add(out.offered, agent.offered);
  }
  return out;
}

function add(sum: Amounts, resources: readonly Resource[]): void {
  for (const { name, type, scalar } of resources)
    if (type === 'SCALAR' && isSummed(name)) sum[name] += toMillis(scalar?.value ?? 0);
}

function isSummed(name: string): name is keyof Amounts {
  return name === 'cpus' || name === 'mem' || name === 'disk' || name === 'gpus';
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
    for (const tasks of [framework.tasks, framework.unreachableTasks])
      for (const { state: name } of tasks.values()) out.set(name, (out.get(name) ?? 0) + 1);
  return out;
}

/** The Prometheus side, for /metrics. `current`: the engine that works now. */
export function exposeMetrics(metrics: Metrics, current: () => Engine, leads: () => boolean): void {
  metrics.observed('rimrock_master_elected', 'Whether this master leads (1) or stands by (0).', () => [
    { value: leads() ? 1 : 0 },
  ]);
  metrics.observed('rimrock_master_agents', 'Agents by state.', () => {
    const { state } = current();
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
    const frameworks = [...current().state.frameworks.values()];
    const connected = frameworks.filter((f) => f.streamId !== undefined).length;
    return [sample('connected', connected), sample('disconnected', frameworks.length - connected)];
  });
  metrics.observed('rimrock_master_tasks', 'Tasks that are not completed, by state.', () =>
    [...tasksByState(current().state)].map(([name, value]) => sample(name, value)),
  );
  metrics.observed('rimrock_master_offers', 'Offers that wait for an answer.', () => [
    { value: current().state.offers.size },
  ]);
  metrics.observed(
    'rimrock_master_resources',
    'Scalar resources of the cluster: total, used by tasks, offered.',
    () =>
      Object.entries(sums(current().state)).flatMap(([kind, sum]) =>
        RESOURCES.map((resource) => ({ labels: { resource, kind }, value: fromMillis(sum[resource]) })),
      ),
  );
  metrics.observed('rimrock_master_operator_streams', 'Open operator event streams.', () => [
    { value: current().operators.size },
  ]);
  metrics.observed('rimrock_master_allocation_runs_total', 'Runs of the allocator.', () => [
    { value: current().allocationRuns },
  ]);
}

function sample(state: string, value: number): Sample {
  return { labels: { state }, value };
}
