import { errorText } from '../../core/errors.ts';
import type { FrameworkInfo } from '../../mesos/index.ts';
import type { ExitStatus } from '../launcher/launcher.ts';
import { limitationFacts, lostState } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { durationText } from './environment.ts';

/** What becomes of the tasks that live when their executor ends by itself (mesos-api.md §2.5). */
export function exitFacts(framework: FrameworkInfo, exit: ExitStatus): StatusFacts {
  const reason = 'REASON_EXECUTOR_TERMINATED';
  if (exit.kind === 'unknown') {
    const message = 'Executor ended while nobody watched';
    return { state: lostState(framework, 'TASK_GONE'), reason, message };
  }
  if (exit.limitation) return limitationFacts(exit.limitation);
  return { state: 'TASK_FAILED', reason, message: 'Executor terminated' };
}

/** As wait(2) tells it; -1 where nobody knows. */
export function waitStatus(exit: ExitStatus): number {
  if (exit.kind === 'exited') return exit.code << 8;
  return exit.kind === 'signaled' ? exit.signal : -1;
}

export const notRegistered = (waitMs: number): StatusFacts => ({
  state: 'TASK_FAILED',
  reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
  message: `Executor did not register within ${durationText(waitMs)}`,
});

export const notReregistered = (framework: FrameworkInfo, waitMs: number): StatusFacts => ({
  state: lostState(framework, 'TASK_GONE'),
  reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
  message: `Executor did not reregister within ${durationText(waitMs)}`,
});

/** A task that the executor has not been given, as far as anybody knows. */
export const lostInRestart = (framework: FrameworkInfo): StatusFacts => ({
  state: lostState(framework, 'TASK_DROPPED'),
  reason: 'REASON_AGENT_RESTARTED',
  message: 'Task launched during agent restart',
});

export const notLaunched = (error: unknown): StatusFacts => ({
  state: 'TASK_FAILED',
  reason: 'REASON_CONTAINER_LAUNCH_FAILED',
  message: errorText(error),
});

export const killedBeforeDelivery = (group: boolean): StatusFacts => ({
  state: 'TASK_KILLED',
  reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
  message: group
    ? 'A task within the task group was killed before delivery to the executor'
    : 'Killed before delivery to the executor',
});
