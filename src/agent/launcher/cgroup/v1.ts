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

/** Clock ticks a second; fixed in the Linux ABI for what cpuacct shows. */
const TICKS = 100;
/** What the kernel shows for "no limit": the largest number of pages that it can count. */
const UNLIMITED_BYTES = 2 ** 62;

/** Version 1 has a tree for each controller; these must be there, the others are used where they are. */
export const NEEDED_V1 = ['freezer', 'memory', 'cpu'] as const;
const USED_V1 = [...NEEDED_V1, 'cpuacct', 'pids'] as const;

/**
 * Control groups of version 1, below `root` in the tree of each controller.
 * `mounts` says where the trees are; several controllers may share one. `unified` is where the tree of version 2 is, on machines that
 * have both: nothing is limited there, but connections are known by it.
 */
export function createGroupsV1(mounts: ReadonlyMap<string, string>, root: string, unified?: string): Groups {
  const trees = new Map(
    USED_V1.flatMap((controller) => {
      const mount = mounts.get(controller);
      return mount === undefined ? [] : [[controller, join(mount, root)] as const];
    }),
  );
  const folders = [...new Set([...trees.values(), ...(unified === undefined ? [] : [join(unified, root)])])];
  const at = (controller: (typeof USED_V1)[number], name: string): string =>
    join(trees.get(controller) ?? '/nonexistent', name);
  const exists = (name: string): boolean => read(at('freezer', name), 'freezer.state') !== undefined;
  const hold = (name: string, limits: Quantities): boolean => {
    const [cpu, memory] = [at('cpu', name), at('memory', name)];
    const [quota, pids] = [cpuQuotaUs(limits), pidsLimit(limits)];
    write(cpu, 'cpu.shares', cpuShares(limits));
    if (quota !== undefined) write(cpu, 'cpu.cfs_period_us', CPU_PERIOD_US);
    // without a limit the kernel says -1, which reads as undefined
    if (quota !== undefined || readNumber(cpu, 'cpu.cfs_quota_us') !== undefined)
      write(cpu, 'cpu.cfs_quota_us', quota ?? -1);
    if (pids !== undefined) write(at('pids', name), 'pids.max', pids);
    tryWrite(memory, 'memory.soft_limit_in_bytes', Math.floor(limits.memBytes));
    const bytes = memoryLimit(limits);
    if (bytes === memoryOf(memory).limitBytes) return true;
    const stat = readTable(memory, 'memory.stat');
    const used = readNumber(memory, 'memory.usage_in_bytes') ?? 0;
    if (!canHold(bytes, used, stat.get('total_cache'), stat.get('total_shmem'))) return false;
    return writeUnlessBusy(memory, 'memory.limit_in_bytes', bytes ?? -1);
  };
  return {
    version: 1,
    description: `cgroup v1, ${[...trees.keys()].join(', ')} below ${root}`,
    create(name, limits) {
      for (const folder of folders) makeFolder(join(folder, name));
      if (limits) hold(name, limits);
    },
    limit: (name, limits) => !exists(name) || hold(name, limits),
    add(name, pid) {
      // a container of an agent that did not know of the tree has none there yet
      if (unified !== undefined) makeFolder(join(unified, root, name));
      for (const folder of folders) write(join(folder, name), 'cgroup.procs', pid);
    },
    unified: (name) => (unified === undefined ? undefined : groupAt(unified, join(root, name))),
    names: () => [...new Set(folders.flatMap(subfolders))],
    exists,
    pids: (name) => [...new Set(folders.flatMap((folder) => readPids(join(folder, name), 'cgroup.procs')))],
    freeze: (name, hold) => tryWrite(at('freezer', name), 'freezer.state', hold ? 'FROZEN' : 'THAWED'),
    frozen: (name) => read(at('freezer', name), 'freezer.state') === 'FROZEN',
    oomKills: (name) => readTable(at('memory', name), 'memory.oom_control').get('oom_kill') ?? 0,
    memory: (name) => memoryOf(at('memory', name)),
    usage(name) {
      const [memory, cpu] = [at('memory', name), readTable(at('cpu', name), 'cpu.stat')];
      const time = readTable(at('cpuacct', name), 'cpuacct.stat');
      const stat = readTable(memory, 'memory.stat');
      const seconds = (ticks: number | undefined): number | undefined =>
        ticks === undefined ? undefined : ticks / TICKS;
      const throttled = cpu.get('throttled_time');
      return known({
        threads: readPids(at('freezer', name), 'tasks').length,
        cpus_user_time_secs: seconds(time.get('user')),
        cpus_system_time_secs: seconds(time.get('system')),
        cpus_nr_periods: cpu.get('nr_periods'),
        cpus_nr_throttled: cpu.get('nr_throttled'),
        cpus_throttled_time_secs: throttled === undefined ? undefined : throttled / 1e9,
        mem_total_bytes: readNumber(memory, 'memory.usage_in_bytes'),
        mem_rss_bytes: stat.get('total_rss'),
        mem_anon_bytes: stat.get('total_rss'),
        mem_file_bytes: stat.get('total_cache'),
        mem_mapped_file_bytes: stat.get('total_mapped_file'),
        mem_limit_bytes: memoryOf(memory).limitBytes,
      });
    },
    remove: (name) => folders.map((folder) => removeFolder(join(folder, name))).every(Boolean),
    close: () => {
      for (const controller of trees.keys()) removeSteps(mounts.get(controller) ?? '', root);
      if (unified !== undefined) removeSteps(unified, root);
    },
  };
}

/** False where the kernel cannot: it has tried to have that memory given back. */
function writeUnlessBusy(folder: string, file: string, value: number): boolean {
  try {
    write(folder, file, value);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    return false;
  }
}

function memoryOf(folder: string): ReturnType<Groups['memory']> {
  const limit = readNumber(folder, 'memory.limit_in_bytes') ?? Infinity;
  return {
    limitBytes: limit < UNLIMITED_BYTES ? limit : undefined,
    peakBytes: readNumber(folder, 'memory.max_usage_in_bytes') ?? 0,
  };
}
