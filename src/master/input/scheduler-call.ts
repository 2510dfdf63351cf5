import type { ExecutorInfo, Filters, FrameworkInfo, KillPolicy, TaskInfo, Value } from '../../mesos/index.ts';
import { any, bytes, decode, enumOf, isUuidBytes, message, repeated, required, text } from './decode.ts';
import type { Decoded, Fields, JsonObject } from './decode.ts';
import { executorInfo, filters, frameworkInfo, id, killPolicy, resource, taskInfo } from './messages.ts';

export interface TaskRef {
  readonly task_id: Value;
  readonly agent_id?: Value;
}

export interface OperationRef {
  readonly operation_id: Value;
  readonly agent_id?: Value;
}

export interface OfferOperation {
  readonly type?: string;
  readonly id?: Value;
  readonly launch?: { readonly task_infos?: readonly TaskInfo[] };
  readonly launch_group?: {
    readonly executor: ExecutorInfo;
    readonly task_group: { readonly tasks?: readonly TaskInfo[] };
  };
}

/** A scheduler call as it is after decoding and `schedulerCallProblem`: the payload of its type is present. */
export interface SchedulerCall {
  readonly type: string;
  readonly framework_id?: Value;
  readonly subscribe?: {
    readonly framework_info: FrameworkInfo;
    readonly suppressed_roles?: readonly string[];
    readonly offer_constraints?: unknown;
  };
  readonly accept?: {
    readonly offer_ids?: readonly Value[];
    readonly operations?: readonly OfferOperation[];
    readonly filters?: Filters;
  };
  readonly accept_inverse_offers?: {
    readonly inverse_offer_ids?: readonly Value[];
    readonly filters?: Filters;
  };
  readonly decline_inverse_offers?: {
    readonly inverse_offer_ids?: readonly Value[];
    readonly filters?: Filters;
  };
  readonly decline?: { readonly offer_ids?: readonly Value[]; readonly filters?: Filters };
  readonly revive?: { readonly roles?: readonly string[] };
  readonly suppress?: { readonly roles?: readonly string[] };
  readonly kill?: TaskRef & { readonly kill_policy?: KillPolicy };
  readonly shutdown?: { readonly executor_id: Value; readonly agent_id: Value };
  readonly acknowledge?: { readonly agent_id: Value; readonly task_id: Value; readonly uuid: string };
  readonly reconcile?: { readonly tasks?: readonly TaskRef[] };
  readonly reconcile_operations?: { readonly operations?: readonly OperationRef[] };
  readonly message?: { readonly agent_id: Value; readonly executor_id: Value; readonly data: string };
  readonly update_framework?: {
    readonly framework_info: FrameworkInfo;
    readonly suppressed_roles?: readonly string[];
    readonly offer_constraints?: unknown;
  };
}

/** The types of offer operations Mesos knows; the master carries out LAUNCH and LAUNCH_GROUP and refuses the others. */
const OPERATIONS = [
  'UNKNOWN',
  'LAUNCH',
  'LAUNCH_GROUP',
  'RESERVE',
  'UNRESERVE',
  'CREATE',
  'DESTROY',
  'GROW_VOLUME',
  'SHRINK_VOLUME',
  'CREATE_DISK',
  'DESTROY_DISK',
] as const;

const operation = message({
  type: enumOf(OPERATIONS),
  id,
  launch: message({ task_infos: repeated(taskInfo) }),
  launch_group: message({
    executor: required(executorInfo),
    task_group: required(message({ tasks: repeated(taskInfo) })),
  }),
});

/** Payload of every call type; `undefined` where a call has none or may come without. */
const PAYLOADS = new Map<string, string | undefined>([
  ['UNKNOWN', undefined],
  ['SUBSCRIBE', 'subscribe'],
  ['TEARDOWN', undefined],
  ['ACCEPT', 'accept'],
  ['DECLINE', 'decline'],
  ['ACCEPT_INVERSE_OFFERS', 'accept_inverse_offers'],
  ['DECLINE_INVERSE_OFFERS', 'decline_inverse_offers'],
  ['REVIVE', undefined],
  ['SUPPRESS', undefined],
  ['KILL', 'kill'],
  ['SHUTDOWN', 'shutdown'],
  ['ACKNOWLEDGE', 'acknowledge'],
  ['ACKNOWLEDGE_OPERATION_STATUS', 'acknowledge_operation_status'],
  ['RECONCILE', 'reconcile'],
  ['RECONCILE_OPERATIONS', 'reconcile_operations'],
  ['MESSAGE', 'message'],
  ['REQUEST', 'request'],
  ['UPDATE_FRAMEWORK', 'update_framework'],
]);

