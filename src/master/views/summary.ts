import type { MasterState, TaskEntry } from '../state/model.ts';
import { agentV0, allTasks, frameworkHeadV0 } from './v0.ts';

const COUNTED = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
] as const;

function counts(tasks: readonly TaskEntry[]): Record<string, number> {
  const out: Record<string, number> = Object.fromEntries(COUNTED.map((state) => [state, 0]));
  for (const task of tasks) if (Object.hasOwn(out, task.state)) out[task.state] = (out[task.state] ?? 0) + 1;
  return out;
}

function grouped(tasks: readonly TaskEntry[], key: (task: TaskEntry) => string): Map<string, TaskEntry[]> {
  const out = new Map<string, TaskEntry[]>();
  for (const task of tasks) {
    const list = out.get(key(task));
    if (list) list.push(task);
    else out.set(key(task), [task]);
  }
  return out;
}

/** /state-summary: agents and frameworks with how many tasks they have in which state. */
export function stateSummary(
  state: MasterState,
  cluster: string | undefined,
): Readonly<Record<string, unknown>> {
  const tasks = allTasks(state);
  const byAgent = grouped(tasks, (t) => t.agentId);
  const byFramework = grouped(tasks, (t) => t.frameworkId);
  return {
    hostname: state.info.hostname,
    ...(cluster === undefined ? {} : { cluster }),
    slaves: [...state.agents.values()].map((agent) => {
      const own = byAgent.get(agent.id) ?? [];
      return {
        ...agentV0(agent),
        ...counts(own),
        framework_ids: [...new Set(own.map((t) => t.frameworkId))],
      };
    }),
    frameworks: [...state.frameworks.values()].map((framework) => {
      const own = byFramework.get(framework.id) ?? [];
      return {
        ...frameworkHeadV0(framework),
        ...counts(own),
        slave_ids: [...new Set(own.map((t) => t.agentId))],
      };
    }),
  };
}
