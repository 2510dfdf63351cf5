import type { IpAddress, TaskState } from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';

/**
 * One instance of an app, from before its launch until its task has ended. Kept in the store as it is; replaced, never
 * changed.
 */
export interface Instance {
  /** `a_b.instance-<uuid>` */
  readonly id: string;
  readonly taskId: string;
  /** The definition it was launched with. */
  readonly app: App;
  readonly agentId: string;
  readonly host: string;
  /** Where it is probed: the agent's address. */
  readonly address: string;
  /** Agent attributes as text, for placement constraints. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly region?: string;
  readonly zone?: string;
  /** Host ports, in the order of the definition. */
  readonly ports: readonly number[];
  readonly state: TaskState;
  readonly stagedAtMs: number;
  readonly startedAtMs?: number;
  readonly unreachableSinceMs?: number;
  readonly ipAddresses: readonly IpAddress[];
  /** Verdict of a check that its executor runs. */
  readonly executorHealthy?: boolean;
  /** It was asked to end. */
  readonly killing?: { readonly sinceMs: number; readonly reason: string };
}

/** Stands for the configuration an instance runs (App.versionInfo.lastConfigChangeAt). */
export function configurationStamp(app: App): string {
  return app.versionInfo.lastConfigChangeAt;
}

export function isRunning(instance: Instance): boolean {
  return instance.state === 'TASK_RUNNING' || instance.state === 'TASK_KILLING';
}

/** Marathon's name of a state: `TASK_RUNNING` is `Running`. */
export function conditionName(state: TaskState): string {
  return state
    .slice('TASK_'.length)
    .toLowerCase()
    .split('_')
    .map((w) => w.charAt(0).toUpperCase() + w.slice(1))
    .join('');
}
