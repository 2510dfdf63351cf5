import type { TaskInfo } from '../../mesos/index.ts';
import type { ExecutorStream } from './events.ts';
import type { ExecutorTask } from './executor-task.ts';

/** Tasks that an executor is to be given together. */
interface Batch {
  readonly tasks: readonly ExecutorTask[];
  /** They live and die together as well. */
  readonly group: boolean;
  /** On disk, and with their identities: only then they may be given. */
  ready: boolean;
}

/** What an executor has still to be given, in the order in which it came. */
export class LaunchQueue {
  /** Nothing is given before: its container may not have room yet for what came while it was made. */
  open = false;
  #batches: Batch[] = [];

  add(tasks: readonly ExecutorTask[], group: boolean): Batch {
    const batch = { tasks, group, ready: false };
    this.#batches.push(batch);
    return batch;
  }

  remove(batch: Batch): void {
    this.#batches = this.#batches.filter((b) => b !== batch);
  }

  /** Those that die with this task, itself included. */
  withMates(task: ExecutorTask): Batch {
    const batch = this.#batches.find(({ tasks }) => tasks.includes(task));
    return batch?.group === true ? batch : { tasks: [task], group: false, ready: true };
  }

  /** Give what is next, as far as it is ready and not over by now; whether there was any. */
  giveTo(stream: ExecutorStream): boolean {
    let gave = false;
    while (this.open && this.#batches[0]?.ready === true) {
      const { tasks, group } = this.#batches[0];
      this.#batches.shift();
      const live = tasks.filter((task) => !task.over);
      if (live.length === 0) continue;
      gave = true;
      for (const task of live) task.given = true;
      give(
        live.map(({ task }) => task),
        group,
        stream,
      );
    }
    return gave;
  }
}

function give(tasks: readonly TaskInfo[], group: boolean, stream: ExecutorStream): void {
  if (group) stream.send({ type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks } } });
  else for (const task of tasks) stream.send({ type: 'LAUNCH', launch: { task } });
}
