import { hideSecrets } from '../../mesos/index.ts';
import type { TaskStatus } from '../../mesos/index.ts';
import type { Checkpoints, PastRun, PastTask } from '../checkpoint/records.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';
import type { ExecutorView } from '../executors/executor.ts';
import type { TaskView } from '../tasks/task-view.ts';

/** What is kept of an executor that is over: no secrets, and nothing that only its framework reads. */
export function pastOf(view: ExecutorView, endedMs: number): PastRun {
  const tasks = [...view.completed, ...view.tasks];
  return {
    version: CHECKPOINT_VERSION,
    place: view.place,
    framework: view.framework,
    executor: hideSecrets(view.info),
    isOfCommand: view.isOfCommand === true,
    tasks: tasks.map(({ place, task, state, updates }): PastTask => {
      const { data: _data, ...shown } = task;
      return {
        task: hideSecrets(shown),
        containerId: place.containerId,
        state,
        statuses: updates.all.map(withoutData),
      };
    }),
    endedMs,
  };
}

function withoutData({ data: _data, ...status }: TaskStatus): TaskStatus {
  return status;
}

/** An executor that is over, as others see it. */
export function viewOf(past: PastRun, checkpoints: Pick<Checkpoints, 'sandboxDir'>): ExecutorView {
  const { place, framework, executor, isOfCommand } = past;
  return {
    place,
    framework,
    info: executor,
    sandbox: checkpoints.sandboxDir(place),
    tasks: [],
    queued: [],
    completed: past.tasks.map((task) => taskViewOf(past, task, checkpoints)),
    over: true,
    ...(isOfCommand ? { isOfCommand } : {}),
    container: undefined,
    nested: [],
  };
}

function taskViewOf(
  { place, framework }: PastRun,
  { task, containerId, state, statuses }: PastTask,
  checkpoints: Pick<Checkpoints, 'sandboxDir'>,
): TaskView {
  const inside = containerId === place.containerId ? undefined : containerId;
  return {
    place: { ...place, containerId, taskId: task.task_id.value },
    framework,
    task,
    state,
    over: true,
    closed: Promise.resolve(),
    sandbox: checkpoints.sandboxDir(place, inside),
    updates: { all: statuses, lastSent: statuses.at(-1), closed: true, leaving: true },
  };
}
