import type { MachineId, MaintenanceSchedule, Value } from '../../mesos/index.ts';
import { any, bool, decode, enumOf, integer, message, repeated, required, text } from './decode.ts';
import type { Decoded, Fields, JsonObject } from './decode.ts';
import { duration, machineId, schedule } from './maintenance-messages.ts';
import { id } from './messages.ts';
import { quotaRequest, updateQuota, weightInfo } from './quota-messages.ts';
import type { QuotaConfigMessage, QuotaRequest } from './quota-messages.ts';

export interface OperatorCall {
  readonly type: string;
  readonly teardown?: { readonly framework_id: Value };
  readonly mark_agent_gone?: { readonly agent_id: Value };
  readonly update_maintenance_schedule?: { readonly schedule: MaintenanceSchedule };
  readonly start_maintenance?: { readonly machines?: readonly MachineId[] };
  readonly stop_maintenance?: { readonly machines?: readonly MachineId[] };
  readonly drain_agent?: {
    readonly agent_id: Value;
    readonly max_grace_period?: { readonly seconds?: number; readonly nanos?: number };
    readonly mark_gone?: boolean;
  };
  readonly deactivate_agent?: { readonly agent_id: Value };
  readonly reactivate_agent?: { readonly agent_id: Value };
  readonly update_quota?: {
    readonly force?: boolean;
    readonly quota_configs?: readonly QuotaConfigMessage[];
  };
  readonly set_quota?: { readonly quota_request: QuotaRequest };
  readonly remove_quota?: { readonly role: string };
  readonly update_weights?: { readonly weight_infos?: readonly { role?: string; weight: number }[] };
}

/** Call types of the master's operator API with the payload each needs (mesos-api.md §3.1). */
const PAYLOADS = new Map<string, string | undefined>([
  ['UNKNOWN', undefined],
  ['GET_HEALTH', undefined],
  ['GET_FLAGS', undefined],
  ['GET_VERSION', undefined],
  ['GET_METRICS', 'get_metrics'],
  ['GET_LOGGING_LEVEL', undefined],
  ['SET_LOGGING_LEVEL', 'set_logging_level'],
  ['LIST_FILES', 'list_files'],
  ['READ_FILE', 'read_file'],
  ['GET_STATE', undefined],
  ['GET_AGENTS', undefined],
  ['GET_FRAMEWORKS', undefined],
  ['GET_EXECUTORS', undefined],
  ['GET_OPERATIONS', undefined],
  ['GET_TASKS', undefined],
  ['GET_ROLES', undefined],
  ['GET_WEIGHTS', undefined],
  ['UPDATE_WEIGHTS', 'update_weights'],
  ['GET_MASTER', undefined],
  ['SUBSCRIBE', undefined],
  ['RESERVE_RESOURCES', 'reserve_resources'],
  ['UNRESERVE_RESOURCES', 'unreserve_resources'],
  ['CREATE_VOLUMES', 'create_volumes'],
  ['DESTROY_VOLUMES', 'destroy_volumes'],
  ['GROW_VOLUME', 'grow_volume'],
  ['SHRINK_VOLUME', 'shrink_volume'],
  ['GET_MAINTENANCE_STATUS', undefined],
  ['GET_MAINTENANCE_SCHEDULE', undefined],
  ['UPDATE_MAINTENANCE_SCHEDULE', 'update_maintenance_schedule'],
  ['START_MAINTENANCE', 'start_maintenance'],
  ['STOP_MAINTENANCE', 'stop_maintenance'],
  ['DRAIN_AGENT', 'drain_agent'],
  ['DEACTIVATE_AGENT', 'deactivate_agent'],
  ['REACTIVATE_AGENT', 'reactivate_agent'],
  ['GET_QUOTA', undefined],
  ['UPDATE_QUOTA', 'update_quota'],
  ['SET_QUOTA', 'set_quota'],
  ['REMOVE_QUOTA', 'remove_quota'],
  ['TEARDOWN', 'teardown'],
  ['MARK_AGENT_GONE', 'mark_agent_gone'],
]);

const CALL: Fields = {
  type: enumOf([...PAYLOADS.keys()]),
  ...Object.fromEntries([...PAYLOADS.values()].flatMap((name) => (name === undefined ? [] : [[name, any]]))),
  get_metrics: message({ timeout: message({ nanoseconds: required(integer) }) }),
  list_files: message({ path: required(text) }),
  read_file: message({ path: required(text), offset: required(integer), length: integer }),
  teardown: message({ framework_id: required(id) }),
  mark_agent_gone: message({ agent_id: required(id) }),
  update_maintenance_schedule: message({ schedule: required(schedule) }),
  start_maintenance: message({ machines: repeated(machineId) }),
  stop_maintenance: message({ machines: repeated(machineId) }),
  drain_agent: message({ agent_id: required(id), max_grace_period: duration, mark_gone: bool }),
  deactivate_agent: message({ agent_id: required(id) }),
  reactivate_agent: message({ agent_id: required(id) }),
  update_quota: updateQuota,
  set_quota: message({ quota_request: required(quotaRequest) }),
  remove_quota: message({ role: required(text) }),
  update_weights: message({ weight_infos: repeated(weightInfo) }),
};

export function decodeOperatorCall(json: unknown): Decoded<JsonObject> {
  return decode<JsonObject>(CALL, json);
}

export function operatorCallProblem(call: JsonObject): string | undefined {
  const type = call['type'];
  if (typeof type !== 'string') return "Expecting 'type' to be present";
  const payload = PAYLOADS.get(type);
  if (payload !== undefined && call[payload] === undefined) return `Expecting '${payload}' to be present`;
  return undefined;
}
