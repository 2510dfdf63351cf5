import type { Clock } from '../../core/clock.ts';
import type { TaskIdentities } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import type { TaskMesh } from '../../core/mesh.ts';
import type { Random } from '../../core/random.ts';
import type { AgentInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import type { Checkpoints, RunPlace } from '../checkpoint/records.ts';
import type { ContainerFiles } from '../containers/files.ts';
import type { ExecutorTokens } from '../executors/tokens.ts';
import type { Fetcher } from '../fetcher/fetcher.ts';
import type { Launchers } from '../launcher/launchers.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { SecretStore } from '../secrets/store.ts';
import type { RetryPolicy } from '../updates/status-updates.ts';
import type { Probe } from './probe.ts';

/** What every task run works with. */
export interface TaskContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly launcher: Launchers;
  readonly checkpoints: Checkpoints;
  readonly fetcher: Fetcher;
  readonly secrets: SecretStore;
  readonly probe: Probe;
  readonly metrics: AgentMetrics;
  readonly retry: RetryPolicy;
  /** Containers run as the user that they ask for; otherwise as the user of the agent. */
  readonly switchUser: boolean;
  /** Whether this agent is being drained now. */
  readonly draining?: (() => boolean) | undefined;
  readonly killDrainMs: number;
  readonly killGraceMs: number;
  /** Where tasks of this agent are reached, and where the agent itself is. */
  readonly advertiseIp: string;
  readonly address: { readonly host: string; readonly port: number };
  /** The agent's own environment, of which tasks get a few variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly taskEnvironment: Readonly<Record<string, string>>;
  /** Without it tasks have no identity. */
  readonly identities?: TaskIdentities | undefined;
  /** Without it tasks get no mutual TLS, and those that ask for it do not start. */
  readonly mesh?: TaskMesh | undefined;
  readonly executors: ExecutorSettings;
  /** Without it clients of the API launch no containers. */
  readonly containerFiles?: ContainerFiles | undefined;
  /** Send a status towards the framework now; it may get lost. */
  readonly send: (frameworkId: string, status: TaskStatus, latest: TaskState) => void;
  /** Say that an executor is over; `status` as wait(2) tells it, -1 where nobody knows. It may get lost. */
  readonly sendExited: (place: Pick<RunPlace, 'frameworkId' | 'executorId'>, status: number) => void;
}

/** What executors are told, and how long they have for it (mesos-api.md §2.5). */
export interface ExecutorSettings {
  /** From the launch to the first SUBSCRIBE. */
  readonly registrationTimeoutMs: number;
  /** From a restart of the agent to the next SUBSCRIBE. */
  readonly reregistrationTimeoutMs: number;
  /** From SHUTDOWN to the end, where the executor does not say otherwise. */
  readonly shutdownGraceMs: number;
  /** Without it executors are not asked who they are. */
  readonly tokens?: ExecutorTokens | undefined;
  /** Variables by which they reach an agent that speaks TLS. */
  readonly tls?: Readonly<Record<string, string>> | undefined;
  readonly agentInfo: () => AgentInfo;
}
