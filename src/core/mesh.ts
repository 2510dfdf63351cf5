import type { TaskFacts } from './identity.ts';
import type { MtlsMode } from './mesh-labels.ts';

/** A task as those see it who speak mutual TLS on its behalf. */
export interface MeshTask extends TaskFacts {
  /** Key of the service that it is an instance of: `marathon/web`. */
  readonly service: string;
  /** The address at which it is reached. */
  readonly ip: string;
  /** The ports that it has been given there. */
  readonly ports: readonly MeshPort[];
}

export interface MeshPort {
  readonly number: number;
  /** As its scheduler says: `tcp`, `udp`, `tcp,udp`, or nothing. */
  readonly protocol: string;
}

/** The listeners of a task: kept as long as it lives, over restarts of its agent. */
export interface TaskWiring {
  readonly mode: MtlsMode;
  readonly guarded: readonly GuardedPort[];
  readonly upstreams: readonly WiredUpstream[];
}

export interface GuardedPort {
  /** Where others reach the task: the guard listens there. */
  readonly published: number;
  /** Where the task itself listens, at 127.0.0.1. */
  readonly own: number;
}

export interface WiredUpstream {
  /** Key of the service, and its port by index or name. */
  readonly service: string;
  readonly port: string;
  /** The variable of the task's environment that says where, and the port at 127.0.0.1 that it says. */
  readonly variable: string;
  readonly local: number;
}

/** A control group of version 2, by which the kernel knows whose a connection is. */
export interface ControlGroup {
  /** Its folder, absolute. */
  readonly path: string;
  /** How many steps that is below the root of the tree. */
  readonly level: number;
}

/** The addresses of this machine that stand for VIPs: nobody else uses them, and no packet to them leaves the machine. */
export const STAND_INS = { cidr: '127.119.0.0/16', first: '127.119.0.0', last: '127.119.255.255' } as const;

/** Speaks mutual TLS on behalf of tasks that know nothing of it. */
export interface TaskMesh {
  /** What the labels of a task ask for; undefined: nothing. Rejects with what is wrong: a label, or no port is left. */
  plan(task: MeshTask): Promise<TaskWiring | undefined>;
  /** Listen on behalf of a task, which has its identity. Resolves when all its listeners are open; rejects when one cannot be. */
  open(task: MeshTask, wiring: TaskWiring): Promise<void>;
  /**
   * A task that has its identity is in this group, which is nobody else's: what it says to VIPs of guarded services goes by mutual TLS
   * from now on, and as soon as there are some. Resolves when that is in effect, or cannot be had; never rejects.
   */
  enter(task: MeshTask, group: ControlGroup): Promise<void>;
  /** The task has ended. Harmless for one that has nothing. */
  close(task: Pick<TaskFacts, 'frameworkId' | 'taskId'>): void;
}
