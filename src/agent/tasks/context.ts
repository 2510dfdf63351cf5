import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import type { Checkpoints } from '../checkpoint/records.ts';
import type { Fetcher } from '../fetcher/fetcher.ts';
import type { Launcher } from '../launcher/launcher.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { RetryPolicy } from '../updates/status-updates.ts';
import type { Probe } from './probe.ts';

/** What every task run works with. */
export interface TaskContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly launcher: Launcher;
  readonly checkpoints: Checkpoints;
  readonly fetcher: Fetcher;
  readonly probe: Probe;
  readonly metrics: AgentMetrics;
  readonly retry: RetryPolicy;
  readonly killDrainMs: number;
  readonly killGraceMs: number;
  /** Where tasks of this agent are reached, and where the agent itself is. */
  readonly advertiseIp: string;
  readonly address: { readonly host: string; readonly port: number };
  /** The agent's own environment, of which tasks get a few variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly taskEnvironment: Readonly<Record<string, string>>;
  /** Send a status towards the framework now; it may get lost. */
  readonly send: (frameworkId: string, status: TaskStatus, latest: TaskState) => void;
}
