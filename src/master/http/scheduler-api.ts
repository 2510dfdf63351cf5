import { openStream } from '../../core/http/stream-response.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Engine } from '../engine.ts';
import { decodeSchedulerCall, schedulerCallProblem } from '../input/scheduler-call.ts';
import type { SchedulerCall } from '../input/scheduler-call.ts';
import {
  accept,
  acknowledge,
  count,
  decline,
  frameworkStreamClosed,
  kill,
  messageToExecutor,
  reconcile,
  removeFramework,
  revive,
  subscribeFramework,
  suppressRoles,
  updateFramework,
} from '../state/index.ts';
import type { FrameworkEntry, Step } from '../state/index.ts';
import { sendEmpty, sendStatus, sendText } from './answers.ts';
import { readCall, streamIdOf } from './front-door.ts';
import type { CallReader } from './front-door.ts';

const READER: CallReader = {
  name: 'scheduler::Call',
  decode: decodeSchedulerCall,
  problem: schedulerCallProblem,
  checksAccept: (call) => call['type'] === 'SUBSCRIBE' || call['type'] === 'RECONCILE_OPERATIONS',
};

/** POST /api/v1/scheduler (mesos-api.md §1). */
export function handleSchedulerApi(engine: Engine, request: ApiRequest, reply: ApiReply): unknown {
  const json = readCall(request, reply, READER);
  if (!json) return reply;
  const call = json as unknown as SchedulerCall;
  const given = streamIdOf(request);
  if (call.type === 'SUBSCRIBE') {
    if (given !== undefined)
      return sendText(reply, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
    return subscribe(engine, reply, call);
  }
  const id = call.framework_id?.value ?? '';
  const framework = engine.state.frameworks.get(id);
  if (!framework) return sendText(reply, 400, 'Framework cannot be found');
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
  if (call.type === 'UPDATE_FRAMEWORK') return update(engine, reply, framework, call);
  engine.turn((step) => ACTIONS.get(call.type)?.(step, framework, call));
  return sendEmpty(reply, 202);
}

function subscribe(engine: Engine, reply: ApiReply, call: SchedulerCall): ApiReply {
  const streamId = engine.uuid();
  const stream = openStream(reply, {
    headers: { 'Content-Type': 'application/json', 'Mesos-Stream-Id': streamId },
    onClose: () => engine.streamClosed(streamId, frameworkStreamClosed),
  });
  engine.streams.add(streamId, stream, engine.state.policy.heartbeatSeconds * 1000);
  const { subscribe: payload } = call;
  if (payload)
    engine.turn((step) =>
      subscribeFramework(step, payload.framework_info, payload.suppressed_roles ?? [], streamId),
    );
  return reply;
}

function update(engine: Engine, reply: ApiReply, framework: FrameworkEntry, call: SchedulerCall): ApiReply {
  const payload = call.update_framework;
  const problem = payload
    ? engine.turn((step) =>
        updateFramework(step, framework, payload.framework_info, payload.suppressed_roles ?? []),
      )
    : undefined;
  return problem === undefined ? sendEmpty(reply, 200) : sendText(reply, 400, problem);
}

type Action = (step: Step, framework: FrameworkEntry, call: SchedulerCall) => void;

/** Calls that are answered 202 whatever comes of them; those that are not listed change nothing. */
const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  [
    'TEARDOWN',
    (step, framework) => {
      count(step, 'master/messages_unregister_framework');
      removeFramework(step, framework);
    },
  ],
  ['ACCEPT', (step, framework, call) => accept(step, framework, call.accept ?? {})],
  ['DECLINE', (step, framework, call) => decline(step, framework, call.decline ?? {})],
  ['REVIVE', (step, framework, call) => revive(step, framework, call.revive?.roles ?? [])],
  ['SUPPRESS', (step, framework, call) => suppressRoles(step, framework, call.suppress?.roles ?? [])],
  ['KILL', (step, framework, call) => call.kill && kill(step, framework, call.kill)],
  [
    'ACKNOWLEDGE',
    (step, framework, call) => call.acknowledge && acknowledge(step, framework, call.acknowledge),
  ],
  ['RECONCILE', (step, framework, call) => reconcile(step, framework, call.reconcile?.tasks ?? [])],
  ['MESSAGE', (step, framework, call) => call.message && messageToExecutor(step, framework, call.message)],
  ['REQUEST', (step) => count(step, 'master/messages_resource_request')],
  ['RECONCILE_OPERATIONS', (step) => count(step, 'master/messages_reconcile_operations')],
]);
