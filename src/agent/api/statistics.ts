import { scalarOf } from '../../mesos/index.ts';
import { allProcesses, members, residentBytes } from '../launcher/process/index.ts';
import type { ProcessStat } from '../launcher/process/index.ts';
import { executorName } from '../tasks/command.ts';
import type { TaskRun } from '../tasks/task-run.ts';
import type { AgentView } from './view.ts';

/** Clock ticks a second; fixed in the Linux ABI for what /proc shows. */
const TICKS = 100;

/** What a container uses now, read from /proc (mesos-api.md §3.6). */
function statisticsOf(run: TaskRun, all: readonly ProcessStat[], now: number): Record<string, number> {
  const checkpoint = run.checkpoint;
  const tree = checkpoint ? members(checkpoint, false, all) : [];
  const sum = (f: (p: ProcessStat) => number): number => tree.reduce((total, p) => total + f(p), 0);
  const cpus = scalarOf(run.task.resources, 'cpus');
  const mem = scalarOf(run.task.resources, 'mem') * 1024 * 1024;
  return {
    timestamp: now / 1000,
    processes: tree.length,
    threads: sum((p) => p.threads),
    cpus_user_time_secs: sum((p) => p.userTicks) / TICKS,
    cpus_system_time_secs: sum((p) => p.systemTicks) / TICKS,
    cpus_limit: cpus,
    cpus_soft_limit: cpus,
    mem_limit_bytes: mem,
    mem_soft_limit_bytes: mem,
    mem_rss_bytes: sum((p) => residentBytes(p.pid)),
  };
}

interface ContainerFacts {
  readonly run: TaskRun;
  readonly name: string;
  readonly status: Record<string, unknown>;
  readonly statistics: Record<string, number>;
}

export function containersOf(view: AgentView): ContainerFacts[] {
  const all = allProcesses();
  return view.live
    .filter((run) => !run.over && run.checkpoint)
    .map((run) => ({
      run,
      name: executorName(run.task),
      status: {
        container_id: { value: run.place.containerId },
        ...(run.checkpoint ? { executor_pid: run.checkpoint.pid } : {}),
      },
      statistics: statisticsOf(run, all, view.now()),
    }));
}

/** `/monitor/statistics`. */
export function monitorDocument(view: AgentView): unknown[] {
  return containersOf(view).map(({ run, name, statistics }) => ({
    executor_id: run.place.taskId,
    executor_name: name,
    framework_id: run.place.frameworkId,
    source: run.place.taskId,
    statistics,
  }));
}

/** `/containers`. */
export function containersDocument(view: AgentView): unknown[] {
  return containersOf(view).map(({ run, name, status, statistics }) => ({
    container_id: run.place.containerId,
    executor_id: run.place.taskId,
    executor_name: name,
    framework_id: run.place.frameworkId,
    source: run.place.taskId,
    statistics,
    status,
  }));
}
