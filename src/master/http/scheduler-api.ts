import type { May } from '../../core/access.ts';
import { openStream } from '../../core/http/stream-response.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { decodeProtobuf, recordEncoder } from '../../mesos/proto/index.ts';
import type { Engine } from '../engine.ts';
import { decodeSchedulerCall, schedulerCallProblem } from '../input/scheduler-call.ts';
import type { SchedulerCall } from '../input/scheduler-call.ts';
import {
  accept,
  acknowledge,
  acknowledgeOperation,
  answerInverseOffers,
  count,
  decline,
  frameworkStreamClosed,
  kill,
  messageToExecutor,
  reconcile,
  reconcileOperations,
  removeFramework,
  revive,
  rolesProblem,
  shutdownExecutor,
  subscribeFramework,
  suppressRoles,
  updateFramework,
} from '../state/index.ts';
import type { FrameworkEntry, Step } from '../state/index.ts';
import { sendEmpty, sendStatus, sendText } from './answers.ts';
import type { MasterFacts } from './facts.ts';
import { readCall, streamIdOf } from './front-door.ts';
import type { CallReader } from './front-door.ts';

export const SCHEDULER_READER: CallReader = {
  name: 'scheduler::Call',
  decode: decodeSchedulerCall,
  fromProtobuf: (body) => decodeProtobuf('scheduler.Call', body),
  problem: schedulerCallProblem,
  checksAccept: (call) => call['type'] === 'SUBSCRIBE' || call['type'] === 'RECONCILE_OPERATIONS',
};

/** POST /api/v1/scheduler (mesos-api.md §1). */
export function handleSchedulerApi(
  engine: Engine,
  facts: MasterFacts,
  request: ApiRequest,
  reply: ApiReply,
): unknown {
  const may = facts.mayOf(request);
  const subject = subjectOf(request);
  const principal = subject.kind === 'anonymous' ? undefined : subject.name;
  const problem: CallReader['problem'] = (json) =>
    schedulerCallProblem(json) ?? subscribeProblem(json as unknown as SchedulerCall, principal);
  const read = readCall(request, reply, { ...SCHEDULER_READER, problem });
  if (!read) return reply;
  const call = read.call as unknown as SchedulerCall;
  const given = streamIdOf(request);
  if (call.type === 'SUBSCRIBE') {
    if (given !== undefined)
      return sendText(reply, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
    return subscribe(engine, reply, call, read.answerAs, principal, may);
  }
  const id = call.framework_id?.value ?? '';
  const framework = engine.state.frameworks.get(id);
  if (!framework) return sendText(reply, 400, 'Framework cannot be found');
  if (principal !== undefined && framework.info.principal !== principal)
    return sendText(reply, 400, mismatch(principal, framework.info.principal ?? ''));
  if (framework.streamId === undefined) return sendText(reply, 403, 'Framework is not subscribed');
  if (given === undefined)
    return sendText(reply, 400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  if (given !== framework.streamId)
    return sendText(
      reply,
      400,
      `The stream ID '${given}' included in this request didn't match the stream ID currently associated with framework ID ${id}`,
    );
  if (call.type === 'UNKNOWN') return sendStatus(reply, 501);
  if (call.type === 'UPDATE_FRAMEWORK') return update(engine, reply, framework, call, may);
  engine.turn((step) => ACTIONS.get(call.type)?.(step, framework, call, may));
  return sendEmpty(reply, 202);
}

/** Whoever has proved who it is subscribes as itself (mesos-api.md §6.1). */
function subscribeProblem(call: SchedulerCall, principal: string | undefined): string | undefined {
  const said = call.subscribe?.framework_info.principal;
  if (principal === undefined || said === undefined || said === principal) return undefined;
  return mismatch(principal, said);
}

function mismatch(principal: string, said: string): string {
  return `Authenticated principal '${principal}' does not match principal '${said}' set in \`FrameworkInfo\``;
}

function subscribe(
  engine: Engine,
  reply: ApiReply,
  call: SchedulerCall,
  form: MediaType,
  principal: string | undefined,
  may: May,
): ApiReply {
  // it has left while it waited for its turn
  if (reply.raw.destroyed) return reply;
  const streamId = engine.uuid();
  const stream = openStream(reply, {
    headers: { 'Content-Type': form, 'Mesos-Stream-Id': streamId },
    onClose: () => engine.streamClosed(streamId, frameworkStreamClosed),
  });
  engine.streams.add(streamId, stream, {
    heartbeatMs: engine.state.policy.heartbeatSeconds * 1000,
    encode: recordEncoder(form, 'scheduler.Event'),
  });
  const { subscribe: payload } = call;
  if (payload)
    engine.turn((step) =>
      subscribeFramework(
        step,
        { ...payload.framework_info, ...(principal && { principal }) },
        payload.suppressed_roles ?? [],
        streamId,
        may,
        payload.offer_constraints,
      ),
    );
  return reply;
}

function update(
  engine: Engine,
  reply: ApiReply,
  framework: FrameworkEntry,
  call: SchedulerCall,
  may: May,
): ApiReply {
  const payload = call.update_framework;
  if (payload && rolesProblem(payload.framework_info, may) !== undefined) return sendStatus(reply, 403);
  const problem = payload
    ? engine.turn((step) =>
        updateFramework(
          step,
          framework,
          payload.framework_info,
          payload.suppressed_roles ?? [],
          payload.offer_constraints,
        ),
      )
    : undefined;
  return problem === undefined ? sendEmpty(reply, 200) : sendText(reply, 400, problem);
}

type Action = (step: Step, framework: FrameworkEntry, call: SchedulerCall, may: May) => void;

/** Calls that are answered 202 whatever comes of them; those that are not listed change nothing. */
const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  [
    'TEARDOWN',
    (step, framework) => {
      count(step, 'master/messages_unregister_framework');
      removeFramework(step, framework);
    },
  ],
  ['ACCEPT', (step, framework, call, may) => accept(step, framework, call.accept ?? {}, may)],
  ['DECLINE', (step, framework, call) => decline(step, framework, call.decline ?? {})],
  [
    'ACCEPT_INVERSE_OFFERS',
    (step, framework, call) =>
      answerInverseOffers(step, framework, 'ACCEPT', call.accept_inverse_offers ?? {}),
  ],
  [
    'DECLINE_INVERSE_OFFERS',
    (step, framework, call) =>
      answerInverseOffers(step, framework, 'DECLINE', call.decline_inverse_offers ?? {}),
  ],
  ['REVIVE', (step, framework, call) => revive(step, framework, call.revive?.roles ?? [])],
  ['SUPPRESS', (step, framework, call) => suppressRoles(step, framework, call.suppress?.roles ?? [])],
  ['SHUTDOWN', (step, framework, call) => call.shutdown && shutdownExecutor(step, framework, call.shutdown)],
  ['KILL', (step, framework, call) => call.kill && kill(step, framework, call.kill)],
  [
    'ACKNOWLEDGE',
    (step, framework, call) => call.acknowledge && acknowledge(step, framework, call.acknowledge),
  ],
  ['RECONCILE', (step, framework, call) => reconcile(step, framework, call.reconcile?.tasks ?? [])],
  ['MESSAGE', (step, framework, call) => call.message && messageToExecutor(step, framework, call.message)],
  ['REQUEST', (step) => count(step, 'master/messages_resource_request')],
  [
    'RECONCILE_OPERATIONS',
    (step, framework, call) =>
      reconcileOperations(step, framework, call.reconcile_operations?.operations ?? []),
  ],
  ['ACKNOWLEDGE_OPERATION_STATUS', (step) => acknowledgeOperation(step)],
]);
