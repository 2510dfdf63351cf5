import type { CallReader } from '../../core/http/v1-calls.ts';
import {
  any,
  bool,
  bytes,
  decode,
  double,
  enumOf,
  isUuidBytes,
  message,
  repeated,
  required,
  text,
} from '../../core/json/decode.ts';
import type { Fields, JsonObject } from '../../core/json/decode.ts';
import { TASK_STATES } from '../../mesos/index.ts';
import { decodeProtobuf } from '../../mesos/proto/index.ts';
import type { TaskStatus, Value } from '../../mesos/index.ts';

/** What an executor says to its agent (mesos-api.md §2.2). */
export type ExecutorCall = { readonly framework_id: Value; readonly executor_id: Value } & (
  | {
      readonly type: 'SUBSCRIBE';
      readonly subscribe: {
        readonly unacknowledged_tasks?: readonly { readonly task_id: Value }[];
        readonly unacknowledged_updates?: readonly { readonly status: TaskStatus }[];
      };
    }
  | { readonly type: 'UPDATE'; readonly update: { readonly status: TaskStatus } }
  | { readonly type: 'MESSAGE'; readonly message: { readonly data: string } }
  | { readonly type: 'HEARTBEAT' | 'UNKNOWN' }
);

const PAYLOADS = new Map<string, string | undefined>([
  ['SUBSCRIBE', 'subscribe'],
  ['UPDATE', 'update'],
  ['MESSAGE', 'message'],
  ['HEARTBEAT', undefined],
  ['UNKNOWN', undefined],
]);

const id = message({ value: required(text) });

const status = message({
  task_id: required(id),
  state: required(enumOf(TASK_STATES)),
  message: text,
  source: enumOf(['SOURCE_MASTER', 'SOURCE_AGENT', 'SOURCE_EXECUTOR']),
  reason: text,
  data: bytes,
  agent_id: id,
  executor_id: id,
  timestamp: double,
  uuid: bytes,
  healthy: bool,
  labels: any,
  check_status: any,
  container_status: any,
  limitation: any,
});

const CALL: Fields = {
  type: enumOf([...PAYLOADS.keys()]),
  framework_id: required(id),
  executor_id: required(id),
  subscribe: message({
    unacknowledged_tasks: repeated(message({ task_id: required(id) })),
    unacknowledged_updates: repeated(message({ status: required(status) })),
  }),
  update: message({ status: required(status) }),
  message: message({ data: required(bytes) }),
};

/** Reads calls of executors; the texts are those of Mesos. */
export const EXECUTOR_CALLS: CallReader = {
  name: 'Executor::Call',
  decode: (json) => decode<JsonObject>(CALL, json),
  fromProtobuf: (body) => decodeProtobuf('executor.Call', body),
  problem: (call) => callProblem(call),
  checksAccept: (call) => call['type'] === 'SUBSCRIBE',
};

/** After `EXECUTOR_CALLS` found nothing wrong with it. */
export const asExecutorCall = (call: JsonObject): ExecutorCall => call as unknown as ExecutorCall;

function callProblem(call: JsonObject): string | undefined {
  const type = call['type'];
  if (typeof type !== 'string') return "Expecting 'type' to be present";
  const payload = PAYLOADS.get(type);
  if (payload !== undefined && call[payload] === undefined) return `Expecting '${payload}' to be present`;
  const read = asExecutorCall(call);
  return read.type === 'UPDATE' ? statusProblem(read, read.update.status) : undefined;
}

/** The part of a check's status that its type asks for. */
const CHECK_PARTS = new Map([
  ['COMMAND', 'command'],
  ['HTTP', 'http'],
  ['TCP', 'tcp'],
]);

function statusProblem(call: ExecutorCall, update: TaskStatus): string | undefined {
  if (update.uuid === undefined) return "Expecting 'uuid' to be present";
  if (!isUuidBytes(update.uuid)) return 'Not a valid UUID';
  const [executorId, frameworkId] = [call.executor_id.value, call.framework_id.value];
  if (update.executor_id !== undefined && update.executor_id.value !== executorId)
    return `ExecutorID in Call: ${executorId} does not match ExecutorID in TaskStatus: ${update.executor_id.value}`;
  const from = `Received Call from executor ${executorId} of framework ${frameworkId}`;
  if (update.source !== 'SOURCE_EXECUTOR') return `${from} with invalid source, expecting 'SOURCE_EXECUTOR'`;
  if (update.state === 'TASK_STAGING') return `${from} with TASK_STAGING, which is not allowed`;
  const check = update.check_status as Record<string, unknown> | undefined;
  const part = CHECK_PARTS.get(String(check?.['type']));
  return part !== undefined && check?.[part] === undefined
    ? `Expecting '${part}' to be present in 'check_status'`
    : undefined;
}
