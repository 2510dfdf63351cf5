import type { Metrics } from '../core/metrics.ts';
import type { TaskState } from '../mesos/index.ts';

/** What the agent counts; read by /metrics and, under Mesos' names, by /metrics/snapshot. */
export interface AgentMetrics {
  launches: number;
  launchErrors: number;
  updatesSent: number;
  checkpointErrors: number;
  subscriptions: number;
  sandboxesCollected: number;
  readonly ended: Map<TaskState, number>;
}

export function createAgentMetrics(
  metrics: Metrics,
  now: { running(): number; unacknowledged(): number; registered(): boolean },
): AgentMetrics {
  const counts: AgentMetrics = {
    launches: 0,
    launchErrors: 0,
    updatesSent: 0,
    checkpointErrors: 0,
    subscriptions: 0,
    sandboxesCollected: 0,
    ended: new Map(),
  };
  const one = (name: string, help: string, read: () => number): void =>
    metrics.observed(name, help, () => [{ value: read() }]);
  one('rimrock_agent_task_launches_total', 'Containers started.', () => counts.launches);
  one(
    'rimrock_agent_task_launch_errors_total',
    'Containers that could not be started.',
    () => counts.launchErrors,
  );
  one(
    'rimrock_agent_status_updates_sent_total',
    'Status updates sent, with repetitions.',
    () => counts.updatesSent,
  );
  one(
    'rimrock_agent_checkpoint_errors_total',
    'Facts that could not be written to disk.',
    () => counts.checkpointErrors,
  );
  one(
    'rimrock_agent_subscriptions_total',
    'Successful registrations with a master.',
    () => counts.subscriptions,
  );
  one('rimrock_agent_sandboxes_collected_total', 'Old sandboxes removed.', () => counts.sandboxesCollected);
  one('rimrock_agent_tasks_running', 'Tasks that have not ended.', () => now.running());
  one('rimrock_agent_tasks_unacknowledged', 'Ended tasks whose end is not yet acknowledged.', () =>
    now.unacknowledged(),
  );
  one('rimrock_agent_registered', '1 while a master knows this agent.', () => (now.registered() ? 1 : 0));
  metrics.observed('rimrock_agent_tasks_ended_total', 'Tasks that ended, by state.', () =>
    [...counts.ended].map(([state, value]) => ({ labels: { state }, value })),
  );
  return counts;
}
