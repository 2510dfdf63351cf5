import type { Clock } from '../core/clock.ts';
import type { Registry } from './registry.ts';
import type { MasterState } from './state/index.ts';

/** A new leader begins with what the registry knows; agents and frameworks then come back by themselves. Whether it knows of agents. */
export async function recover(
  state: MasterState,
  registry: Registry,
  clock: Clock,
  reregisterMs: number,
): Promise<boolean> {
  const known = await registry.recover();
  for (const agent of known.agents) if (agent.id) state.recoveredAgents.set(agent.id.value, agent);
  for (const [id, since] of known.unreachable) state.unreachableAgents.set(id, since);
  for (const [id, since] of known.gone) state.goneAgents.set(id, since);
  for (const [id, orders] of known.orders) state.orders.set(id, orders);
  state.maintenance = known.maintenance;
  for (const [role, quota] of known.quotas) state.quotas.set(role, quota);
  for (const [role, weight] of known.weights) state.weights.set(role, weight);
  state.recoveredTotal = state.recoveredAgents.size;
  state.recoveredUntil = clock.monotonic() + reregisterMs;
  return known.agents.length + known.unreachable.length + known.gone.length > 0;
}
