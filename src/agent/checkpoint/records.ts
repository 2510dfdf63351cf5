import type { TaskWiring } from '../../core/mesh.ts';
import type {
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../mesos/index.ts';
import type { LaunchCheckpoint } from '../launcher/launcher.ts';
import type { Declared } from '../reconfiguration.ts';

/** Format of everything below `meta/`; a higher number is refused, not guessed at. */
export const CHECKPOINT_VERSION = 1;

/** Who this agent is. Written before an id is used. */
export interface AgentRecord {
  readonly version: number;
  readonly agentId: string;
  /** What it offered under this id; absent in records of earlier versions. */
  readonly declared?: Declared;
  /** Of the boot of the machine in which the agent was started last. */
  readonly bootId?: string;
}

/** The agent is being drained. */
export interface DrainRecord {
  readonly version: number;
  readonly config: DrainConfig;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
}

/** The fact that a command task was accepted; the first record of its journal, on disk before anything is started. */
export interface LaunchRecord {
  readonly type: 'LAUNCH';
  readonly version: number;
  readonly agentId: string;
  readonly containerId: string;
  readonly framework: FrameworkInfo;
  readonly task: TaskInfo;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The fact that an executor is to be: the first record of the journal that it shares with its tasks. */
export interface ExecutorRecord {
  readonly type: 'EXECUTOR';
  readonly version: number;
  readonly agentId: string;
  readonly containerId: string;
  readonly framework: FrameworkInfo;
  readonly executor: ExecutorInfo;
  readonly at: number;
}

/** Tasks that an executor was given together, all of them or none. Those with the same `group` live and die together as well. */
export interface TasksRecord {
  readonly type: 'TASKS';
  readonly group?: string;
  readonly tasks: readonly { readonly task: TaskInfo; readonly containerId: string }[];
  readonly at: number;
}

/** One line of a journal: facts in the order in which they became true. */
export type JournalRecord =
  | LaunchRecord
  | ExecutorRecord
  | TasksRecord
  /** A fact about one of the tasks of an executor. */
  | { readonly type: 'OF_TASK'; readonly taskId: string; readonly record: JournalRecord }
  /** The container exists and waits for its start. */
  | { readonly type: 'FORKED'; readonly checkpoint: LaunchCheckpoint }
  /** Listeners that speak mutual TLS on its behalf; on disk before they are opened. */
  | { readonly type: 'WIRED'; readonly wiring: TaskWiring }
  | { readonly type: 'KILL'; readonly graceMs: number; readonly cause: KillCause }
  | { readonly type: 'UPDATE'; readonly status: TaskStatus }
  | { readonly type: 'ACK'; readonly uuid: string };

/** Why a task is being ended: it decides the terminal state. */
export type KillCause = 'kill' | 'unhealthy' | 'max-completion-time' | 'agent-stop';

export interface Journal {
  /** Resolves when the record is on disk. Appends are written in the order of the calls. */
  append(record: JournalRecord): Promise<void>;
  /** Replace all records by these, which begin with the first one: readers find the old ones or the new. */
  rewrite(records: readonly JournalRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Where one run of one executor keeps its things. A command task is an executor of its own, with the same id. */
export interface RunPlace {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly executorId: string;
  readonly containerId: string;
}

/** Which task of which executor; `containerId` is the container that the task runs in. */
export interface TaskPlace extends RunPlace {
  readonly taskId: string;
}

export interface RecoveredRun {
  readonly place: RunPlace;
  /** Starts with a LAUNCH or an EXECUTOR record. */
  readonly records: readonly JournalRecord[];
  /** To write on. */
  readonly journal: Journal;
}

/** What is kept of an executor that is over, with all ends acknowledged, for people who look for what it was and what it wrote. No secrets. */
export interface PastRun {
  readonly version: number;
  readonly place: RunPlace;
  readonly framework: FrameworkInfo;
  readonly executor: ExecutorInfo;
  /** Only the API knows it: the framework gave a task with a command. */
  readonly isOfCommand: boolean;
  /** Oldest first. */
  readonly tasks: readonly PastTask[];
  /** Milliseconds since the epoch. */
  readonly endedMs: number;
}

export interface PastTask {
  readonly task: TaskInfo;
  /** That of its executor, unless it had its own. */
  readonly containerId: string;
  readonly state: TaskState;
  readonly statuses: readonly TaskStatus[];
}

/**
 * Durable memory of the agent. Tasks of frameworks without `checkpoint` are written down too (Mesos does not): their
 * tasks survive a restart of the agent like all others. The file system in production, memory in tests (with crashes at any write). */
export interface Checkpoints {
  readAgent(): Promise<AgentRecord | undefined>;
  writeAgent(record: AgentRecord): Promise<void>;
  readDrain(): Promise<DrainRecord | undefined>;
  /** Undefined: it is not drained any more. */
  writeDrain(record: DrainRecord | undefined): Promise<void>;
  /** The agent has left for good: the next start is a new agent. */
  forgetAgent(): Promise<void>;
  create(place: RunPlace, first: LaunchRecord | ExecutorRecord): Promise<Journal>;
  /** Every readable run. What is damaged is left in place, logged, and hurts no other run. */
  recover(): Promise<readonly RecoveredRun[]>;
  /** A run is over: nothing else is kept of it from here on. */
  complete(past: PastRun): Promise<void>;
  /** All that are kept, in the order in which they ended. */
  completed(): Promise<readonly PastRun[]>;
  /** Forget a run that is over. */
  remove(place: RunPlace): Promise<void>;
  /** A folder of the run for its launcher; `nested`: of a container inside. */
  runtimeDir(place: RunPlace, nested?: string): string;
  /** Create the sandbox (and its `latest` link), or that of a container inside with its folder for the launcher; its absolute path. */
  createSandbox(place: RunPlace, nested?: string): Promise<string>;
  sandboxDir(place: RunPlace, nested?: string): string;
  /** With it goes what is kept of a run that was completed. */
  removeSandbox(place: RunPlace): Promise<void>;
}
