import type { LaunchCheckpoint } from '../launcher.ts';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type { ProcessStat, ProcessTable } from './process-table.ts';

/** Whether the supervisor with this identity runs: `another` when its pid belongs to a different process now. */
export function supervisorState(
  table: ProcessTable,
  checkpoint: LaunchCheckpoint,
): 'alive' | 'dead' | 'another' {
  const stat = table.stat(checkpoint.pid);
  if (!stat) return 'dead';
  if (!table.sameStart(stat.startTime, checkpoint.startTime)) return 'another';
  return stat.state === 'Z' || stat.state === 'X' ? 'dead' : 'alive';
}

/**
 * The processes of a container except its supervisor: its session, its descendants and what carries its variable. As
 * pids are used again, session and descent count only while the supervisor is surely the one we started: it lives, or
 * `seenAlive` (this agent saw it end and nobody took its pid since).
 */
export function members(
  table: ProcessTable,
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
  all: readonly ProcessStat[] = table.all(),
): ProcessStat[] {
  const state = supervisorState(table, checkpoint);
  const trusted = state === 'alive' || (state === 'dead' && seenAlive);
  const byPid = new Map(all.map((p) => [p.pid, p]));
  const self = process.pid;
  return all.filter((p) => {
    if (p.pid === self || (p.pid === checkpoint.pid && table.sameStart(p.startTime, checkpoint.startTime)))
      return false;
    if (trusted && (p.session === checkpoint.pid || descends(p, checkpoint.pid, byPid))) return true;
    return hasContainer(table, p, checkpoint.containerId);
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

/** The process that the supervisor waits for. */
export function commandOf(table: ProcessTable, checkpoint: LaunchCheckpoint): ProcessStat | undefined {
  if (supervisorState(table, checkpoint) !== 'alive') return undefined;
  return table.all().find(({ ppid }) => ppid === checkpoint.pid);
}

/** Send a signal to each; one that is gone already is no error. */
export function signalAll(pids: Iterable<number>, signal: NodeJS.Signals | number): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // ended in the meantime
    }
  }
}

/**
 * Whether a process belongs to a container by the variable that it carries. Nobody comes to carry it later (children
 * inherit it), so the answer is kept for as long as the process is seen.
 */
export function hasContainer(table: ProcessTable, process: ProcessStat, containerId: string): boolean {
  const known = carried.get(process.pid);
  if (known?.startTime === process.startTime) return known.containerId === containerId;
  if (process.ppid === KERNEL_THREADS) return false;
  const container = table.variable(process.pid, CONTAINER_VARIABLE);
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
