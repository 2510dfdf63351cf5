import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  MasterInfo,
  Resource,
  ResourceSum,
} from '../../mesos/index.ts';
import { RefusalFilters, Turns } from '../allocator/index.ts';
import type { Amounts, CompileRegex, Constraint, Lot, Minimum, Wishes } from '../allocator/index.ts';
import type { AgentOrders, DrainInfo } from './agent-orders.ts';
import type { SeenAgent } from './seen-agent.ts';
import { InverseOffers } from './inverse-book.ts';
import { NO_MAINTENANCE } from './maintenance.ts';
import type { Maintenance } from './maintenance.ts';
import { KeptTexts } from './kept-text.ts';
import type { KeptText } from './kept-text.ts';
import { Repeats } from './repeats.ts';
import type { TaskEntry } from './task-entry.ts';

export type { TaskEntry } from './task-entry.ts';

/**
 * An executor on an agent: from the first task that asks for it until the agent says that it is over. It holds resources
 * of its own, whatever becomes of its tasks.
 */
export interface ExecutorEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  /** Resources in internal format with their allocation role. */
  readonly info: ExecutorInfo;
  /** What operators get of it, once that was written. */
  shown?: KeptText;
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
  readonly executors: Set<ExecutorEntry>;
  readonly offers: Set<string>;
  /** Sums over its executors and its tasks that hold resources, and over its offers; allocation roles set. */
  used: readonly Resource[];
  readonly offered: readonly Resource[];
  /** What `offered` is read from. */
  readonly offeredSum: ResourceSum;
  constraints: OfferConstraints;
}

/** Which agents a framework wants offers of, as it said it and as it is asked. */
export interface OfferConstraints {
  readonly given: Readonly<Record<string, unknown>>;
  readonly byRole: ReadonlyMap<string, Constraint>;
}

export const NO_CONSTRAINTS: OfferConstraints = { given: {}, byRole: new Map() };

/** Of the role at the top of a branch, for all of the branch; thousandths of scalars. */
export interface Quota {
  readonly guarantees: Amounts;
  /** What is not named is not limited. */
  readonly limits: Amounts;
}

/** What the allocator remembers from one run to the next. */
export interface AllocationMemory {
  readonly turns: Turns;
  /** Of the clients of the last run, and how often refusals had been forgotten then. */
  wishes: readonly Wishes[];
  clears: number;
  generation: number;
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
  /** By an operator: nothing is offered of it. From its orders, as is `drain`. */
  deactivated: boolean;
  drain: DrainInfo | undefined;
  /** When it was first told by this master to end its tasks, epoch milliseconds. */
  drainStartMs: number | undefined;
  readonly tasks: Set<TaskEntry>;
  /** By `executorKey`. */
  readonly executors: Map<string, ExecutorEntry>;
  readonly offers: Set<string>;
  used: readonly Resource[];
  offered: readonly Resource[];
  /** What the allocator made of it: `free.ts`. */
  seen: SeenAgent | undefined;
  /** What was last written of it for operators, and of what: `views/agent-text.ts`. */
  shown: ShownAgent | undefined;
  quiet: QuietAgent | undefined;
}

export interface ShownAgent extends Readonly<Pick<AgentEntry, 'info' | 'total' | 'address' | 'version'>> {
  readonly capabilities: AgentEntry['capabilities'];
  readonly text: string;
}

export interface QuietAgent extends Readonly<
  Pick<AgentEntry, 'deactivated' | 'reregisteredMs' | 'used' | 'drain' | 'drainStartMs'>
> {
  readonly active: boolean;
  readonly text: string;
}

export interface OfferEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  readonly lot: Lot;
  /** Those of the lot: internal format, allocated to `role`. */
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
  /** Whether agents with GPUs are kept for frameworks that know GPU_RESOURCES. */
  readonly filterGpuResources: boolean;
  /** For the regular expressions of offer constraints. */
  readonly compileRegex: CompileRegex;
  /** How many percent of the registry's agents may be given up after a failover; beyond that the master ends. */
  readonly recoveryRemovalLimitPercent: number;
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
  /** How many agents the registry had. */
  recoveredTotal: number;
  /** Monotonic time until which recovered agents may come back. */
  recoveredUntil: number;
  /** Agent id to the time (epoch ms) at which it was given up. */
  readonly unreachableAgents: Map<string, number>;
  readonly goneAgents: Map<string, number>;
  /** What operators ordered of agents, also of those that are away. */
  readonly orders: Map<string, AgentOrders>;
  /** Which machines are to be maintained, and which are DOWN. */
  maintenance: Maintenance;
  readonly inverse: InverseOffers;
  readonly offers: Map<string, OfferEntry>;
  readonly filters: RefusalFilters;
  readonly allocation: AllocationMemory;
  /** By role; 1 where nothing is said. */
  readonly weights: Map<string, number>;
  readonly quotas: Map<string, Quota>;
  /** Where tasks are kept as what operators get of them. */
  readonly texts: KeptTexts;
  /** What many agents say of themselves. */
  readonly repeats: Repeats;
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
    recoveredTotal: 0,
    recoveredUntil: 0,
    unreachableAgents: new Map(),
    goneAgents: new Map(),
    orders: new Map(),
    maintenance: NO_MAINTENANCE,
    inverse: new InverseOffers(),
    offers: new Map(),
    filters: new RefusalFilters(),
    allocation: { turns: new Turns(), wishes: [], clears: 0, generation: 0 },
    weights: new Map(),
    quotas: new Map(),
    texts: new KeptTexts(),
    repeats: new Repeats(),
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
