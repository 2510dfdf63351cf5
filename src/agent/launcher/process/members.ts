import type { LaunchCheckpoint } from '../launcher.ts';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import { allProcesses, environmentOf, processStat } from './proc.ts';
import type { ProcessStat } from './proc.ts';

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
    return hasContainer(p, checkpoint.containerId);
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

/**
 * Whether a process belongs to a container by the variable that it carries. Nobody comes to carry it later (children
 * inherit it), so the answer is kept for as long as the process is seen.
 */
export function hasContainer(process: ProcessStat, containerId: string): boolean {
  const known = carried.get(process.pid);
  if (known?.startTime === process.startTime) return known.containerId === containerId;
  if (process.ppid === KERNEL_THREADS) return false;
  const container = environmentOf(process.pid, CONTAINER_VARIABLE);
  if (container === undefined) return false;
  if (carried.size > CARRIED_MAX) carried.clear();
  carried.set(process.pid, { startTime: process.startTime, containerId: container });
  return container === containerId;
}

/** The parent of all kernel threads, which have no environment. */
const KERNEL_THREADS = 2;

/** What is known of processes; cleared when it has outgrown what a machine runs at a time. */
const carried = new Map<number, { readonly startTime: string; readonly containerId: string }>();
const CARRIED_MAX = 20_000;
