import type { CallReader } from '../../core/http/v1-calls.ts';
import { any, decode, enumOf, integer, message, required, text } from '../../core/json/decode.ts';
import type { Fields, JsonObject } from '../../core/json/decode.ts';
import { decodeProtobuf } from '../../mesos/proto/index.ts';

/** Call types of the agent's operator API with the payload each needs (mesos-api.md §3.4). */
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
  ['GET_CONTAINERS', undefined],
  ['GET_FRAMEWORKS', undefined],
  ['GET_EXECUTORS', undefined],
  ['GET_OPERATIONS', undefined],
  ['GET_TASKS', undefined],
  ['GET_AGENT', undefined],
  ['GET_RESOURCE_PROVIDERS', undefined],
  ['LAUNCH_NESTED_CONTAINER', 'launch_nested_container'],
  ['WAIT_NESTED_CONTAINER', 'wait_nested_container'],
  ['KILL_NESTED_CONTAINER', 'kill_nested_container'],
  ['REMOVE_NESTED_CONTAINER', 'remove_nested_container'],
  ['LAUNCH_NESTED_CONTAINER_SESSION', 'launch_nested_container_session'],
  ['ATTACH_CONTAINER_INPUT', 'attach_container_input'],
  ['ATTACH_CONTAINER_OUTPUT', 'attach_container_output'],
  ['LAUNCH_CONTAINER', 'launch_container'],
  ['WAIT_CONTAINER', 'wait_container'],
  ['KILL_CONTAINER', 'kill_container'],
  ['REMOVE_CONTAINER', 'remove_container'],
  ['ADD_RESOURCE_PROVIDER_CONFIG', 'add_resource_provider_config'],
  ['UPDATE_RESOURCE_PROVIDER_CONFIG', 'update_resource_provider_config'],
  ['REMOVE_RESOURCE_PROVIDER_CONFIG', 'remove_resource_provider_config'],
  ['MARK_RESOURCE_PROVIDER_GONE', 'mark_resource_provider_gone'],
  ['PRUNE_IMAGES', 'prune_images'],
]);

const CALL: Fields = {
  type: enumOf([...PAYLOADS.keys()]),
  // what is served comes after, field by field
  ...Object.fromEntries([...PAYLOADS.values()].flatMap((name) => (name === undefined ? [] : [[name, any]]))),
  get_metrics: message({ timeout: message({ nanoseconds: required(integer) }) }),
  list_files: message({ path: required(text) }),
  read_file: message({ path: required(text), offset: required(integer), length: integer }),
  get_containers: any,
};

const FORMS = 'application/json or application/x-protobuf or application/recordio';

/** Reads calls of operators; the texts are those of Mesos. */
export const OPERATOR_CALLS: CallReader = {
  name: 'agent::Call',
  decode: (json) => decode<JsonObject>(CALL, json),
  fromProtobuf: (body) => decodeProtobuf('agent.Call', body),
  problem: (call) => {
    const type = call['type'];
    if (typeof type !== 'string') return "Expecting 'type' to be present";
    const payload = PAYLOADS.get(type);
    return payload !== undefined && call[payload] === undefined
      ? `Expecting '${payload}' to be present`
      : undefined;
  },
  checksAccept: () => true,
  wording: {
    contentType: `Expecting 'Content-Type' of ${FORMS}`,
    accept: `Expecting 'Accept' to allow ${FORMS}`,
    badProtobuf: 'Failed to parse body into a protobuf object',
    badCall: '',
  },
};
