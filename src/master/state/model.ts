import type {
  AgentInfo,
  FrameworkInfo,
  KillPolicy,
  MasterInfo,
  Resource,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../mesos/index.ts';
import { RefusalFilters } from '../allocator/index.ts';
import type { Minimum } from '../allocator/index.ts';

/** A task as the master knows it. */
export interface TaskEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  /** Resources in internal format with their allocation role. */
  readonly info: TaskInfo;
  readonly role: string;
  /** The latest state the agent told; may be ahead of what the framework has seen. */
  state: TaskState;
  /** One status per distinct consecutive state, `data` removed. */
  statuses: TaskStatus[];
  /** State and uuid of the last status that went to the framework. */
  updateState?: TaskState;
  updateUuid?: string;
  /** Set once a kill was asked for: it is said again when the agent comes back. */
  kill?: { readonly policy?: KillPolicy };
}

export interface FrameworkEntry {
  readonly id: string;
  info: FrameworkInfo;
  /** The live stream; undefined while disconnected. */
  streamId: string | undefined;
  active: boolean;
  /** Known only through its tasks on agents, since a master before us had it. */
  recovered: boolean;
  registeredMs: number;
  reregisteredMs: number;
  unregisteredMs: number;
  /** Monotonic time at which it is removed unless it comes back. */
  failoverAt: number | undefined;
  readonly suppressed: Set<string>;
  readonly tasks: Map<string, TaskEntry>;
  readonly unreachableTasks: Map<string, TaskEntry>;
  completedTasks: TaskEntry[];
  readonly offers: Set<string>;
  /** Sums over its tasks that hold resources, and over its offers; allocation roles set. */
  used: readonly Resource[];
  offered: readonly Resource[];
  /** How often the allocator gave it something, by role. */
  readonly allocations: Map<string, number>;
}

export interface AgentEntry {
  readonly id: string;
  info: AgentInfo;
  address: { readonly ip: string; readonly port: number };
  version: string;
  capabilities: readonly { readonly type: string }[];
  total: readonly Resource[];
  /** The live stream; undefined while disconnected. */
  streamId: string | undefined;
  registeredMs: number;
  reregisteredMs: number | undefined;
  /** Pings since the last pong. */
  unansweredPings: number;
  readonly tasks: Set<TaskEntry>;
  readonly offers: Set<string>;
  used: readonly Resource[];
  offered: readonly Resource[];
}

export interface OfferEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  /** Internal format, allocated to `role`. */
  readonly resources: readonly Resource[];
  readonly expiresAt: number | undefined;
}

/** What of the configuration the state machine acts on. */
export interface Policy {
  readonly heartbeatSeconds: number;
  readonly pingIntervalSeconds: number;
  readonly maxPingTimeouts: number;
  readonly allocationIntervalMs: number;
  readonly offerTimeoutMs: number | undefined;
  readonly maxCompletedFrameworks: number;
  readonly maxCompletedTasksPerFramework: number;
  readonly maxUnreachableTasksPerFramework: number;
  readonly minAllocatable: readonly Minimum[];
  readonly rootSubmissions: boolean;
}

export interface MasterState {
  readonly id: string;
  /** Complete once the master listens. */
  info: MasterInfo;
  readonly policy: Policy;
  readonly frameworks: Map<string, FrameworkEntry>;
  readonly completedFrameworks: Map<string, FrameworkEntry>;
  readonly agents: Map<string, AgentEntry>;
  /** In the registry, not yet seen by this master. */
  readonly recoveredAgents: Map<string, AgentInfo>;
  /** Monotonic time until which recovered agents may come back. */
  recoveredUntil: number;
  /** Agent id to the time (epoch ms) at which it was given up. */
  readonly unreachableAgents: Map<string, number>;
  readonly goneAgents: Map<string, number>;
  readonly offers: Map<string, OfferEntry>;
  readonly filters: RefusalFilters;
  /** How often the allocator gave a role something. */
  readonly roleAllocations: Map<string, number>;
  /** Counters of /metrics/snapshot by name. */
  readonly counters: Map<string, number>;
  nextFramework: number;
  nextAgent: number;
  nextOffer: number;
}

export function newState(info: MasterInfo, policy: Policy): MasterState {
  return {
    id: info.id,
    info,
    policy,
    frameworks: new Map(),
    completedFrameworks: new Map(),
    agents: new Map(),
    recoveredAgents: new Map(),
    recoveredUntil: 0,
    unreachableAgents: new Map(),
    goneAgents: new Map(),
    offers: new Map(),
    filters: new RefusalFilters(),
    roleAllocations: new Map(),
    counters: new Map(),
    nextFramework: 0,
    nextAgent: 0,
    nextOffer: 0,
  };
}

export function rolesOf(info: FrameworkInfo): readonly string[] {
  return hasCapability(info, 'MULTI_ROLE') ? (info.roles ?? []) : [info.role ?? '*'];
}

export function hasCapability(info: FrameworkInfo, type: string): boolean {
  return info.capabilities?.some((c) => c.type === type) ?? false;
}
