import type { ControlGroup } from '../../core/mesh.ts';
import type { ContainerInfo, NetworkInfo, Resource, RLimit } from '../../mesos/index.ts';

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
  /** Name of the user to run as; undefined: the agent's own. */
  readonly user?: string | undefined;
  readonly rlimits?: readonly RLimit[] | undefined;
  /** What it asked for and may not go over; undefined: not limited, and nothing is accounted to it. */
  readonly quantities?: Quantities | undefined;
  /** The container whose control group it shares, with all of its limits, where that one has a group. */
  readonly inGroupOf?: string | undefined;
  /** The image, networks and volumes; undefined: the machine's own. `argv` is empty text where the image says what to run. */
  readonly container?: ContainerInfo | undefined;
  /** Without an image: what of the machine it sees elsewhere, or read-only; nobody else sees it so. */
  readonly mounts?: readonly BindMount[] | undefined;
  /** Gives up a launch that takes long (the download of an image). Ends nothing once the command runs. */
  readonly signal?: AbortSignal | undefined;
  /** What a person who waits wants to read (progress of a download); goes to the sandbox's stderr as well. */
  readonly progress?: ((text: string) => void) | undefined;
}

/** A file or folder of the machine that a container sees in another place. Paths are absolute. */
export interface BindMount {
  /** Its path as the framework wrote it, for messages. */
  readonly volume: string;
  readonly source: string;
  /** There already, without links on the way, and of the same kind as the source. */
  readonly target: string;
  readonly readOnly: boolean;
}

/** A command beside a container; the whole environment and the working folder, as for the container itself. */
export type ExecSpec = Pick<LaunchSpec, 'argv' | 'environment' | 'sandbox'>;

export interface Quantities {
  /** Cores asked for: the share under contention. */
  readonly cpus: number;
  /** Cores at most; undefined: whatever is free. */
  readonly cpuLimit?: number | undefined;
  readonly memBytes: number;
  /** Bytes at which the container is ended; undefined: `memBytes`, Infinity: no limit. */
  readonly memLimitBytes?: number | undefined;
  /** Processes and threads at most, for each that shares the container. */
  readonly pids?: number | undefined;
  /** An executor and its tasks; undefined: one. */
  readonly sharers?: number | undefined;
}

/** What tells a launched container from every other process, also after the agent has died. */
export interface LaunchCheckpoint {
  /** Which launcher made it; absent: `process`. */
  readonly launcher?: 'process' | 'docker';
  readonly containerId: string;
  readonly runtimeDir: string;
  /** 0 where it is not known yet (a container of another engine before its start). */
  readonly pid: number;
  /** Start time of `pid` as the system counts it; with the boot id it makes a pid unique. */
  readonly startTime: string;
  readonly bootId: string;
  /** `LaunchSpec.user`: what runs beside it runs as the same. */
  readonly user?: string;
  /** Its own group in the tree of version 2; absent where it has none. */
  readonly group?: ControlGroup;
  /** It has mounts of its own: whatever runs beside it has to go where they are. */
  readonly mounts?: true;
  /** The name that another engine gave it: tells it from a later container of the same name. */
  readonly engineId?: string;
}

export type ExitStatus =
  | { readonly kind: 'exited'; readonly code: number; readonly limitation?: Limitation }
  /** `signal` is the number. */
  | { readonly kind: 'signaled'; readonly signal: number; readonly limitation?: Limitation }
  /** It ended and nobody saw how (the machine or its supervisor died). */
  | { readonly kind: 'unknown' };

/** The container was ended (or one of its processes was) since it went over a limit. */
export interface Limitation {
  readonly reason: 'REASON_CONTAINER_LIMITATION_MEMORY' | 'REASON_CONTAINER_LIMITATION_DISK';
  /** In words for the framework, with the limit and what was used. */
  readonly message: string;
  /** What was used when it went over, as Mesos tells it. */
  readonly resources?: readonly Resource[];
}

/** What a container uses now; the names are those of Mesos' ResourceStatistics (mesos-api.md §3.6), absent where not known. */
export type Usage = Readonly<Record<string, number>>;

export interface Handle {
  /** Addresses of its own; undefined: the machine's. Known once it runs. */
  readonly networks?: readonly NetworkInfo[] | undefined;
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
  /** Send a signal to the command of a container, not to what that has started. One that is over gets none. */
  signal(handle: Handle, signal: number): Promise<void>;
  /**
   * Hold a container to this from now on, as far as this launcher limits what it runs. More is there when this resolves. Memory that it uses beyond
   * a lower limit is not taken from it: the limit follows when that has been given back.
   */
  limit(handle: Handle, quantities: Quantities): Promise<void>;
  /**
   * End every container whose runtime folder is `root` or below it and whose id is not in `known`: its checkpoint is
   * lost, so nobody would ever end it. Resolves with their ids when they are gone.
   */
  endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]>;
  /** What it uses now; undefined when it is over. */
  usage(handle: Handle): Promise<Usage | undefined>;
  /**
   * Run a command beside it, as its user, with its files, its network and its limits (health checks). Resolves with the exit code
   * (127: there is no such program), rejects when `signal` aborts or it cannot be started; in both cases nothing of it is left.
   */
  exec(handle: Handle, command: ExecSpec, signal: AbortSignal): Promise<number>;
  /** Stop watching; containers run on. */
  close(): void;
}
