/**
 * Every process of a container carries this variable, so that one that left its session is still known; whatever else
 * runs for a container (its health checks) carries it too, and ends with it.
 */
export const CONTAINER_VARIABLE = 'RIMROCK_CONTAINER_ID';

/** What a container runs, and where. */
export interface LaunchSpec {
  readonly containerId: string;
  /** Program and arguments; the program is looked up in the PATH of `environment`. */
  readonly argv: readonly [string, ...string[]];
  /** The whole environment: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Working folder, with `stdout` and `stderr` in it. */
  readonly sandbox: string;
  /** A folder of the launcher's own that lives as long as the checkpoint of the task. */
  readonly runtimeDir: string;
}

/** What tells a launched container from every other process, also after the agent has died. */
export interface LaunchCheckpoint {
  readonly containerId: string;
  readonly runtimeDir: string;
  readonly pid: number;
  /** Start time of `pid` as the system counts it; with the boot id it makes a pid unique. */
  readonly startTime: string;
  readonly bootId: string;
}

export type ExitStatus =
  | { readonly kind: 'exited'; readonly code: number }
  /** `signal` is the number. */
  | { readonly kind: 'signaled'; readonly signal: number }
  /** It ended and nobody saw how (the machine or its supervisor died). */
  | { readonly kind: 'unknown' };

export interface Handle {
  readonly checkpoint: LaunchCheckpoint;
  /** Resolves once, when the container is over and nothing of its process tree is left. Never rejects. */
  readonly exited: Promise<ExitStatus>;
}

/**
 * Runs commands so that they outlive the agent. Every implementation and every fake passes `launcher.contract.ts`.
 */
export interface Launcher {
  /**
   * Create the container, hand its identity to `commit`, and let the command run only after that resolved: an agent
   * that dies in between has either a checkpoint or no running command. Rejects, and leaves nothing behind, when the
   * container cannot be created or `commit` rejects.
   */
  launch(spec: LaunchSpec, commit: (checkpoint: LaunchCheckpoint) => Promise<void>): Promise<Handle>;
  /**
   * Find a container again. `gone`: it ended and its status is lost. `not-mine`: its pid belongs to somebody else now.
   * A container that ended in the meantime and left its status gives a handle that has exited.
   */
  reattach(checkpoint: LaunchCheckpoint): Promise<Handle | 'gone' | 'not-mine'>;
  /** Ask it to end (SIGTERM to the whole tree), end it after `graceMs`. Calling again may only bring the end nearer. */
  kill(handle: Handle, graceMs: number): Promise<ExitStatus>;
  /**
   * End every container whose runtime folder is `root` or below it and whose id is not in `known`: its checkpoint is
   * lost, so nobody would ever end it. Resolves with their ids when they are gone.
   */
  endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]>;
  /** Stop watching; containers run on. */
  close(): void;
}
