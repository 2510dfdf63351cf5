import { errorText } from '../../core/errors.ts';
import type { DrainConfig } from '../../mesos/index.ts';
import { giveOrders, isDrained, markGone } from '../state/index.ts';
import type { AgentOrders, MasterState } from '../state/index.ts';
import { DONE, refused } from './work.ts';
import type { Outcome, RegistryWork } from './work.ts';

/** What operators do with agents (mesos-api.md §3.1): each in the registry before it is answered. */

/** MARK_AGENT_GONE: the agent and all on it are over for good. */
export async function markAgentGone(work: RegistryWork, agentId: string): Promise<Outcome> {
  if (work.state.goneAgents.has(agentId)) return DONE;
  const transition = work.transitionOf(agentId);
  if (transition !== undefined) return refused(503, `Agent is currently being marked ${transition}`);
  if (!isKnown(work.state, agentId)) return refused(404, `Agent '${agentId}' not found`);
  await work.inTransition(agentId, 'gone', () => writeGone(work, agentId));
  return DONE;
}

function isKnown({ agents, recoveredAgents, unreachableAgents }: MasterState, agentId: string): boolean {
  return agents.has(agentId) || recoveredAgents.has(agentId) || unreachableAgents.has(agentId);
}

async function writeGone(work: RegistryWork, agentId: string): Promise<void> {
  await work.registry.markGone(agentId, work.clock.now());
  work.turn((step) => markGone(step, agentId));
  work.log.info({ agent: agentId }, 'agent marked gone');
}

/** DRAIN_AGENT: nothing is offered of it any more, its tasks end, and if so ordered it is marked gone after that. */
export function drainAgent(work: RegistryWork, agentId: string, config: DrainConfig): Promise<Outcome> {
  const agent = work.state.agents.get(agentId);
  if (agent && !agent.capabilities.some(({ type }) => type === 'AGENT_DRAINING'))
    return Promise.resolve(
      refused(400, 'Agent is not capable of draining (AGENT_DRAINING): upgrade it first'),
    );
  return order(work, agentId, () => ({ drain: { state: 'DRAINING', config } }));
}

/** DEACTIVATE_AGENT: nothing is offered of it any more; what runs there goes on. */
export function deactivateAgent(work: RegistryWork, agentId: string): Promise<Outcome> {
  return order(work, agentId, (before) => before ?? {});
}

/** REACTIVATE_AGENT: it is as if it had never been deactivated or drained. */
export function reactivateAgent(work: RegistryWork, agentId: string): Promise<Outcome> {
  return order(work, agentId, () => undefined);
}

function order(
  work: RegistryWork,
  agentId: string,
  change: (before: AgentOrders | undefined) => AgentOrders | undefined,
): Promise<Outcome> {
  return work.inOrder(async () => {
    const { state } = work;
    if (work.transitionOf(agentId) === 'gone') return refused(409, 'Agent is currently being marked gone');
    if (!isKnown(state, agentId)) return refused(400, 'Unknown agent');
    const orders = change(state.orders.get(agentId));
    await work.registry.order(agentId, orders);
    work.turn((step) => giveOrders(step, agentId, orders));
    work.log.info({ agent: agentId, orders: orders ?? 'none' }, 'orders for an agent');
    return DONE;
  });
}

/** The last task of an agent that is being drained is over: that is written down, then acted on. */
export function finishDrain(work: RegistryWork, agentId: string): void {
  const drain = work.state.agents.get(agentId)?.drain;
  if (drain === undefined || work.transitionOf(agentId) === 'gone') return;
  const run = async (): Promise<void> => {
    const agent = work.state.agents.get(agentId);
    // Asked for more than once, or it was reactivated meanwhile.
    if (agent?.drain === undefined || !isDrained(agent)) return;
    if (agent.drain.config.mark_gone === true) return writeGone(work, agentId);
    const orders: AgentOrders = { drain: { ...agent.drain, state: 'DRAINED' } };
    await work.registry.order(agentId, orders);
    work.turn((step) => giveOrders(step, agentId, orders));
    work.log.info({ agent: agentId }, 'agent drained');
  };
  const written =
    drain.config.mark_gone === true ? work.inTransition(agentId, 'gone', run) : work.inOrder(run);
  written.catch((error: unknown) =>
    work.log.error(
      { agent: agentId, error: errorText(error) },
      'cannot write down that the agent is drained',
    ),
  );
}
