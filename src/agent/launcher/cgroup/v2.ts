import { join } from 'node:path';
import {
  known,
  makeFolder,
  read,
  readNumber,
  readPids,
  readTable,
  removeFolder,
  removeSteps,
  subfolders,
  tryWrite,
  write,
} from './files.ts';
import { canHold, CPU_PERIOD_US, cpuQuotaUs, cpuShares, groupAt, memoryLimit, pidsLimit } from './groups.ts';
import type { Quantities } from '../launcher.ts';
import type { Groups } from './groups.ts';

/** Must be there, so that what a task asks for is what it gets; the others are used where they are. */
export const NEEDED_V2 = ['memory', 'cpu'] as const;
const USED_V2 = [...NEEDED_V2, 'pids'] as const;

/**
 * Control groups of version 2, below `root` in the one tree at `mount` (Control Group v2, kernel documentation).
 * Controllers are handed down from group to group; only leaves have processes.
 */
export function createGroupsV2(mount: string, root: string, wanted: readonly string[] = USED_V2): Groups {
  const own = join(mount, root);
  const at = (name: string): string => join(own, name);
  const controllers = (folder: string): Set<string> =>
    new Set((read(folder, 'cgroup.controllers') ?? '').split(' ').filter(Boolean));
  const available = wanted.filter((c) => controllers(mount).has(c));

  const handDown = (): void => {
    makeFolder(own);
    let folder = mount;
    for (const step of root.split('/')) {
      const given = new Set((read(folder, 'cgroup.subtree_control') ?? '').split(' '));
      const missing = available.filter((c) => !given.has(c));
      if (missing.length > 0) write(folder, 'cgroup.subtree_control', missing.map((c) => `+${c}`).join(' '));
      folder = join(folder, step);
    }
    const given = new Set((read(own, 'cgroup.subtree_control') ?? '').split(' '));
    const missing = available.filter((c) => !given.has(c));
    if (missing.length > 0) write(own, 'cgroup.subtree_control', missing.map((c) => `+${c}`).join(' '));
  };
  const exists = (name: string): boolean => read(at(name), 'cgroup.events') !== undefined;
  const hold = (folder: string, limits: Quantities): boolean => holdTo(folder, limits, new Set(available));
  return {
    version: 2,
    description: `cgroup v2, ${available.join(', ') || 'no controllers'} below ${own}`,
    create(name, limits) {
      handDown();
      const folder = at(name);
      makeFolder(folder);
      if (limits) hold(folder, limits);
    },
    limit: (name, limits) => !exists(name) || hold(at(name), limits),
    add: (name, pid) => write(at(name), 'cgroup.procs', pid),
    unified: (name) => groupAt(mount, join(root, name)),
    names: () => subfolders(own),
    exists,
    pids: (name) => readPids(at(name), 'cgroup.procs'),
    freeze: (name, hold) => tryWrite(at(name), 'cgroup.freeze', hold ? 1 : 0),
    frozen: (name) => readTable(at(name), 'cgroup.events').get('frozen') === 1,
    oomKills: (name) => readTable(at(name), 'memory.events').get('oom_kill') ?? 0,
    memory: (name) => ({
      limitBytes: readNumber(at(name), 'memory.max'),
      // older kernels do not keep the peak
      peakBytes: readNumber(at(name), 'memory.peak') ?? readNumber(at(name), 'memory.current') ?? 0,
    }),
    usage(name) {
      const folder = at(name);
      const [cpu, memory] = [readTable(folder, 'cpu.stat'), readTable(folder, 'memory.stat')];
      const seconds = (key: string): number | undefined => {
        const us = cpu.get(key);
        return us === undefined ? undefined : us / 1e6;
      };
      return known({
        threads: readPids(folder, 'cgroup.threads').length,
        cpus_user_time_secs: seconds('user_usec'),
        cpus_system_time_secs: seconds('system_usec'),
        cpus_nr_periods: cpu.get('nr_periods'),
        cpus_nr_throttled: cpu.get('nr_throttled'),
        cpus_throttled_time_secs: seconds('throttled_usec'),
        mem_total_bytes: readNumber(folder, 'memory.current'),
        mem_rss_bytes: memory.get('anon'),
        mem_anon_bytes: memory.get('anon'),
        mem_file_bytes: memory.get('file'),
        mem_mapped_file_bytes: memory.get('file_mapped'),
        mem_limit_bytes: readNumber(folder, 'memory.max'),
      });
    },
    remove: (name) => removeFolder(at(name)),
    close: () => removeSteps(mount, root),
  };
}

/** See `Groups.limit`; only what these controllers are for. */
function holdTo(folder: string, limits: Quantities, controllers: ReadonlySet<string>): boolean {
  const [quota, pids] = [cpuQuotaUs(limits), pidsLimit(limits)];
  if (controllers.has('cpu')) {
    write(folder, 'cpu.weight', weightOf(cpuShares(limits)));
    const now = read(folder, 'cpu.max') ?? 'max';
    if (quota !== undefined || !now.startsWith('max'))
      write(folder, 'cpu.max', `${quota ?? 'max'} ${CPU_PERIOD_US}`);
  }
  if (controllers.has('pids') && pids !== undefined) write(folder, 'pids.max', pids);
  if (!controllers.has('memory')) return true;
  tryWrite(folder, 'memory.low', Math.floor(limits.memBytes));
  const bytes = memoryLimit(limits);
  if (bytes === readNumber(folder, 'memory.max')) return true;
  const stat = readTable(folder, 'memory.stat');
  const used = readNumber(folder, 'memory.current') ?? 0;
  if (!canHold(bytes, used, stat.get('file'), stat.get('shmem'))) return false;
  write(folder, 'memory.max', bytes ?? 'max');
  return true;
}

/** CPU shares of version 1 (2 to 262144) on the scale of version 2 (1 to 10000), as systemd and the OCI runtimes do. */
export function weightOf(shares: number): number {
  const most = 262_144;
  return 1 + Math.floor(((Math.min(shares, most) - 2) * 9_999) / (most - 2));
}
