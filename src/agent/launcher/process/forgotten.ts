import { killGroup } from '../cgroup/index.ts';
import type { Groups } from '../cgroup/index.ts';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type { LaunchCheckpoint } from '../launcher.ts';
import type { ProcessTable } from './process-table.ts';
import { STATUS_FILE, SUPERVISOR_NAME } from './supervisor.ts';
import { killTree, removeGroup } from './tree.ts';
import type { TreeParts } from './tree.ts';

/** How a supervisor was started: its name, then its file. */
const STARTED = new RegExp(`(?:^| )${SUPERVISOR_NAME} (/.*?)/${STATUS_FILE} `, 's');

/** All containers of this machine whose supervisors live, told by how these were started. */
function supervised(table: ProcessTable): LaunchCheckpoint[] {
  return table.all().flatMap((p) => {
    if (p.session !== p.pid) return [];
    const runtimeDir = STARTED.exec(table.commandLine(p.pid))?.[1];
    const containerId = runtimeDir === undefined ? '' : table.variable(p.pid, CONTAINER_VARIABLE);
    if (runtimeDir === undefined || !containerId) return [];
    return [{ containerId, runtimeDir, pid: p.pid, startTime: p.startTime, bootId: table.bootId() }];
  });
}

function isBelow(root: string, { runtimeDir }: LaunchCheckpoint): boolean {
  return runtimeDir === root || runtimeDir.startsWith(`${root}/`);
}

/** See `Launcher.endForgotten`; groups without a supervisor, which have no folder any more, end as well. */
export async function endForgotten(
  tree: TreeParts,
  root: string,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const { census, groups } = tree;
  const all = supervised(census.table);
  const forgotten = all.filter((c) => isBelow(root, c) && !known.has(c.containerId));
  await Promise.all(
    forgotten.map(async (c) => {
      await killTree(tree, c);
      await removeGroup(tree, c.containerId);
    }),
  );
  const living = new Set(all.map((c) => c.containerId));
  const orphans = groups ? await endOrphans(tree, groups, living, known) : [];
  return [...forgotten.map((c) => c.containerId), ...orphans];
}

/** Groups whose supervisors are gone: what is left inside ends unless somebody knows of it, and empty ones go. */
async function endOrphans(
  tree: TreeParts,
  groups: Groups,
  living: ReadonlySet<string>,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const ended: string[] = [];
  for (const name of groups.names().filter((n) => !living.has(n))) {
    const occupied = groups.pids(name).length > 0;
    if (occupied && known.has(name)) continue;
    if (occupied) ended.push(name);
    while (!tree.signal.aborted && groups.pids(name).length > 0) {
      killGroup(groups, name);
      await tree.census.next();
    }
    await removeGroup(tree, name);
  }
  return ended;
}
