import type { DrainConfig } from '../../mesos/index.ts';

/** How far an agent is with ending its tasks. */
export interface DrainInfo {
  /** DRAINED: nothing runs there, and nothing waits to be acknowledged. */
  readonly state: 'DRAINING' | 'DRAINED';
  readonly config: DrainConfig;
}

/**
 * What operators ordered of an agent. An agent of which there is such a thing is deactivated: nothing is offered of it.
 * It is kept in the registry and holds, also while the agent is away, until REACTIVATE_AGENT.
 */
export interface AgentOrders {
  readonly drain?: DrainInfo;
}
