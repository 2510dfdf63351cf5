import type { LaunchCheckpoint } from '../launcher.ts';
import { allProcesses, hasEnvironment, processStat } from './proc.ts';
import type { ProcessStat } from './proc.ts';

/** Every process of a container carries this variable, so that one that left its session is still known. */
export const CONTAINER_VARIABLE = 'RIMROCK_CONTAINER_ID';

/** Whether the supervisor with this identity runs: `another` when its pid belongs to a different process now. */
export function supervisorState(checkpoint: LaunchCheckpoint): 'alive' | 'dead' | 'another' {
  const stat = processStat(checkpoint.pid);
  if (!stat) return 'dead';
  if (stat.startTime !== checkpoint.startTime) return 'another';
  return stat.state === 'Z' || stat.state === 'X' ? 'dead' : 'alive';
}

/**
 * The processes of a container except its supervisor: its session, its descendants and what carries its variable. As
 * pids are used again, session and descent count only while the supervisor is surely the one we started: it lives, or
 * `seenAlive` (this agent saw it end and nobody took its pid since).
 */
export function members(
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
  all: readonly ProcessStat[] = allProcesses(),
): ProcessStat[] {
  const state = supervisorState(checkpoint);
  const trusted = state === 'alive' || (state === 'dead' && seenAlive);
  const byPid = new Map(all.map((p) => [p.pid, p]));
  const self = process.pid;
  return all.filter((p) => {
    if (p.pid === self || (p.pid === checkpoint.pid && p.startTime === checkpoint.startTime)) return false;
    if (trusted && (p.session === checkpoint.pid || descends(p, checkpoint.pid, byPid))) return true;
    return hasContainer(p.pid, checkpoint.containerId);
  });
}

function descends(p: ProcessStat, ancestor: number, byPid: ReadonlyMap<number, ProcessStat>): boolean {
  let at: ProcessStat | undefined = p;
  for (let depth = 0; at && depth < 1000; depth++) {
    if (at.ppid === ancestor) return true;
    at = byPid.get(at.ppid);
  }
  return false;
}

/** Send a signal to each; one that is gone already is no error. */
export function signalAll(processes: readonly ProcessStat[], signal: NodeJS.Signals): void {
  for (const p of processes) {
    try {
      process.kill(p.pid, signal);
    } catch {
      // ended in the meantime
    }
  }
}

/** Whether a process belongs to a container by the variable that it carries. */
export function hasContainer(pid: number, containerId: string): boolean {
  return hasEnvironment(pid, `${CONTAINER_VARIABLE}=${containerId}`);
}
