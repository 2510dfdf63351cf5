import type {
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  Resource,
  TaskInfo,
  TaskLimits,
} from '../../mesos/index.ts';
import type { KillCause, RunPlace } from '../checkpoint/records.ts';
import type { Limitation, Usage } from '../launcher/launcher.ts';
import type { TaskView } from '../tasks/task-view.ts';

/** An executor as others see it. A command task has one too, which only the API knows. */
export interface ExecutorView {
  readonly place: RunPlace;
  readonly framework: FrameworkInfo;
  readonly info: ExecutorInfo;
  readonly sandbox: string;
  /** Accepted, and not over or not yet acknowledged; without those that are queued. */
  readonly tasks: readonly TaskView[];
  /** Accepted, and not given to it yet. */
  readonly queued: readonly TaskInfo[];
  readonly completed: readonly TaskView[];
  /** Nothing of it runs any more; ends of tasks may wait for their acknowledgement. */
  readonly over: boolean;
  /** Only the API knows it: the framework gave a task with a command. */
  readonly isOfCommand?: boolean;
  /** What it runs in, and inside of that its tasks, if they have containers of their own. */
  readonly container: ContainerView | undefined;
  readonly nested: readonly ContainerView[];
}

/** A container that runs now. */
export interface ContainerView {
  readonly containerId: string;
  /** Undefined where it has no process of its own. */
  readonly pid: number | undefined;
  readonly resources: readonly Resource[];
  readonly limits?: TaskLimits | undefined;
  usage(): Promise<Usage | undefined>;
  /** Resolves when it is over; absent where others have no business inside. */
  readonly ended?: Promise<unknown>;
  /** End it, with this as the reason; absent where tasks of others would end with it. */
  endOverLimit?(limitation: Limitation): void;
}

/** What an executor has, with what its tasks have (those that are not over). */
export function resourcesOf({ info, tasks, isOfCommand }: ExecutorView): Resource[] {
  const own = isOfCommand === true ? [] : (info.resources ?? []);
  return [...own, ...tasks.filter(({ over }) => !over).flatMap(({ task }) => task.resources)];
}

/** What the agent asks of an executor, whoever plays it. */
export interface Executor extends ExecutorView {
  framework: FrameworkInfo;
  /** Takes nothing new. */
  readonly ending: boolean;
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  /** Take tasks: all of them get on disk, or all fail. */
  accept(tasks: readonly TaskInfo[], group: boolean): void;
  /** Whether it has that task, and it is not over. */
  kill(taskId: string, policy: KillPolicy | undefined): boolean;
  /** Whether it has that task; acknowledges the head of its updates. */
  ack(taskId: string, uuid: string): boolean;
  /** Data from the framework. */
  message(data: string): void;
  /** End it with all of its tasks. `discard`: nobody is there to acknowledge the ends. */
  shutdown(options?: { readonly discard?: boolean; readonly cause?: KillCause }): void;
  resume(): void;
  pause(): void;
  /** Let go without ending anything. */
  release(): Promise<void>;
}

/** What becomes of an executor. */
export interface ExecutorListener {
  /** It is over; `status` as wait(2) tells it, -1 where nobody knows. */
  over(executor: Executor, status: number): void;
  /** All that it ever had has been acknowledged. */
  closed(executor: Executor): void;
}

/** How many ended tasks of an executor are remembered for /state. */
export const COMPLETED_KEPT = 200;
