import type { ContainerInfo } from './container-types.ts';
import type { CommandInfo, DiscoveryInfo, Labels, Nanoseconds, Resource, Value } from './value-types.ts';

/** Who runs tasks: a program of the framework (CUSTOM), or the agent itself (DEFAULT, for task groups). */
export interface ExecutorInfo {
  readonly executor_id: Value;
  /** Absent for CUSTOM executors of LAUNCH. */
  readonly type?: 'DEFAULT' | 'CUSTOM' | 'UNKNOWN';
  /** The master fills it in. */
  readonly framework_id?: Value;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
  readonly resources?: readonly Resource[];
  readonly name?: string;
  readonly source?: string;
  readonly data?: string;
  readonly discovery?: DiscoveryInfo;
  readonly shutdown_grace_period?: Nanoseconds;
  readonly labels?: Labels;
}
