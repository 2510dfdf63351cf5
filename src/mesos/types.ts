import type { ContainerInfo, CheckInfo, CheckStatusInfo, TaskLimits } from './container-types.ts';
import type { ExecutorInfo } from './executor-types.ts';
import type { TaskState } from './task-state.ts';
import type {
  CommandInfo,
  DiscoveryInfo,
  IpProtocol,
  Labels,
  Nanoseconds,
  NetworkInfo,
  Range,
  Resource,
  Scalar,
  Value,
} from './value-types.ts';

export type * from './value-types.ts';

/**
 * The v1 JSON shapes of mesos.proto that Rimrock reads or writes (Mesos 1.11, snake case as on the wire). Fields we do
 * not act on are kept by passing objects through unchanged. v0 documents say `slave` where these say `agent`.
 */
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
  /** By role. */
  readonly offer_filters?: Readonly<Record<string, OfferFilters>>;
}
/** Scalars by name. */
export interface ResourceQuantities {
  readonly quantities?: Readonly<Record<string, Scalar>>;
}
export interface OfferFilters {
  /** One of these must be reached by an offer. */
  readonly min_allocatable_resources?: { readonly quantities?: readonly ResourceQuantities[] };
}
export interface KillPolicy {
  readonly grace_period?: Nanoseconds;
}
export interface HealthCheck {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP' | 'UNKNOWN';
  readonly command?: CommandInfo;
  readonly http?: {
    readonly protocol?: IpProtocol;
    readonly scheme?: string;
    readonly port: number;
    readonly path?: string;
  };
  readonly tcp?: { readonly protocol?: IpProtocol; readonly port: number };
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
  readonly executor?: ExecutorInfo;
  readonly container?: ContainerInfo;
  readonly health_check?: HealthCheck;
  readonly check?: CheckInfo;
  readonly limits?: TaskLimits;
  readonly kill_policy?: KillPolicy;
  readonly max_completion_time?: Nanoseconds;
  readonly data?: string;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
}
/** A container inside of another one names that. */
export interface ContainerId extends Value {
  readonly parent?: ContainerId;
}
export interface ContainerStatus {
  readonly container_id?: ContainerId;
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
  readonly check_status?: CheckStatusInfo;
  /** Which limit the container went over. */
  readonly limitation?: { readonly resources?: readonly Resource[] };
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
  readonly limits?: TaskLimits;
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
  /** When the machine is to be maintained, if that is planned. */
  readonly unavailability?: Unavailability;
  readonly allocation_info?: { readonly role: string };
  readonly domain?: DomainInfo;
}
export interface Unavailability {
  readonly start: Nanoseconds;
  readonly duration?: Nanoseconds;
}
export interface Filters {
  readonly refuse_seconds?: number;
}
