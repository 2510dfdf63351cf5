import { join } from 'node:path';
import type { ControlGroup } from '../../../core/mesh.ts';
import type { Quantities, Usage } from '../launcher.ts';

/**
 * Control groups of one agent, one for each container, below a folder that is nobody else's. The kernel has two
 * interfaces for them (cgroups(7)); both pass `groups.contract.ts`. A group's name is a file name. Where a method says
 * nothing else, a group that is not there is no error: it has no processes and uses nothing.
 */
export interface Groups {
  readonly version: 1 | 2;
  /** For the log: where, and what can be limited. */
  readonly description: string;
  /** Create it and set its limits. Throws where the kernel refuses. */
  create(name: string, limits: Quantities | undefined): void;
  /**
   * Hold it to other limits. False: it uses more memory than it may have from now on and cannot give it back, so that limit is still as it was.
   * Throws where the kernel refuses.
   */
  limit(name: string, limits: Quantities): boolean;
  /** Move a process in; what it starts from now on is inside too. Throws where the kernel refuses. */
  add(name: string, pid: number): void;
  /** Its group in the tree of version 2, where that is there. */
  unified(name: string): ControlGroup | undefined;
  names(): string[];
  exists(name: string): boolean;
  /** Processes inside, those of groups below it too. */
  pids(name: string): number[];
  /** Hold all inside, or let them go on. The kernel takes a moment to hold them: see `frozen`. */
  freeze(name: string, hold: boolean): void;
  /** Whether all inside are held. */
  frozen(name: string): boolean;
  /** How many processes were ended for going over the memory limit. */
  oomKills(name: string): number;
  memory(name: string): { readonly limitBytes: number | undefined; readonly peakBytes: number };
  usage(name: string): Usage;
  /** False while something is left inside. */
  remove(name: string): boolean;
  /** Remove the folders that lead to the groups, unless there are some. The next `create` makes them again. */
  close(): void;
}

/** Mesos gives no container less (mesos-api.md §2.8). */
export const MIN_MEMORY = 32 * 1024 * 1024;
/** What Mesos gives for a core, and at least. */
const SHARES_PER_CPU = 1024;
const MIN_SHARES = 2;
/** The kernel counts a quota in periods of this length. */
export const CPU_PERIOD_US = 100_000;
const MIN_QUOTA_US = 1_000;

export function cpuShares(limits: Quantities): number {
  return Math.max(MIN_SHARES, Math.round(limits.cpus * SHARES_PER_CPU));
}

/** Microseconds of CPU time in a period; undefined: no limit. */
export function cpuQuotaUs(limits: Quantities): number | undefined {
  const cpus = limits.cpuLimit;
  return cpus === undefined || !Number.isFinite(cpus)
    ? undefined
    : Math.max(MIN_QUOTA_US, Math.round(cpus * CPU_PERIOD_US));
}

/** Bytes; undefined: no limit. */
export function memoryLimit(limits: Quantities): number | undefined {
  const bytes = limits.memLimitBytes ?? limits.memBytes;
  return Number.isFinite(bytes) ? Math.max(MIN_MEMORY, Math.floor(bytes)) : undefined;
}

/**
 * Whether a limit of memory can be set without ending anything: of what is used, the kernel can give up only what it keeps of files (`cached`), and
 * of these not what has no file (`shared`).
 */
export function canHold(
  bytes: number | undefined,
  used: number,
  cached: number | undefined,
  shared: number | undefined,
): boolean {
  return bytes === undefined || used - Math.max(0, (cached ?? 0) - (shared ?? 0)) <= bytes;
}

/** Processes and threads; undefined: no limit. */
export function pidsLimit(limits: Quantities): number | undefined {
  return limits.pids === undefined ? undefined : limits.pids * Math.max(1, limits.sharers ?? 1);
}

/** A group of version 2 at `path` in the tree that is mounted there. */
export function groupAt(mount: string, path: string): ControlGroup {
  return { path: join(mount, path), level: path.split('/').filter(Boolean).length };
}
