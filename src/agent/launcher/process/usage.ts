import type { LaunchCheckpoint, Usage } from '../launcher.ts';
import { members } from './members.ts';
import type { ProcessStat, ProcessTable } from './process-table.ts';
import type { TreeParts } from './tree.ts';

/** What a container uses: its group says it, or else a look at its processes. */
export async function containerUsage(
  { census, groups }: Pick<TreeParts, 'census' | 'groups'>,
  checkpoint: LaunchCheckpoint,
): Promise<Usage> {
  if (!groups?.exists(checkpoint.containerId))
    return processUsage(census.table, checkpoint, await census.next());
  const pids = groups.pids(checkpoint.containerId).filter((pid) => pid !== checkpoint.pid);
  return { processes: pids.length, ...groups.usage(checkpoint.containerId) };
}

function processUsage(table: ProcessTable, checkpoint: LaunchCheckpoint, all: readonly ProcessStat[]): Usage {
  const tree = members(table, checkpoint, false, all);
  const sum = (f: (p: ProcessStat) => number): number => tree.reduce((total, p) => total + f(p), 0);
  const told = tree.every((p) => p.threads !== undefined);
  return {
    processes: tree.length,
    ...(told ? { threads: sum((p) => p.threads ?? 0) } : {}),
    cpus_user_time_secs: sum((p) => p.userSeconds),
    cpus_system_time_secs: sum((p) => p.systemSeconds),
    mem_rss_bytes: sum((p) => table.residentBytes(p.pid)),
  };
}
