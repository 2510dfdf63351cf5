import type { AgentInfo } from '../../mesos/index.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import { agentEventV1 } from '../views/v1.ts';
import { removeOffers } from './bookkeeping.ts';
import { isDrained } from './agent-facts.ts';
import { removeAgent } from './agent-loss.ts';
import { reconcileAgent, repeatKills } from './agent-reports.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { firstOf } from './first.ts';
import { isDown } from './maintenance.ts';
import type { AgentEntry, MasterState } from './model.ts';
import { repeatOrders, takeOrders } from './orders.ts';
import { internal } from './resource-format.ts';
import { count, toAgent, toOperators } from './step.ts';
import type { Step } from './step.ts';

/** What the master makes of an agent that subscribes (mesos-api.md §4.2). */
export type Admission =
  | { readonly kind: 'refused'; readonly message: string }
  /** Write `info` to the registry, then `subscribeAgent`. `replaces`: an agent to remove first. */
  | { readonly kind: 'admit'; readonly info: AgentInfo; readonly replaces?: string }
  /** The registry has it as it is, be it from the master before: nothing to write. */
  | { readonly kind: 'welcome'; readonly info: AgentInfo };

export function admitAgent(state: MasterState, call: AgentSubscribe): Admission {
  const { agent_info: given, address } = call;
  const id = given.id?.value;
  if (isDown(state.maintenance, { hostname: given.hostname, ip: address.ip }))
    return { kind: 'refused', message: 'Machine is in DOWN mode' };
  if (id === undefined) {
    const former = firstOf(
      state.agents.values(),
      (a) => a.address.ip === address.ip && a.address.port === address.port,
    );
    // The same agent asking again since our first answer was lost.
    if (former && former.tasks.size === 0 && sameInfo(former.info, given))
      return { kind: 'welcome', info: former.info };
    const info = { ...given, id: { value: `${state.id}-S${state.nextAgent++}` } };
    const replaces = former?.id ?? awaitedAt(state, given);
    return { kind: 'admit', info, ...(replaces === undefined ? {} : { replaces }) };
  }
  if (state.goneAgents.has(id)) return { kind: 'refused', message: 'Agent has been marked gone' };
  const known = state.agents.get(id);
  if (known && (known.info.hostname !== given.hostname || known.address.ip !== address.ip))
    return {
      kind: 'refused',
      message: `Agent ${id} came back with another IP or hostname: start it as a new agent`,
    };
  const registered = known?.info ?? state.recoveredAgents.get(id);
  return registered && sameInfo(registered, given)
    ? { kind: 'welcome', info: registered }
    : { kind: 'admit', info: given };
}

/** An agent of the registry that was at this address: it has lost its id and will not come back under it. */
function awaitedAt(state: MasterState, given: AgentInfo): string | undefined {
  const awaited = state.recoveredAgents.values();
  return firstOf(awaited, (a) => a.hostname === given.hostname && a.port === given.port)?.id?.value;
}

function sameInfo(a: AgentInfo, b: AgentInfo): boolean {
  const plain = (x: AgentInfo): string =>
    JSON.stringify([x.hostname, x.port, internal(x.resources), x.attributes ?? [], x.domain ?? null]);
  return plain(a) === plain(b);
}

