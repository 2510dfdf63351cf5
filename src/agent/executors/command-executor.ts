import { executorName } from '../tasks/command.ts';
import type { TaskRun } from '../tasks/task-run.ts';
import type { ExecutorView } from './executor.ts';

/** The executor that Mesos would have for a task with a command: the API shows one (mesos-api.md §2.6). */
export function commandExecutor(run: TaskRun): ExecutorView {
  const { place, framework, task, sandbox, over, container } = run;
  const { closed } = run.updates;
  return {
    place,
    framework,
    info: {
      executor_id: task.task_id,
      framework_id: { value: place.frameworkId },
      ...(task.command ? { command: task.command } : {}),
      resources: task.resources,
      name: executorName(task),
      source: place.taskId,
      ...(task.labels ? { labels: task.labels } : {}),
    },
    sandbox,
    tasks: closed ? [] : [run],
    queued: [],
    completed: closed ? [run] : [],
    over,
    isOfCommand: true,
    container,
    nested: [],
  };
}
