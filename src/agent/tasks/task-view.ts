import type { FrameworkInfo, TaskInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import type { TaskPlace } from '../checkpoint/records.ts';

/** A task as others see it, whoever runs it. */
export interface TaskView {
  readonly place: TaskPlace;
  readonly framework: FrameworkInfo;
  readonly task: TaskInfo;
  /** Latest state known here. */
  readonly state: TaskState;
  readonly over: boolean;
  /** Resolves when its end is acknowledged, that is on disk, and it has been let go of. */
  readonly closed: Promise<void>;
  /** Of its own container, or of its executor's where it is alone in there. */
  readonly sandbox?: string;
  readonly updates: {
    /** The last 100, oldest first. */
    readonly all: readonly TaskStatus[];
    readonly lastSent: TaskStatus | undefined;
    /** The end has been acknowledged. */
    readonly closed: boolean;
    /** The end has been acknowledged, which may not be on disk yet. */
    readonly leaving: boolean;
  };
}