/** Let an admitted agent in: its registry entry is written. */
export function subscribeAgent(step: Step, info: AgentInfo, call: AgentSubscribe, streamId: string): void {
  const { state } = step;
  const id = info.id?.value ?? '';
  const known = state.agents.get(id);
  const wasUnreachable = state.unreachableAgents.delete(id);
  if (state.recoveredAgents.delete(id)) step.effects.push({ kind: 'keep-agent', agentId: id });
  const again = call.agent_info.id !== undefined;
  count(step, again ? 'master/messages_reregister_slave' : 'master/messages_register_slave');
  count(step, again ? 'master/slave_reregistrations' : 'master/slave_registrations');
  const agent = known ?? newAgent(step, id, info, call);
  if (known) reconnectAgent(step, known, info, call);
  agent.streamId = streamId;
  pong(step, agent);
  takeOrders(step, agent);
  if (again) agent.reregisteredMs = step.now;
  const { unknown, orders } = reconcileAgent(step, agent, call, {
    wasUnreachable,
    wasKnown: known !== undefined,
  });
  toAgent(step, streamId, {
    type: 'SUBSCRIBED',
    subscribed: {
      agent_id: { value: id },
      ping_interval_seconds: state.policy.pingIntervalSeconds,
      ping_timeout_seconds: state.policy.pingIntervalSeconds * state.policy.maxPingTimeouts,
      unknown_tasks: unknown,
    },
  });
  for (const order of orders) toAgent(step, streamId, order);
  repeatKills(step, agent);
  repeatOrders(step, agent, call.drain_config);
  if (!known) toOperators(step, { type: 'AGENT_ADDED', agent_added: { agent: agentEventV1(agent) } });
  step.effects.push({ kind: 'allocate' });
}

/** What an agent says of its machine; what others say too is there once. */
function machineOf(
  { repeats }: MasterState,
  info: AgentInfo,
  call: AgentSubscribe,
): Pick<AgentEntry, 'info' | 'address' | 'version' | 'capabilities' | 'total'> {
  const { attributes, domain } = info;
  return {
    info: {
      ...info,
      resources: repeats.shared(info.resources),
      ...(attributes && { attributes: repeats.shared(attributes) }),
      ...(domain && { domain: repeats.shared(domain) }),
    },
    address: call.address,
    version: repeats.shared(call.version),
    capabilities: repeats.shared(call.capabilities),
    total: repeats.shared(internal(info.resources)),
  };
}

function newAgent(step: Step, id: string, info: AgentInfo, call: AgentSubscribe): AgentEntry {
  const agent: AgentEntry = {
    id,
    ...machineOf(step.state, info, call),
    streamId: undefined,
    registeredMs: step.now,
    reregisteredMs: undefined,
    unansweredPings: 0,
    deactivated: false,
    drain: undefined,
    drainStartMs: undefined,
    tasks: new Set(),
    executors: new Map(),
    offers: new Set(),
    used: [],
    offered: [],
    seen: undefined,
    shown: undefined,
    quiet: undefined,
  };
  step.state.agents.set(id, agent);
  return agent;
}

function reconnectAgent(step: Step, agent: AgentEntry, info: AgentInfo, call: AgentSubscribe): void {
  if (agent.streamId !== undefined) step.effects.push({ kind: 'end', streamId: agent.streamId });
  removeOffers(step, agent.offers, true);
  rescindInverseOffers(step, agent.id);
  if (!sameInfo(agent.info, info)) step.state.filters.forgetAgent(agent.id);
  Object.assign(agent, machineOf(step.state, info, call));
}

/** A new agent stands where another one was. */
export function replaceAgent(step: Step, formerId: string): void {
  step.state.recoveredAgents.delete(formerId);
  step.state.orders.delete(formerId);
  const former = step.state.agents.get(formerId);
  if (former) removeAgent(step, former, 'a new agent registered at the same address');
}

/** Any sign of life counts, also when the agent was about to be given up. */
export function pong(step: Step, agent: AgentEntry): void {
  if (agent.unansweredPings >= step.state.policy.maxPingTimeouts)
    step.effects.push({ kind: 'keep-agent', agentId: agent.id });
  agent.unansweredPings = 0;
}

/** Ping agents, all in one or some after the others; those that were silent for too long are given up, unless they answer while that waits its turn. */
export function pingAgents(step: Step, ids: Iterable<string> = step.state.agents.keys()): void {
  for (const id of ids) {
    const agent = step.state.agents.get(id);
    if (!agent) continue;
    if (agent.unansweredPings >= step.state.policy.maxPingTimeouts)
      step.effects.push({ kind: 'give-up-agent', agentId: agent.id });
    agent.unansweredPings++;
    // Should the registry have refused it once.
    if (isDrained(agent)) step.effects.push({ kind: 'drained', agentId: agent.id });
    toAgent(step, agent.streamId, { type: 'PING' });
  }
}
