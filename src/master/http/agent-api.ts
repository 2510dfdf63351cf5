import { errorText } from '../../core/errors.ts';
import { proofOf } from '../../core/http/guard.ts';
import { openStream } from '../../core/http/stream-response.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { AgentCall } from '../../mesos/index.ts';
import type { Engine } from '../engine.ts';
import { agentCallProblem, agentSubscribe, decodeAgentCall } from '../input/agent-call.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import {
  agentStreamClosed,
  count,
  exitedExecutor,
  messageToFramework,
  pong,
  removeAgent,
  statusUpdate,
} from '../state/index.ts';
import type { AgentEntry } from '../state/index.ts';
import { letIn } from '../admission.ts';
import { sendEmpty, sendStatus, sendText } from './answers.ts';
import type { MasterFacts } from './facts.ts';
import { readCall, streamIdOf } from './front-door.ts';
import type { CallReader } from './front-door.ts';

const READER: CallReader = {
  name: 'agent::Call',
  decode: decodeAgentCall,
  problem: agentCallProblem,
  checksAccept: (call) => call['type'] === 'SUBSCRIBE',
};

/** POST /api/v1/agent: the link to our own agents (src/mesos/agent-protocol.ts). */
export function handleAgentApi(
  engine: Engine,
  facts: MasterFacts,
  request: ApiRequest,
  reply: ApiReply,
): unknown {
  const read = readCall(request, reply, READER);
  if (!read) return reply;
  const json = read.call;
  if (json['type'] === 'SUBSCRIBE') {
    if (!facts.mayOf(request)('register_agents', '')) return sendStatus(reply, 403);
    const subscription = agentSubscribe(json);
    const shown = proofOf(request).spiffeId;
    const asked = subscription.agent_info.id?.value ?? '';
    if (!mayBe(engine, asked, shown)) return isAnothers(engine, reply, asked, shown);
    if (subscription.agent_info.domain !== undefined && engine.state.info.domain === undefined) {
      engine.log.warn(
        { host: subscription.agent_info.hostname },
        'agent with a fault domain: this master has none',
      );
      return sendText(reply, 400, 'The agent has a fault domain, but the master has none: set master.domain');
    }
    return subscribe(engine, reply, subscription, shown);
  }
  const call = json as unknown as Exclude<AgentCall, { type: 'SUBSCRIBE' }>;
  const agent = engine.state.agents.get(call.agent_id.value);
  if (!agent) return sendText(reply, 400, 'Agent cannot be found');
  const shown = proofOf(request).spiffeId;
  if (!mayBe(engine, agent.id, shown)) return isAnothers(engine, reply, agent.id, shown);
  if (agent.streamId === undefined) return sendText(reply, 403, 'Agent is not subscribed');
  const given = streamIdOf(request);
  if (given === undefined)
    return sendText(reply, 400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  if (given !== agent.streamId)
    return sendText(
      reply,
      400,
      `The stream ID '${given}' included in this request didn't match the stream ID currently associated with agent ID ${agent.id}`,
    );
  engine.turn((step) => pong(step, agent));
  if (call.type === 'UNREGISTER') return unregister(engine, reply, agent);
  if (call.type === 'UPDATE') engine.turn((step) => statusUpdate(step, agent, call.update));
  if (call.type === 'EXITED_EXECUTOR')
    engine.turn((step) => exitedExecutor(step, agent, call.exited_executor));
  if (call.type === 'MESSAGE') engine.turn((step) => messageToFramework(step, agent, call.message));
  return sendEmpty(reply, 202);
}

/** The registry is written before the agent hears that it is in. */
async function subscribe(
  engine: Engine,
  reply: ApiReply,
  call: AgentSubscribe,
  shown: string | undefined,
): Promise<ApiReply> {
  const { log } = engine;
  try {
    const { id } = call.agent_info;
    // One that is known gets no stream before the id is its own; a new one learns its id by the stream.
    if (
      id &&
      shown !== undefined &&
      isKnown(engine, id.value) &&
      !(await engine.registry.bind(id.value, shown))
    )
      return isAnothers(engine, reply, id.value, shown);
    const admission = await letIn(engine, call, () =>
      reply.raw.destroyed ? undefined : open(engine, reply),
    );
    if (admission.kind === 'refused') {
      log.warn({ agent: call.agent_info.id?.value, why: admission.message }, 'agent refused');
      const stream = open(engine, reply);
      engine.streams.send(stream, { type: 'SHUTDOWN', shutdown: { message: admission.message } });
      engine.streams.end(stream);
      return reply;
    }
    const { info } = admission;
    if (info.id && shown !== undefined) await engine.registry.bind(info.id.value, shown);
    log.info({ agent: info.id?.value, host: info.hostname, tasks: call.tasks.length }, 'agent subscribed');
    return reply;
  } catch (error) {
    log.error({ error: errorText(error) }, 'cannot write the registry: agent not admitted');
    return sendText(reply, 503, 'The registry cannot be written');
  }
}

function isKnown({ state }: Engine, agentId: string): boolean {
  return (
    state.agents.has(agentId) || state.recoveredAgents.has(agentId) || state.unreachableAgents.has(agentId)
  );
}

/** Whether this certificate (undefined: none) may speak for that agent: what has registered with one belongs to that one. */
function mayBe({ registry }: Engine, agentId: string, shown: string | undefined): boolean {
  const bound = registry.identityOf(agentId);
  return bound === undefined || bound === shown;
}

function isAnothers(
  { log, registry }: Engine,
  reply: ApiReply,
  agentId: string,
  shown: string | undefined,
): ApiReply {
  log.warn({ agent: agentId, shown, bound: registry.identityOf(agentId) }, 'agent id of another: refused');
  const who = shown === undefined ? 'this request shows no certificate' : `this one is of ${shown}`;
  return sendText(reply, 403, `Agent ${agentId} belongs to the certificate that registered it; ${who}`);
}

function open(engine: Engine, reply: ApiReply): string {
  const streamId = engine.uuid();
  const stream = openStream(reply, {
    headers: { 'Content-Type': 'application/json', 'Mesos-Stream-Id': streamId },
    onClose: () => engine.streamClosed(streamId, agentStreamClosed),
  });
  engine.streams.add(streamId, stream);
  return streamId;
}

async function unregister(engine: Engine, reply: ApiReply, agent: AgentEntry): Promise<ApiReply> {
  try {
    await engine.inOrder(() => engine.registry.remove(agent.id));
  } catch (error) {
    engine.log.error({ error: errorText(error) }, 'cannot write the registry: agent not removed');
    return sendText(reply, 503, 'The registry cannot be written');
  }
  engine.turn((step) => {
    count(step, 'master/messages_unregister_slave');
    count(step, 'master/slave_removals/reason_unregistered');
    if (engine.state.agents.get(agent.id) === agent) removeAgent(step, agent, 'agent unregistered');
  });
  return sendEmpty(reply, 202);
}
