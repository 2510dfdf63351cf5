import type { CommandInfo, Labels, NetworkInfo, Scalar, Secret } from './value-types.ts';

/** Containers, checks and limits of mesos.proto (mesos-api.md §2.8), as far as Rimrock acts on them. */
export interface PortMapping {
  readonly host_port: number;
  readonly container_port: number;
  /** `tcp` (the default) or `udp`. */
  readonly protocol?: string;
}
export interface DockerInfo {
  readonly image: string;
  /** Default HOST. */
  readonly network?: 'HOST' | 'BRIDGE' | 'NONE' | 'USER';
  readonly port_mappings?: readonly PortMapping[];
  readonly privileged?: boolean;
  /** Options of `docker run` by their long name. */
  readonly parameters?: readonly { readonly key: string; readonly value: string }[];
  readonly force_pull_image?: boolean;
  readonly volume_driver?: string;
}
/** Exactly one of `host_path`, `image` and `source` (with neither, a folder of the sandbox is meant). */
export interface Volume {
  readonly container_path: string;
  readonly mode: 'RW' | 'RO';
  readonly host_path?: string;
  readonly image?: unknown;
  readonly source?: {
    readonly type?: string;
    readonly docker_volume?: {
      readonly driver?: string;
      readonly name: string;
      readonly driver_options?: unknown;
    };
    readonly host_path?: { readonly path: string };
    readonly sandbox_path?: { readonly type?: 'SELF' | 'PARENT'; readonly path: string };
    readonly secret?: Secret;
  };
}
/** A limit of setrlimit(2); without `soft` and `hard`: unlimited. */
export interface RLimit {
  /** `RLMT_NOFILE`, `RLMT_CORE` and so on. */
  readonly type: string;
  readonly soft?: number;
  readonly hard?: number;
}
export interface ContainerInfo {
  readonly type: 'DOCKER' | 'MESOS';
  readonly volumes?: readonly Volume[];
  readonly hostname?: string;
  readonly docker?: DockerInfo;
  readonly mesos?: { readonly image?: unknown };
  readonly network_infos?: readonly ContainerNetwork[];
  readonly rlimit_info?: { readonly rlimits?: readonly RLimit[] };
  readonly linux_info?: unknown;
  readonly tty_info?: unknown;
}
export interface ContainerNetwork extends NetworkInfo {
  readonly port_mappings?: readonly PortMapping[];
  readonly labels?: Labels;
}
/** A check whose result is told and never acted upon. */
export interface CheckInfo {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP' | 'UNKNOWN';
  readonly command?: { readonly command: CommandInfo };
  readonly http?: { readonly port: number; readonly path?: string };
  readonly tcp?: { readonly port: number };
  /** Default 15, 10 and 20 s. */
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
}
/** An empty part says that there is no result yet. */
export interface CheckStatusInfo {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP';
  readonly command?: { readonly exit_code?: number };
  readonly http?: { readonly status_code?: number };
  readonly tcp?: { readonly succeeded?: boolean };
}
/**
 * How much more than its resources a task may use: `cpus` and `mem` (MB) only; Infinity is no limit. On the wire, and so
 * in what agents get, a number may be text: JSON has no other way to say `"Infinity"`. `Number(limit.value)` reads both.
 */
export type TaskLimits = Readonly<Record<string, Scalar>>;
