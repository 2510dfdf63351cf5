import type { TaskState } from '../../mesos/index.ts';

/** An agent that is registered with the master. All entities of the model are immutable values. */
export interface ModelAgent {
  readonly id: string;
  readonly hostname: string;
  /** Host part of its pid: an IP literal, or a name in clusters with odd set-ups. */
  readonly host: string;
  readonly port: number;
  readonly active: boolean;
  /** Its fault domain, `<region>/<zone>`; absent where it has none. */
  readonly zone?: string;
}

export interface ModelFramework {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  /** Only frameworks on the libprocess driver have a pid, and only the v0 documents show it. */
  readonly pid: { readonly host: string; readonly port: number } | undefined;
  readonly active: boolean;
  readonly labels: ReadonlyMap<string, string>;
  /** Values of the labels that declare services, in order (a label key may repeat). */
  readonly declarations: readonly string[] | undefined;
}

export interface ModelPort {
  /** As given, also outside 1..65535; 0 where the entry could not be read (it keeps its place: ports go by index). */
  readonly number: number;
  readonly name: string;
  readonly protocol: string;
  readonly labels: ReadonlyMap<string, string>;
}

export interface ModelDiscovery {
  readonly name: string;
  readonly visibility: string;
  readonly ports: readonly ModelPort[];
}

/** A network that a container is attached to, by the name that its CNI or Docker network has. */
export interface NamedNetwork {
  readonly name: string;
  /** Valid IP literals only, as listed. */
  readonly ips: readonly string[];
}

/** What the newest TASK_RUNNING status says about the task's own network. Valid IP literals only. */
export interface RunningStatus {
  readonly timestampMs: number;
  readonly healthy: boolean | undefined;
  readonly netinfoIps: readonly string[];
  readonly dockerIps: readonly string[];
  readonly mesosIps: readonly string[];
  /** Those of its networks that have a name. */
  readonly networks: readonly NamedNetwork[];
}

/** A task that is not in a terminal state. */
export interface ModelTask {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly state: TaskState;
  readonly ports: readonly number[];
  readonly discovery: ModelDiscovery | undefined;
  readonly labels: ReadonlyMap<string, string>;
  /** Timestamp of the first TASK_RUNNING status that was seen, in milliseconds; 0 before. */
  readonly startedAtMs: number;
  /** Mesos checks its health: without a verdict it was not checked yet. */
  readonly hasHealthCheck: boolean;
  readonly running: RunningStatus | undefined;
}

/** An entity that was left out, or kept without a part that could not be read. */
export interface Rejection {
  readonly kind: 'agent' | 'framework' | 'task' | 'master';
  readonly id: string;
  readonly reason: string;
}

export interface MasterEndpoint {
  readonly ip: string;
  readonly port: number;
}

/** The cluster at one moment. */
export interface ClusterState {
  readonly agents: ReadonlyMap<string, ModelAgent>;
  readonly frameworks: ReadonlyMap<string, ModelFramework>;
  /** By `ModelTask.key`. */
  readonly tasks: ReadonlyMap<string, ModelTask>;
  /** By `<kind> <id>`. */
  readonly rejected: ReadonlyMap<string, Rejection>;
  readonly leader: MasterEndpoint | undefined;
  /** The masters as they are configured or were detected, in that order. */
  readonly masters: readonly MasterEndpoint[];
}

/** One step from a state to the next: the new value of one entity, or undefined when it is gone. */
export type Change =
  | { readonly kind: 'agent'; readonly id: string; readonly value: ModelAgent | undefined }
  | { readonly kind: 'framework'; readonly id: string; readonly value: ModelFramework | undefined }
  | { readonly kind: 'task'; readonly id: string; readonly value: ModelTask | undefined }
  | { readonly kind: 'rejected'; readonly id: string; readonly value: Rejection | undefined }
  | { readonly kind: 'leader'; readonly value: MasterEndpoint | undefined }
  | { readonly kind: 'masters'; readonly value: readonly MasterEndpoint[] };

/** The result of reading one entity: it may be there with problems (parts left out), or not be there at all. */
export interface Read<T> {
  readonly id: string;
  readonly value: T | undefined;
  readonly problems: readonly string[];
}

/** Tasks are unique only within their framework. Joined, so that it is one flat string: it is kept for long. */
export function taskKey(frameworkId: string, taskId: string): string {
  return [frameworkId, taskId].join(' ');
}
