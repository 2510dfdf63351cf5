import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { scalarOf } from '../../mesos/index.ts';
import type { TaskState } from '../../mesos/index.ts';
import { resourcesOf } from '../executors/executor.ts';
import type { AgentView } from './view.ts';

const ACTIVE: readonly TaskState[] = ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'];
const ENDED: readonly TaskState[] = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED', 'TASK_LOST', 'TASK_GONE'];

/** Metrics under Mesos' names, all numbers (mesos-api.md §3.8). */
export function metricsSnapshot(view: AgentView): Record<string, number> {
  const running = view.live.filter((executor) => !executor.over);
  const tasks = view.live.flatMap((executor) => executor.tasks);
  const load = loadavg();
  const out: Record<string, number> = {
    'slave/uptime_secs': (view.now() - view.startedAt) / 1000,
    'slave/registered': view.registered ? 1 : 0,
    'slave/frameworks_active': new Set(view.live.map((r) => r.place.frameworkId)).size,
    'slave/executors_running': running.length,
    'slave/container_launch_errors': view.metrics.launchErrors,
    'slave/recovery_errors': view.metrics.checkpointErrors,
    'gc/path_removals_succeeded': view.metrics.sandboxesCollected,
    'system/cpus_total': cpus().length,
    'system/load_1min': load[0] ?? 0,
    'system/load_5min': load[1] ?? 0,
    'system/load_15min': load[2] ?? 0,
    'system/mem_free_bytes': freemem(),
    'system/mem_total_bytes': totalmem(),
  };
  const used = running.flatMap(resourcesOf);
  for (const name of ['cpus', 'mem', 'disk', 'gpus']) {
    const [total, taken] = [scalarOf(view.info.resources, name), scalarOf(used, name)];
    out[`slave/${name}_total`] = total;
    out[`slave/${name}_used`] = taken;
    out[`slave/${name}_percent`] = total > 0 ? taken / total : 0;
  }
  for (const state of ACTIVE) out[metricOf(state)] = tasks.filter((task) => task.state === state).length;
  for (const state of ENDED) out[metricOf(state)] = view.metrics.ended.get(state) ?? 0;
  return out;
}

function metricOf(state: TaskState): string {
  return `slave/${state.toLowerCase().replace('task_', 'tasks_')}`;
}
