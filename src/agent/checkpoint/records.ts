import type { FrameworkInfo, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import type { LaunchCheckpoint } from '../launcher/launcher.ts';

/** Format of everything below `meta/`; a higher number is refused, not guessed at. */
export const CHECKPOINT_VERSION = 1;

/** Who this agent is. Written before an id is used. */
export interface AgentRecord {
  readonly version: number;
  readonly agentId: string;
}

/** The fact that a task was accepted; the first record of a journal, on disk before anything is started. */
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

/** One line of a task's journal: facts in the order in which they became true. */
export type JournalRecord =
  | LaunchRecord
  /** The container exists and waits for its start. */
  | { readonly type: 'FORKED'; readonly checkpoint: LaunchCheckpoint }
  | { readonly type: 'KILL'; readonly graceMs: number; readonly cause: KillCause }
  | { readonly type: 'UPDATE'; readonly status: TaskStatus }
  | { readonly type: 'ACK'; readonly uuid: string };

/** Why a task is being ended: it decides the terminal state. */
export type KillCause = 'kill' | 'unhealthy' | 'max-completion-time' | 'agent-stop';

export interface Journal {
  /** Resolves when the record is on disk. Appends are written in the order of the calls. */
  append(record: JournalRecord): Promise<void>;
  close(): Promise<void>;
}

/** Where one run of one task keeps its things. */
export interface RunPlace {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly taskId: string;
  readonly containerId: string;
}

export interface RecoveredRun {
  readonly place: RunPlace;
  /** Starts with a LAUNCH record. */
  readonly records: readonly JournalRecord[];
  /** To write on. */
  readonly journal: Journal;
}

/**
 * Durable memory of the agent. Tasks of frameworks without `checkpoint` are written down too (Mesos does not): their
 * tasks survive a restart of the agent like all others. The file system in production, memory in tests (with crashes at any write). */
export interface Checkpoints {
  readAgent(): Promise<AgentRecord | undefined>;
  writeAgent(record: AgentRecord): Promise<void>;
  /** The agent has left for good: the next start is a new agent. */
  forgetAgent(): Promise<void>;
  create(place: RunPlace, launch: LaunchRecord): Promise<Journal>;
  /** Every readable run. What is damaged is left in place, logged, and hurts no other run. */
  recover(): Promise<readonly RecoveredRun[]>;
  /** Forget a run that is over. */
  remove(place: RunPlace): Promise<void>;
  /** A folder of the run for its launcher. */
  runtimeDir(place: RunPlace): string;
  /** Create the sandbox (and its `latest` link); its absolute path. */
  createSandbox(place: RunPlace): Promise<string>;
  sandboxDir(place: RunPlace): string;
  removeSandbox(place: RunPlace): Promise<void>;
}
