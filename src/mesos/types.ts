import type { TaskState } from './task-state.ts';

/**
 * The v1 JSON shapes of mesos.proto that Rimrock reads or writes (Mesos 1.11, snake case as on the wire). Fields we do
 * not act on are kept by passing objects through unchanged. v0 documents say `slave` where these say `agent`.
 */
export interface Value {
  readonly value: string;
}
export interface Scalar {
  readonly value: number;
}
export interface Range {
  readonly begin: number;
  readonly end: number;
}
export interface Nanoseconds {
  readonly nanoseconds: number;
}
export interface Label {
  readonly key: string;
  readonly value?: string;
}
export interface Labels {
  readonly labels?: readonly Label[];
}
export interface Resource {
  readonly name: string;
  readonly type: 'SCALAR' | 'RANGES' | 'SET';
  readonly scalar?: Scalar;
  readonly ranges?: { readonly range: readonly Range[] };
  readonly set?: { readonly item: readonly string[] };
  /** Pre-refinement format: the role it is reserved for, or `*`. */
  readonly role?: string;
  readonly allocation_info?: { readonly role: string };
  readonly reservation?: unknown;
  readonly reservations?: readonly unknown[];
  readonly disk?: unknown;
  readonly revocable?: unknown;
  readonly shared?: unknown;
}
export interface Attribute {
  readonly name: string;
  readonly type: 'SCALAR' | 'RANGES' | 'TEXT' | 'SET';
  readonly scalar?: Scalar;
  readonly ranges?: { readonly range: readonly Range[] };
  readonly text?: Value;
  readonly set?: { readonly item: readonly string[] };
}
export interface DomainInfo {
  readonly fault_domain?: {
    readonly region: { readonly name: string };
    readonly zone: { readonly name: string };
  };
}
export interface Address {
  readonly hostname?: string;
  readonly ip: string;
  readonly port: number;
}
export interface MasterInfo {
  readonly id: string;
  readonly ip: number;
  readonly port: number;
  readonly pid: string;
  readonly hostname: string;
  readonly version: string;
  readonly address: Address;
  readonly capabilities?: readonly { readonly type: string }[];
  readonly domain?: DomainInfo;
}
export interface AgentInfo {
  readonly id?: Value;
  readonly hostname: string;
  readonly port: number;
  readonly resources: readonly Resource[];
  readonly attributes?: readonly Attribute[];
  readonly domain?: DomainInfo;
}
export interface FrameworkInfo {
  readonly user: string;
  readonly name: string;
  readonly id?: Value;
  readonly failover_timeout: number;
  readonly checkpoint: boolean;
  readonly role?: string;
  readonly roles?: readonly string[];
  readonly hostname?: string;
  readonly webui_url?: string;
  readonly principal?: string;
  readonly capabilities?: readonly { readonly type: string }[];
  readonly labels?: Labels;
}
export interface EnvironmentVariable {
  readonly name: string;
  readonly type?: 'VALUE' | 'SECRET' | 'UNKNOWN';
  readonly value?: string;
}
export interface CommandUri {
  readonly value: string;
  readonly executable?: boolean;
  readonly extract?: boolean;
  readonly cache?: boolean;
  readonly output_file?: string;
}
export interface CommandInfo {
  /** Default true: run `value` with `/bin/sh -c`. */
  readonly shell?: boolean;
  readonly value?: string;
  readonly arguments?: readonly string[];
  readonly uris?: readonly CommandUri[];
  readonly environment?: { readonly variables?: readonly EnvironmentVariable[] };
  readonly user?: string;
}
export interface DiscoveryPort {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly visibility?: string;
  readonly labels?: Labels;
}
export interface DiscoveryInfo {
  readonly visibility: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
  readonly name?: string;
  readonly ports?: { readonly ports?: readonly DiscoveryPort[] };
  readonly labels?: Labels;
}
export interface KillPolicy {
  readonly grace_period?: Nanoseconds;
}
export interface HealthCheck {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP' | 'UNKNOWN';
  readonly command?: CommandInfo;
  readonly http?: { readonly scheme?: string; readonly port: number; readonly path?: string };
  readonly tcp?: { readonly port: number };
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
  readonly consecutive_failures?: number;
  readonly grace_period_seconds?: number;
}
export interface TaskInfo {
  readonly name: string;
  readonly task_id: Value;
  readonly agent_id: Value;
  readonly resources: readonly Resource[];
  readonly command?: CommandInfo;
  readonly executor?: unknown;
  readonly container?: unknown;
  readonly health_check?: HealthCheck;
  readonly kill_policy?: KillPolicy;
  readonly max_completion_time?: Nanoseconds;
  readonly data?: string;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
}
export interface IpAddress {
  readonly protocol?: 'IPv4' | 'IPv6';
  readonly ip_address?: string;
}
export interface NetworkInfo {
  readonly ip_addresses?: readonly IpAddress[];
  readonly name?: string;
}
export interface ContainerStatus {
  readonly container_id?: Value;
  readonly network_infos?: readonly NetworkInfo[];
  readonly executor_pid?: number;
}
export interface TaskStatus {
  readonly task_id: Value;
  readonly state: TaskState;
  readonly message?: string;
  readonly source?: 'SOURCE_MASTER' | 'SOURCE_AGENT' | 'SOURCE_EXECUTOR';
  readonly reason?: string;
  readonly data?: string;
  readonly agent_id?: Value;
  readonly executor_id?: Value;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  /** 16 bytes in base64. Present exactly when the update must be acknowledged. */
  readonly uuid?: string;
  readonly healthy?: boolean;
  readonly labels?: Labels;
  readonly container_status?: ContainerStatus;
  readonly unreachable_time?: Nanoseconds;
}
/** A task as the operator API shows it. */
export interface Task {
  readonly name: string;
  readonly task_id: Value;
  readonly framework_id: Value;
  readonly executor_id?: Value;
  readonly agent_id: Value;
  readonly state: TaskState;
  readonly resources: readonly Resource[];
  readonly statuses?: readonly TaskStatus[];
  readonly status_update_state?: TaskState;
  readonly status_update_uuid?: string;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
  readonly container?: unknown;
  readonly health_check?: HealthCheck;
  readonly kill_policy?: KillPolicy;
  readonly user?: string;
}
export interface Offer {
  readonly id: Value;
  readonly framework_id: Value;
  readonly agent_id: Value;
  readonly hostname: string;
  readonly url: { readonly scheme: string; readonly address: Address; readonly path: string };
  readonly resources: readonly Resource[];
  readonly attributes?: readonly Attribute[];
  readonly executor_ids?: readonly Value[];
  readonly allocation_info?: { readonly role: string };
  readonly domain?: DomainInfo;
}
export interface Filters {
  readonly refuse_seconds?: number;
}
