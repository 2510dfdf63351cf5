import type { AgentInfo } from '../../mesos/index.ts';
import type { AgentConfig } from '../config.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { TaskRun } from '../tasks/task-run.ts';

/** The Mesos release whose APIs this agent speaks. */
export const MESOS_VERSION = '1.11.0';

export const AGENT_CAPABILITIES: readonly string[] = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'TASK_RESOURCE_LIMITS',
];

/** What the HTTP API may see of the agent. */
export interface AgentView {
  /** False while checkpoints are being read: reads of state answer 503. */
  readonly recovered: boolean;
  readonly registered: boolean;
  /** With `id` once a master has given one. */
  readonly info: AgentInfo;
  readonly address: { readonly host: string; readonly port: number };
  readonly config: AgentConfig;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly master: string;
  readonly live: readonly TaskRun[];
  readonly completed: readonly TaskRun[];
  readonly metrics: AgentMetrics;
  now(): number;
}
