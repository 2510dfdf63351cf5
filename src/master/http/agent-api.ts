import { errorText } from '../../core/errors.ts';
import { openStream } from '../../core/http/stream-response.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { AgentCall } from '../../mesos/index.ts';
import type { Engine } from '../engine.ts';
import { agentCallProblem, agentSubscribe, decodeAgentCall } from '../input/agent-call.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import {
  admitAgent,
  agentStreamClosed,
  count,
  messageToFramework,
  pong,
  removeAgent,
  replaceAgent,
  statusUpdate,
  subscribeAgent,
} from '../state/index.ts';
import type { AgentEntry } from '../state/index.ts';
import { sendEmpty, sendText } from './answers.ts';
import { readCall, streamIdOf } from './front-door.ts';
import type { CallReader } from './front-door.ts';

const READER: CallReader = {
  name: 'agent::Call',
  decode: decodeAgentCall,
  problem: agentCallProblem,
  checksAccept: (call) => call['type'] === 'SUBSCRIBE',
};

/** POST /api/v1/agent: the link to our own agents (src/mesos/agent-protocol.ts). */
export function handleAgentApi(engine: Engine, request: ApiRequest, reply: ApiReply): unknown {
  const json = readCall(request, reply, READER);
  if (!json) return reply;
  if (json['type'] === 'SUBSCRIBE') return subscribe(engine, reply, agentSubscribe(json));
  const call = json as unknown as Exclude<AgentCall, { type: 'SUBSCRIBE' }>;
  const agent = engine.state.agents.get(call.agent_id.value);
  if (!agent) return sendText(reply, 400, 'Agent cannot be found');
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
  pong(agent);
  if (call.type === 'UNREGISTER') return unregister(engine, reply, agent);
  if (call.type === 'UPDATE') engine.turn((step) => statusUpdate(step, agent, call.update));
  if (call.type === 'MESSAGE') engine.turn((step) => messageToFramework(step, agent, call.message));
  return sendEmpty(reply, 202);
}

/** The registry is written before the agent hears that it is in. */
async function subscribe(engine: Engine, reply: ApiReply, call: AgentSubscribe): Promise<ApiReply> {
  const { log, registry } = engine;
  try {
    await engine.inOrder(async () => {
      const admission = admitAgent(engine.state, call);
      if (admission.kind === 'refused') {
        log.warn({ agent: call.agent_info.id?.value, why: admission.message }, 'agent refused');
        const stream = open(engine, reply);
        engine.streams.send(stream, { type: 'SHUTDOWN', shutdown: { message: admission.message } });
        engine.streams.end(stream);
        return;
      }
      const { info } = admission;
      if (admission.kind === 'admit') {
        if (admission.replaces !== undefined) await registry.remove(admission.replaces);
        if (info.id) await registry.admit({ ...info, id: info.id });
      }
      if (reply.raw.destroyed) return;
      const streamId = open(engine, reply);
      engine.turn((step) => {
        if (admission.kind === 'admit' && admission.replaces !== undefined)
          replaceAgent(step, admission.replaces);
        subscribeAgent(step, info, call, streamId);
      });
      log.info({ agent: info.id?.value, host: info.hostname, tasks: call.tasks.length }, 'agent subscribed');
    });
    return reply;
  } catch (error) {
    log.error({ error: errorText(error) }, 'cannot write the registry: agent not admitted');
    return sendText(reply, 503, 'The registry cannot be written');
  }
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
