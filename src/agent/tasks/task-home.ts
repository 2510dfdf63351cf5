import type { FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import type { Checkpoints, Journal, TaskPlace } from '../checkpoint/records.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';

/** Where a task keeps its things: in a run of its own, or inside that of its executor. */
export interface TaskHome {
  readonly sandbox: string;
  /** For the launcher. */
  readonly runtimeDir: string;
  /** The container of the executor, where the task runs inside of one. */
  readonly parent?: string;
  readonly parentSandbox?: string;
  /** Have it on disk that the task was accepted; what comes true of it goes into the journal. */
  open(): Promise<Journal>;
  createSandbox(): Promise<unknown>;
}

/** A command task: its executor is a supervisor that nobody sees. */
export function ownHome(
  checkpoints: Checkpoints,
  place: TaskPlace,
  launch: { readonly framework: FrameworkInfo; readonly task: TaskInfo; readonly at: number },
): TaskHome {
  return {
    sandbox: checkpoints.sandboxDir(place),
    runtimeDir: checkpoints.runtimeDir(place),
    open: () =>
      checkpoints.create(place, {
        type: 'LAUNCH',
        version: CHECKPOINT_VERSION,
        agentId: place.agentId,
        containerId: place.containerId,
        ...launch,
      }),
    createSandbox: () => checkpoints.createSandbox(place),
  };
}

/** A task of a group: a container in the one of its executor. */
export function nestedHome(
  checkpoints: Checkpoints,
  place: TaskPlace,
  parent: string,
  open: () => Promise<Journal>,
): TaskHome {
  const executor = { ...place, containerId: parent };
  return {
    sandbox: checkpoints.sandboxDir(executor, place.containerId),
    runtimeDir: checkpoints.runtimeDir(executor, place.containerId),
    parent,
    parentSandbox: checkpoints.sandboxDir(executor),
    open,
    createSandbox: () => checkpoints.createSandbox(executor, place.containerId),
  };
}
