import type { Unsubscribe } from './subscribers.ts';

/** An identity that can be presented: an X.509-SVID (SPIFFE X509-SVID §2) with its key. */
export interface Svid {
  /** `spiffe://<trust domain>/<path>`. */
  readonly id: string;
  /** PEM: the leaf, then the intermediates up to, and without, the root. */
  readonly certificateChain: string;
  /** PEM, PKCS#8, not encrypted. Never logged, never in an answer of an admin API. */
  readonly privateKey: string;
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The roots that identities of a trust domain are judged by (SPIFFE Trust Domain and Bundle §4). */
export interface TrustBundle {
  readonly trustDomain: string;
  /** PEM, one root each. */
  readonly roots: readonly string[];
  /** Rises by at least one with each change. */
  readonly sequence: number;
}

/** Who a process is, and whom it believes. */
export interface IdentityContext {
  readonly svid: Svid;
  readonly bundle: TrustBundle;
}

/**
 * Somebody's current identity, renewed behind it. What is open stays open when it changes: users of a source take the current one
 * for each new handshake.
 */
export interface IdentitySource {
  /** Undefined until the first has been issued. An old one stays when it cannot be renewed, also beyond its end. */
  readonly current: IdentityContext | undefined;
  onChange(listener: (context: IdentityContext) => void): Unsubscribe;
}

/** What is known of a task that its identity is made of. From our own state, never from what somebody sends. */
export interface TaskFacts {
  readonly taskId: string;
  readonly taskName: string;
  readonly frameworkId: string;
  readonly frameworkName: string;
  readonly agentId: string;
  /** The user that its command runs as, where one is named. */
  readonly user?: string;
  /** Labels of the task, by key. */
  readonly labels: ReadonlyMap<string, string>;
  /** What it wants to be found under, where that is not its name. */
  readonly discoveryName?: string;
  /** Of the ports that it is found at. */
  readonly portLabels?: readonly ReadonlyMap<string, string>[];
}

/** The master's knowledge of what runs where, as the authority asks for it. */
export interface RunningTasks {
  /** Undefined if `agentId` does not run that task, or the task has ended. */
  find(agentId: string, frameworkId: string, taskId: string): TaskFacts | undefined;
  /** The SPIFFE id with which an agent has registered; undefined where it has shown none. */
  agentIdentity?(agentId: string): string | undefined;
}

/** Of a sandbox: where the identity of its task is. What is in it is for the task alone; no API shows it. */
export const IDENTITY_FOLDER = '.rimrock';

/** What names a task among all of its agent. */
export type TaskKey = Pick<TaskFacts, 'frameworkId' | 'taskId'>;

/** A user of the machine, by its numbers: whose files are. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** A program that runs several tasks. */
export interface ProgramKey {
  readonly frameworkId: string;
  readonly executorId: string;
  /** Of this run of it: never used again. */
  readonly containerId: string;
}

/** Where an identity goes. */
export interface IdentityPlace {
  /** Of the task, or of the program that runs it: files are written there, in IDENTITY_FOLDER. */
  readonly sandbox: string;
  /** The program that runs the task together with others: it has one socket for all of them, and a folder for each. */
  readonly program?: ProgramKey | undefined;
}

/** Where an identity goes, and to whom. */
export interface IdentityHome extends IdentityPlace {
  /** Who may use it besides root; absent: the user of the agent. */
  readonly owner?: FileOwner | undefined;
}

/** What an agent needs for the tasks that it runs. */
export interface TaskIdentities {
  /**
   * Keep an identity for a task from now on, renewed until `release`. Files are written before this resolves.
   * Resolves with what to add to the environment of the task, which for one in a program is nothing. Rejects when there is no first identity in
   * time (the task then fails to start), or it is released meanwhile.
   */
  provide(task: TaskFacts, home: IdentityHome): Promise<Readonly<Record<string, string>>>;
  /** The task has ended, or is another's now: nothing of its identity stays. Harmless for one that is not known. */
  release(task: TaskKey, place: IdentityPlace): Promise<void>;
  /** The identity of a task that has one, for those who speak for it (the guard before its port). */
  sourceOf(task: TaskKey): IdentitySource | undefined;
  /**
   * Open the socket of a program, before any of its tasks is provided with it as its home. Resolves with what to add to the environment of the
   * program. Rejects when there can be no socket.
   */
  openProgram(home: IdentityHome & ProgramPlace): Promise<Readonly<Record<string, string>>>;
  /** The program is over: nothing of it stays. Harmless for one that is not known. */
  closeProgram(place: ProgramPlace): Promise<void>;
}

/** Of a program that runs tasks. */
export type ProgramPlace = IdentityPlace & { readonly program: ProgramKey };
