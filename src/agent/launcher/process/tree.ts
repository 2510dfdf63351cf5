import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import { keepLimitation, killGroup } from '../cgroup/index.ts';
import type { Groups } from '../cgroup/index.ts';
import type { ExitStatus, LaunchCheckpoint } from '../launcher.ts';
import type { Census } from './census.ts';
import { members, signalAll, supervisorState } from './members.ts';
import { readExitStatus, SUPERVISOR_NAME } from './supervisor.ts';

/** How often a supervisor that is not our child is looked at. */
const WATCH_MS = 200;
/** A supervisor whose task is gone ends by itself; after this long it is ended. */
const SUPERVISOR_LINGER_MS = 2000;
/** What the kernel calls the signal of an out-of-memory kill. */
const SIGKILL = 9;

/** What the work on a process tree needs; `signal` ends it. */
export interface TreeParts {
  readonly clock: Clock;
  readonly census: Census;
  /** Control groups, one for each container; undefined: containers are known by their processes alone. */
  readonly groups?: Groups | undefined;
  readonly signal: AbortSignal;
}

/** The pids of a container except its supervisor: what its group has, and what a look at all processes finds. */
async function insiders(
  parts: TreeParts,
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
): Promise<number[]> {
  const { census, groups } = parts;
  const found = members(census.table, checkpoint, seenAlive, await census.next()).map((p) => p.pid);
  const inGroup = groups?.pids(checkpoint.containerId) ?? [];
  return [...new Set([...found, ...inGroup])].filter((pid) => pid !== checkpoint.pid);
}

/**
 * SIGTERM for all, as soon as the command has taken the place of the shell that starts it: before, it gets lost. Not after
 * `ending` has aborted.
 */
export async function terminate(
  parts: TreeParts,
  checkpoint: LaunchCheckpoint,
  ending: AbortSignal,
): Promise<void> {
  const { table } = parts.census;
  const stop = AbortSignal.any([parts.signal, ending]);
  while (!stop.aborted && supervisorState(table, checkpoint) === 'alive') {
    const all = await insiders(parts, checkpoint, false);
    // supervisors of others that share its group are not its children
    const own = all.filter((pid) => table.stat(pid)?.ppid === checkpoint.pid);
    const started = own.length > 0 && !own.some((pid) => table.commandLine(pid).includes(SUPERVISOR_NAME));
    if (started && !stop.aborted) return signalAll(all, 'SIGTERM');
  }
}

/** SIGKILL for all, again and again until nothing is left; the supervisor comes last, so that it can tell the end. */
export async function killTree(parts: TreeParts, checkpoint: LaunchCheckpoint): Promise<void> {
  const { clock, census, groups } = parts;
  const giveUp = clock.monotonic() + SUPERVISOR_LINGER_MS;
  for (;;) {
    if (groups) killGroup(groups, checkpoint.containerId, checkpoint.pid);
    const left = await insiders(parts, checkpoint, false);
    if (parts.signal.aborted) return;
    signalAll(left, 'SIGKILL');
    if (left.length > 0) continue;
    if (supervisorState(census.table, checkpoint) !== 'alive') return;
    if (clock.monotonic() > giveUp) signalAll([checkpoint.pid], 'SIGKILL');
  }
}

/** The supervisor is gone: end what it left behind, then tell how the task ended. */
export async function over(
  parts: TreeParts,
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
): Promise<ExitStatus> {
  const { census, groups } = parts;
  const sameBoot = checkpoint.bootId === census.table.bootId();
  for (;;) {
    const left = sameBoot ? await insiders(parts, checkpoint, seenAlive) : [];
    if (parts.signal.aborted) return never();
    if (left.length === 0) break;
    if (groups) killGroup(groups, checkpoint.containerId);
    signalAll(left, 'SIGKILL');
  }
  const limitation = keepLimitation(sameBoot ? groups : undefined, checkpoint);
  if (sameBoot) await removeGroup(parts, checkpoint.containerId);
  const status = readExitStatus(checkpoint.runtimeDir) ?? { kind: 'unknown' };
  if (!limitation) return status;
  return status.kind === 'unknown'
    ? { kind: 'signaled', signal: SIGKILL, limitation }
    : { ...status, limitation };
}

/** Remove the group of a container that is over; the kernel takes a moment to let the last process go. */
export async function removeGroup(parts: TreeParts, containerId: string): Promise<void> {
  const { groups, clock, signal } = parts;
  const left = (): boolean => groups !== undefined && !groups.remove(containerId);
  while (!signal.aborted && left()) await sleep(clock, 10, signal);
}

/** Wait for a supervisor that another agent process started. */
export async function watch(parts: TreeParts, checkpoint: LaunchCheckpoint): Promise<ExitStatus> {
  while (supervisorState(parts.census.table, checkpoint) === 'alive') {
    await sleep(parts.clock, WATCH_MS, parts.signal);
    if (parts.signal.aborted) return never();
  }
  return over(parts, checkpoint, true);
}

/** After `close` nobody listens any more, and what is not known must not be told. */
function never(): Promise<never> {
  return new Promise(() => {});
}
