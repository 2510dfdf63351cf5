import type { AgentInfo, DrainConfig } from '../../mesos/index.ts';
import type { AgentConfig } from '../config.ts';
import type { ApiContainer, ApiContainers } from '../containers/containers.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { ExecutorView } from '../executors/executor.ts';

/** The Mesos release whose APIs this agent speaks. */
export const MESOS_VERSION = '1.11.0';

export const AGENT_CAPABILITIES: readonly string[] = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'AGENT_DRAINING',
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
  /** Executors that live, or whose tasks are not all acknowledged; command tasks have one of their own. */
  readonly live: readonly ExecutorView[];
  readonly completed: readonly ExecutorView[];
  /** Those that clients of the API have launched; undefined: this agent launches none for them. */
  readonly containers?: ApiContainers | undefined;
  /** Of these, the ones that are to be seen. */
  readonly ofClients?: readonly ApiContainer[] | undefined;
  readonly metrics: AgentMetrics;
  /** How much of the disk the sandbox of a container took when it was last looked at. */
  diskUsed?(containerId: string): number | undefined;
  /** Whether it is being drained, and since when (epoch milliseconds). */
  readonly draining?:
    | { readonly config: DrainConfig | undefined; readonly startedMs: number | undefined }
    | undefined;
  now(): number;
}
