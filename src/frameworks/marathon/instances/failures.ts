import type { TaskState } from '../../../mesos/index.ts';

/** The last task of an app that ended in a way nobody asked for. */
export interface TaskFailure {
  readonly appId: string;
  readonly host: string;
  readonly message: string;
  readonly slaveId: string;
  readonly state: TaskState;
  readonly taskId: string;
  readonly timestamp: string;
  readonly version: string;
}
