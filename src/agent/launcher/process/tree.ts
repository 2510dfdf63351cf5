import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import type { ExitStatus, LaunchCheckpoint } from '../launcher.ts';
import type { Census } from './census.ts';
import { members, signalAll, supervisorState } from './members.ts';
import { argumentsOf, bootId } from './proc.ts';
import { readExitStatus, SUPERVISOR_NAME } from './supervisor.ts';

/** How often a supervisor that is not our child is looked at. */
const WATCH_MS = 200;
/** A supervisor whose task is gone ends by itself; after this long it is ended. */
const SUPERVISOR_LINGER_MS = 2000;

/** What the work on a process tree needs; `signal` ends it. */
export interface TreeParts {
  readonly clock: Clock;
  readonly census: Census;
  readonly signal: AbortSignal;
}

/** SIGTERM for all, as soon as the command has taken the place of the shell that starts it: before, it gets lost. */
export async function terminate(parts: TreeParts, checkpoint: LaunchCheckpoint): Promise<void> {
  while (!parts.signal.aborted && supervisorState(checkpoint) === 'alive') {
    const all = members(checkpoint, false, await parts.census.next());
    const started = all.length > 0 && !all.some((p) => argumentsOf(p.pid).includes(SUPERVISOR_NAME));
    if (started && !parts.signal.aborted) return signalAll(all, 'SIGTERM');
  }
}

/** SIGKILL for all, again and again until nothing is left; the supervisor comes last, so that it can tell the end. */
export async function killTree(parts: TreeParts, checkpoint: LaunchCheckpoint): Promise<void> {
  const giveUp = parts.clock.monotonic() + SUPERVISOR_LINGER_MS;
  for (;;) {
    const left = members(checkpoint, false, await parts.census.next());
    if (parts.signal.aborted) return;
    signalAll(left, 'SIGKILL');
    if (left.length > 0) continue;
    if (supervisorState(checkpoint) !== 'alive') return;
    if (parts.clock.monotonic() > giveUp) process.kill(checkpoint.pid, 'SIGKILL');
  }
}

/** The supervisor is gone: end what it left behind, then tell how the task ended. */
export async function over(
  parts: TreeParts,
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
): Promise<ExitStatus> {
  for (;;) {
    const all = await parts.census.next();
    if (parts.signal.aborted) return never();
    const left = checkpoint.bootId === bootId() ? members(checkpoint, seenAlive, all) : [];
    if (left.length === 0) break;
    signalAll(left, 'SIGKILL');
  }
  return readExitStatus(checkpoint.runtimeDir) ?? { kind: 'unknown' };
}

/** Wait for a supervisor that another agent process started. */
export async function watch(parts: TreeParts, checkpoint: LaunchCheckpoint): Promise<ExitStatus> {
  while (supervisorState(checkpoint) === 'alive') {
    await sleep(parts.clock, WATCH_MS, parts.signal);
    if (parts.signal.aborted) return never();
  }
  return over(parts, checkpoint, true);
}

/** After `close` nobody listens any more, and what is not known must not be told. */
function never(): Promise<never> {
  return new Promise(() => {});
}
