import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { ContainerStatus, FrameworkInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import type { KillCause } from '../checkpoint/records.ts';
import type { ExitStatus, Limitation } from '../launcher/launcher.ts';
import { signalText } from './signal-text.ts';

/** The part of a status that says what happened; the rest is who and when. */
export type StatusFacts = Pick<TaskStatus, 'state'> &
  Partial<Pick<TaskStatus, 'message' | 'reason' | 'healthy' | 'check_status' | 'source' | 'limitation'>>;

interface StatusParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the agent is being drained. */
  readonly draining?: (() => boolean) | undefined;
}

/** A complete status, ready to be acknowledged (mesos-api.md §1.11). */
export function makeStatus(
  parts: StatusParts,
  who: {
    readonly taskId: string;
    readonly agentId: string;
    readonly executorId?: string;
    readonly container?: ContainerStatus;
  },
  facts: StatusFacts,
): TaskStatus {
  return withDrainReason(parts, {
    task_id: { value: who.taskId },
    source: 'SOURCE_EXECUTOR',
    ...facts,
    agent_id: { value: who.agentId },
    ...(who.executorId === undefined ? {} : { executor_id: { value: who.executorId } }),
    timestamp: parts.clock.now() / 1000,
    uuid: Buffer.from(parts.random.bytes(16)).toString('base64'),
    ...(who.container === undefined ? {} : { container_status: who.container }),
  });
}

/** While the agent is being drained that is why tasks are killed, unless something else is known. */
export function withDrainReason({ draining }: Pick<StatusParts, 'draining'>, status: TaskStatus): TaskStatus {
  const killed = status.state === 'TASK_KILLING' || status.state === 'TASK_KILLED';
  if (!killed || status.reason !== undefined || draining?.() !== true) return status;
  return { ...status, reason: 'REASON_AGENT_DRAINING' };
}

export function hasCapability(framework: FrameworkInfo, capability: string): boolean {
  return framework.capabilities?.some((c) => c.type === capability) ?? false;
}

/** The state of a task that is no more and nobody knows why: frameworks that know partitions get the finer one. */
export function lostState(framework: FrameworkInfo, finer: 'TASK_GONE' | 'TASK_DROPPED'): TaskState {
  return hasCapability(framework, 'PARTITION_AWARE') ? finer : 'TASK_LOST';
}

/** How the end of a command is told (mesos-api.md §2.6). */
export function terminalFacts(
  framework: FrameworkInfo,
  exit: ExitStatus,
  cause: KillCause | undefined,
): StatusFacts {
  const message = exitMessage(exit);
  if (cause === 'max-completion-time')
    return { state: 'TASK_FAILED', reason: 'REASON_MAX_COMPLETION_TIME_REACHED', message };
  if (cause === 'unhealthy') return { state: 'TASK_KILLED', healthy: false, message };
  if (cause !== undefined) return { state: 'TASK_KILLED', message };
  if (exit.kind === 'unknown')
    return {
      state: lostState(framework, 'TASK_GONE'),
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message,
    };
  if (exit.limitation) return limitationFacts(exit.limitation);
  const finished = exit.kind === 'exited' && exit.code === 0;
  return { state: finished ? 'TASK_FINISHED' : 'TASK_FAILED', message };
}

/** Something went over a limit that it was held to. */
export function limitationFacts({ reason, message, resources }: Limitation): StatusFacts {
  const limitation = resources === undefined ? {} : { limitation: { resources } };
  return { state: 'TASK_FAILED', source: 'SOURCE_AGENT', reason, message, ...limitation };
}

function exitMessage(exit: ExitStatus): string {
  if (exit.kind === 'exited') return `Command exited with status ${exit.code}`;
  if (exit.kind === 'signaled') return `Command terminated with signal ${signalText(exit.signal)}`;
  return 'Command ended while nobody watched; its status is lost';
}
