import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import type { ExitStatus, LaunchCheckpoint } from '../launcher.ts';
import { members, signalAll, supervisorState } from './members.ts';
import { bootId, hasArgument } from './proc.ts';
import { readExitStatus, SUPERVISOR_NAME } from './supervisor.ts';

/** How often a supervisor that is not our child is looked at, and how often a dying tree is. */
const WATCH_MS = 200;
const REAP_MS = 20;
/** A supervisor whose task is gone ends by itself; after this long it is ended. */
const SUPERVISOR_LINGER_MS = 2000;

/** SIGTERM for all, as soon as the command has taken the place of the shell that starts it: before, it gets lost. */
export async function terminate(
  clock: Clock,
  checkpoint: LaunchCheckpoint,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && supervisorState(checkpoint) === 'alive') {
    const all = members(checkpoint, false);
    const started = all.length > 0 && !all.some((p) => hasArgument(p.pid, SUPERVISOR_NAME));
    if (started) return signalAll(all, 'SIGTERM');
    await sleep(clock, REAP_MS, signal);
  }
}

/** SIGKILL for all, again and again until nothing is left; the supervisor comes last, so that it can tell the end. */
export async function killTree(
  clock: Clock,
  checkpoint: LaunchCheckpoint,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = clock.monotonic() + SUPERVISOR_LINGER_MS;
  while (!signal.aborted) {
    const left = members(checkpoint, false);
    signalAll(left, 'SIGKILL');
    if (left.length === 0) {
      if (supervisorState(checkpoint) !== 'alive') return;
      if (clock.monotonic() > giveUp) process.kill(checkpoint.pid, 'SIGKILL');
    }
    await sleep(clock, REAP_MS, signal);
  }
}

/** The supervisor is gone: end what it left behind, then tell how the task ended. */
export async function over(
  clock: Clock,
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
  signal: AbortSignal,
): Promise<ExitStatus> {
  for (;;) {
    if (signal.aborted) return never();
    const left = checkpoint.bootId === bootId() ? members(checkpoint, seenAlive) : [];
    if (left.length === 0) break;
    signalAll(left, 'SIGKILL');
    await sleep(clock, REAP_MS, signal);
  }
  return readExitStatus(checkpoint.runtimeDir) ?? { kind: 'unknown' };
}

/** Wait for a supervisor that another agent process started. */
export async function watch(
  clock: Clock,
  checkpoint: LaunchCheckpoint,
  signal: AbortSignal,
): Promise<ExitStatus> {
  while (supervisorState(checkpoint) === 'alive') {
    await sleep(clock, WATCH_MS, signal);
    if (signal.aborted) return never();
  }
  return over(clock, checkpoint, true, signal);
}

/** After `close` nobody listens any more, and what is not known must not be told. */
function never(): Promise<never> {
  return new Promise(() => {});
}