/** What SUBSCRIBE and UPDATE_FRAMEWORK say of a framework. */
const FRAMEWORK: Fields = {
  framework_info: required(frameworkInfo),
  suppressed_roles: repeated(text),
  offer_constraints: any,
};

const CALL: Fields = {
  type: enumOf([...PAYLOADS.keys()]),
  framework_id: id,
  subscribe: message(FRAMEWORK),
  accept: message({ offer_ids: repeated(id), operations: repeated(operation), filters }),
  decline: message({ offer_ids: repeated(id), filters }),
  accept_inverse_offers: message({ inverse_offer_ids: repeated(id), filters }),
  decline_inverse_offers: message({ inverse_offer_ids: repeated(id), filters }),
  revive: message({ roles: repeated(text) }),
  suppress: message({ roles: repeated(text) }),
  kill: message({ task_id: required(id), agent_id: id, kill_policy: killPolicy }),
  shutdown: message({ executor_id: required(id), agent_id: required(id) }),
  acknowledge: message({ agent_id: required(id), task_id: required(id), uuid: required(bytes) }),
  acknowledge_operation_status: message({
    agent_id: id,
    resource_provider_id: id,
    uuid: required(bytes),
    operation_id: required(id),
  }),
  reconcile: message({ tasks: repeated(message({ task_id: required(id), agent_id: id })) }),
  reconcile_operations: message({
    operations: repeated(message({ operation_id: required(id), agent_id: id, resource_provider_id: id })),
  }),
  message: message({ agent_id: required(id), executor_id: required(id), data: required(bytes) }),
  request: message({ requests: repeated(message({ agent_id: id, resources: repeated(resource) })) }),
  update_framework: message(FRAMEWORK),
};

export function decodeSchedulerCall(json: unknown): Decoded<JsonObject> {
  return decode<JsonObject>(CALL, json);
}

/** What is wrong with a decoded call as a whole (mesos src/master/validation.cpp), or undefined. */
export function schedulerCallProblem(call: JsonObject): string | undefined {
  if (typeof call['type'] !== 'string') return "Expecting 'type' to be present";
  const c = call as unknown as SchedulerCall;
  const payload = PAYLOADS.get(c.type);
  if (payload !== undefined && call[payload] === undefined) return `Expecting '${payload}' to be present`;
  if (c.subscribe && c.type === 'SUBSCRIBE') {
    return sameId(c, c.subscribe.framework_info)
      ? undefined
      : "'framework_id' differs from 'subscribe.framework_info.id'";
  }
  if (c.framework_id === undefined) return "Expecting 'framework_id' to be present";
  return payloadProblem(c, call);
}

function payloadProblem(c: SchedulerCall, call: JsonObject): string | undefined {
  const ackOperation = call['acknowledge_operation_status'] as JsonObject | undefined;
  if (c.type === 'ACKNOWLEDGE' && c.acknowledge && !isUuidBytes(c.acknowledge.uuid))
    return 'Not a valid UUID';
  if (c.type === 'ACKNOWLEDGE_OPERATION_STATUS' && ackOperation) {
    if (!isUuidBytes(String(ackOperation['uuid']))) return 'Not a valid UUID';
    if (ackOperation['agent_id'] === undefined) return "Expecting 'agent_id' to be present";
  }
  if (c.type === 'UPDATE_FRAMEWORK' && c.update_framework && !sameId(c, c.update_framework.framework_info))
    return "'framework_id' differs from 'update_framework.framework_info.id'";
  return undefined;
}

function sameId(call: SchedulerCall, info: FrameworkInfo): boolean {
  return (call.framework_id?.value ?? '') === (info.id?.value ?? '');
}
