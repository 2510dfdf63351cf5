import type { May } from '../../core/access.ts';
import { errorText } from '../../core/errors.ts';
import { openStream } from '../../core/http/stream-response.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Rest } from '../../core/slices.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { decodeProtobuf, recordEncoder } from '../../mesos/proto/index.ts';
import type { Engine } from '../engine.ts';
import { decodeOperatorCall, operatorCallProblem } from '../input/operator-call.ts';
import type { OperatorCall } from '../input/operator-call.ts';
import { count, hears, removeFramework, seenBy } from '../state/index.ts';
import type { MasterState } from '../state/index.ts';
import { maintenanceStatusV1, scheduleV1 } from '../views/maintenance.ts';
import { agentsV1, executorsV1, frameworksV1, stateV1, tasksV1 } from '../views/lists-v1.ts';
import { subscribedRecord } from '../views/snapshot.ts';
import { quotaStatus, weightInfos } from '../views/quota.ts';
import { rolesV1 } from '../views/roles.ts';
import { sendDocument, sendEmpty, sendStatus, sendText } from './answers.ts';
import { readCall } from './front-door.ts';
import type { CallReader } from './front-door.ts';
import type { MasterFacts } from './facts.ts';
import type { LongAnswers } from './long-answers.ts';
import { sendOutcome, WRITES } from './operator-writes.ts';

export const OPERATOR_READER: CallReader = {
  name: 'master::Call',
  decode: decodeOperatorCall,
  fromProtobuf: (body) => decodeProtobuf('master.Call', body),
  problem: operatorCallProblem,
  checksAccept: () => true,
};

/** POST /api/v1 (mesos-api.md §3.1). */
export function handleOperatorApi(
  engine: Engine,
  facts: MasterFacts,
  answers: LongAnswers,
  request: ApiRequest,
  reply: ApiReply,
): unknown {
  const read = readCall(request, reply, OPERATOR_READER);
  if (!read) return reply;
  const { answerAs } = read;
  const call = read.call as unknown as OperatorCall;
  const may = facts.mayOf(request);
  const lists = LISTS.get(call.type);
  if (lists)
    return answers.document(reply, answerAs, 'master.Response', () => ({
      type: call.type,
      [call.type.toLowerCase()]: lists(seenBy(engine.state, may)),
    }));
  const show = READS.get(call.type);
  if (show) {
    if (call.type === 'GET_FLAGS' && !may('view_flags', '')) return sendStatus(reply, 403);
    const answer = show(seenBy(engine.state, may), facts, may);
    const response = { type: call.type, ...(answer && { [call.type.toLowerCase()]: answer }) };
    return sendDocument(reply, answerAs, 'master.Response', response);
  }
  const write = WRITES.get(call.type);
  if (write) return sendOutcome(engine, reply, write(engine, call, may));
  switch (call.type) {
    case 'SUBSCRIBE':
      return subscribe(engine, facts, answers.rest, request, reply, answerAs);
    case 'TEARDOWN':
      return teardown(engine, may, reply, call.teardown?.framework_id.value ?? '');
    case 'LIST_FILES':
    case 'READ_FILE':
      // The master has no files attached, so every path is unknown.
      return reply.code(404).header('content-type', 'text/plain; charset=utf-8').send(Buffer.alloc(0));
    default:
      return sendStatus(reply, 501);
  }
}

type Read = (
  state: MasterState,
  facts: MasterFacts,
  may: May,
) => Readonly<Record<string, unknown>> | undefined;

const named = (values: Readonly<Record<string, string | number>>): unknown[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

const READS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['GET_HEALTH', () => ({ healthy: true })],
  ['GET_FLAGS', (_state, facts) => ({ flags: named(facts.flags()) })],
  ['GET_VERSION', (_state, facts) => ({ version_info: facts.version })],
  ['GET_METRICS', (_state, facts) => ({ metrics: named(facts.metrics()) })],
  ['GET_LOGGING_LEVEL', () => ({ level: 0 })],
  ['GET_OPERATIONS', () => ({})],
  ['GET_ROLES', (state, _facts, may) => rolesV1(state, may)],
  [
    'GET_WEIGHTS',
    (state, _facts, may) => {
      const weight_infos = weightInfos(state, may);
      return weight_infos.length === 0 ? undefined : { weight_infos };
    },
  ],
  ['GET_QUOTA', (state, _facts, may) => ({ status: quotaStatus(state, may) })],
  ['GET_MAINTENANCE_STATUS', (state, _facts, may) => ({ status: maintenanceStatusV1(state, may) })],
  ['GET_MAINTENANCE_SCHEDULE', (state, _facts, may) => ({ schedule: scheduleV1(state, may) })],
  [
    'GET_MASTER',
    (state, facts) => ({
      master_info: state.info,
      start_time: facts.startTime,
      elected_time: facts.electedTime,
    }),
  ],
]);

/** What grows with the cluster. */
const LISTS: ReadonlyMap<string, (state: MasterState) => Readonly<Record<string, unknown>>> = new Map([
  ['GET_STATE', stateV1],
  ['GET_AGENTS', agentsV1],
  ['GET_FRAMEWORKS', frameworksV1],
  ['GET_EXECUTORS', executorsV1],
  ['GET_TASKS', tasksV1],
]);

/** The operator stream: the whole state, then every change of it (§3.3). Beyond the limit the oldest is closed. */
function subscribe(
  engine: Engine,
  facts: MasterFacts,
  rest: Rest,
  request: ApiRequest,
  reply: ApiReply,
  form: MediaType,
): ApiReply {
  const streamId = engine.uuid();
  const stream = openStream(reply, {
    headers: { 'Content-Type': form },
    onClose: () => engine.operators.forget(streamId),
  });
  if (engine.operators.size >= facts.maxOperatorSubscribers) {
    const oldest = engine.operators.oldest();
    if (oldest !== undefined) engine.operators.end(oldest);
  }
  const { heartbeatSeconds } = engine.state.policy;
  engine.operators.add(streamId, stream, {
    heartbeatMs: heartbeatSeconds * 1000,
    hears: (event) => hears(engine.state, facts.mayOf(request), event),
    encode: recordEncoder(form, 'master.Event'),
  });
  const seen = seenBy(engine.state, facts.mayOf(request));
  engine.operators
    .sendLong(streamId, subscribedRecord(seen, heartbeatSeconds, form), rest)
    .catch((error: unknown) => {
      engine.log.error({ error: errorText(error) }, 'an operator stream could not begin');
      engine.operators.end(streamId);
    });
  engine.operators.send(streamId, { type: 'HEARTBEAT' });
  return reply;
}

/** TEARDOWN by an operator, also behind the v0 `/teardown`. */
export function teardown(engine: Engine, may: May, reply: ApiReply, frameworkId: string): ApiReply {
  const framework = engine.state.frameworks.get(frameworkId);
  if (!framework) return sendText(reply, 400, 'No framework found with specified ID');
  if (!may('teardown_frameworks', framework.info.principal ?? '')) return sendStatus(reply, 403);
  engine.turn((step) => {
    count(step, 'master/messages_unregister_framework');
    removeFramework(step, framework);
  });
  return sendEmpty(reply, 200);
}
