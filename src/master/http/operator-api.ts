import { errorText } from '../../core/errors.ts';
import { openStream } from '../../core/http/stream-response.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Engine } from '../engine.ts';
import { decodeOperatorCall, operatorCallProblem } from '../input/operator-call.ts';
import type { OperatorCall } from '../input/operator-call.ts';
import { count, markGone, removeFramework } from '../state/index.ts';
import { agentsV1, frameworksV1, stateV1, tasksV1 } from '../views/v1.ts';
import { rolesV1 } from '../views/roles.ts';
import { sendEmpty, sendJson, sendStatus, sendText } from './answers.ts';
import { readCall } from './front-door.ts';
import type { CallReader } from './front-door.ts';
import type { MasterFacts } from './facts.ts';

const READER: CallReader = {
  name: 'master::Call',
  decode: decodeOperatorCall,
  problem: operatorCallProblem,
  checksAccept: () => true,
};

/** POST /api/v1 (mesos-api.md §3.1). */
export function handleOperatorApi(
  engine: Engine,
  facts: MasterFacts,
  request: ApiRequest,
  reply: ApiReply,
): unknown {
  const json = readCall(request, reply, READER);
  if (!json) return reply;
  const call = json as unknown as OperatorCall;
  const read = READS.get(call.type);
  if (read) {
    const answer = read(engine, facts);
    return sendJson(reply, { type: call.type, ...(answer && { [call.type.toLowerCase()]: answer }) });
  }
  switch (call.type) {
    case 'SUBSCRIBE':
      return subscribe(engine, facts, reply);
    case 'TEARDOWN':
      return teardown(engine, reply, call.teardown?.framework_id.value ?? '');
    case 'MARK_AGENT_GONE':
      return markAgentGone(engine, reply, call.mark_agent_gone?.agent_id.value ?? '');
    case 'LIST_FILES':
    case 'READ_FILE':
      // The master has no files attached, so every path is unknown.
      return reply.code(404).header('content-type', 'text/plain; charset=utf-8').send(Buffer.alloc(0));
    default:
      return sendStatus(reply, 501);
  }
}

type Read = (engine: Engine, facts: MasterFacts) => Readonly<Record<string, unknown>> | undefined;

const named = (values: Readonly<Record<string, string | number>>): unknown[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

const READS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['GET_HEALTH', () => ({ healthy: true })],
  ['GET_FLAGS', (_engine, facts) => ({ flags: named(facts.flags()) })],
  ['GET_VERSION', (_engine, facts) => ({ version_info: facts.version })],
  ['GET_METRICS', (_engine, facts) => ({ metrics: named(facts.metrics()) })],
  ['GET_LOGGING_LEVEL', () => ({ level: 0 })],
  ['GET_STATE', (engine) => stateV1(engine.state)],
  ['GET_AGENTS', (engine) => agentsV1(engine.state)],
  ['GET_FRAMEWORKS', (engine) => frameworksV1(engine.state)],
  ['GET_EXECUTORS', () => ({ executors: [] })],
  ['GET_TASKS', (engine) => tasksV1(engine.state)],
  ['GET_OPERATIONS', () => ({})],
  ['GET_ROLES', (engine) => rolesV1(engine.state)],
  ['GET_WEIGHTS', () => undefined],
  ['GET_QUOTA', () => ({ status: {} })],
  ['GET_MAINTENANCE_STATUS', () => ({ status: {} })],
  ['GET_MAINTENANCE_SCHEDULE', () => ({ schedule: {} })],
  [
    'GET_MASTER',
    (engine, facts) => ({
      master_info: engine.state.info,
      start_time: facts.startTime,
      elected_time: facts.electedTime,
    }),
  ],
]);

/** The operator stream: the whole state, then every change of it (§3.3). Beyond the limit the oldest is closed. */
function subscribe(engine: Engine, facts: MasterFacts, reply: ApiReply): ApiReply {
  const streamId = engine.uuid();
  const stream = openStream(reply, {
    headers: { 'Content-Type': 'application/json' },
    onClose: () => engine.operators.forget(streamId),
  });
  if (engine.operators.size >= facts.maxOperatorSubscribers) {
    const oldest = engine.operators.oldest();
    if (oldest !== undefined) engine.operators.end(oldest);
  }
  const { heartbeatSeconds } = engine.state.policy;
  engine.operators.add(streamId, stream, heartbeatSeconds * 1000);
  engine.operators.send(streamId, {
    type: 'SUBSCRIBED',
    subscribed: { get_state: stateV1(engine.state), heartbeat_interval_seconds: heartbeatSeconds },
  });
  engine.operators.send(streamId, { type: 'HEARTBEAT' });
  return reply;
}

/** TEARDOWN by an operator, also behind the v0 `/teardown`. */
export function teardown(engine: Engine, reply: ApiReply, frameworkId: string): ApiReply {
  const framework = engine.state.frameworks.get(frameworkId);
  if (!framework) return sendText(reply, 400, 'No framework found with specified ID');
  engine.turn((step) => {
    count(step, 'master/messages_unregister_framework');
    removeFramework(step, framework);
  });
  return sendEmpty(reply, 200);
}

async function markAgentGone(engine: Engine, reply: ApiReply, agentId: string): Promise<ApiReply> {
  const { state } = engine;
  if (state.goneAgents.has(agentId)) return sendEmpty(reply, 200);
  const known =
    state.agents.has(agentId) || state.recoveredAgents.has(agentId) || state.unreachableAgents.has(agentId);
  if (!known) return sendText(reply, 404, `Agent '${agentId}' not found`);
  try {
    await engine.inOrder(async () => {
      await engine.registry.markGone(agentId, engine.clock.now());
      engine.turn((step) => markGone(step, agentId));
    });
    return sendEmpty(reply, 200);
  } catch (error) {
    engine.log.error({ agent: agentId, error: errorText(error) }, 'cannot mark the agent gone');
    return sendText(reply, 503, 'The registry cannot be written');
  }
}
