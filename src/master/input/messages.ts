import { TASK_STATES } from '../../mesos/index.ts';
import { any, bool, bytes, double, enumOf, integer, message, repeated, required, text } from './decode.ts';
import type { Field } from './decode.ts';
import { checkInfo, commandInfo, containerInfo, healthCheck, labels } from './container-messages.ts';

/** Field tables of the mesos.proto messages that reach the master. What it only passes on is `any`. */
export const id: Field = message({ value: required(text) });
const nanoseconds = message({ nanoseconds: required(integer) });
const scalar = message({ value: required(double) });
const ranges = message({
  range: repeated(message({ begin: required(integer), end: required(integer) })),
});
const set = message({ item: repeated(text) });

export const resource: Field = message({
  name: required(text),
  type: required(enumOf(['SCALAR', 'RANGES', 'SET', 'TEXT'])),
  scalar,
  ranges,
  set,
  role: text,
  allocation_info: message({ role: text }),
  reservation: any,
  reservations: repeated(any),
  disk: any,
  revocable: any,
  shared: any,
  provider_id: any,
});

const attribute = message({
  name: required(text),
  type: required(enumOf(['SCALAR', 'RANGES', 'SET', 'TEXT'])),
  scalar,
  ranges,
  set,
  text: message({ value: required(text) }),
});

export const CAPABILITIES = [
  'UNKNOWN',
  'REVOCABLE_RESOURCES',
  'TASK_KILLING_STATE',
  'GPU_RESOURCES',
  'SHARED_RESOURCES',
  'PARTITION_AWARE',
  'MULTI_ROLE',
  'RESERVATION_REFINEMENT',
  'REGION_AWARE',
] as const;

export const frameworkInfo: Field = message({
  user: required(text),
  name: required(text),
  id,
  failover_timeout: double,
  checkpoint: bool,
  role: text,
  roles: repeated(text),
  hostname: text,
  webui_url: text,
  principal: text,
  capabilities: repeated(message({ type: enumOf(CAPABILITIES) })),
  labels,
  offer_filters: any,
});

export const killPolicy: Field = message({ grace_period: nanoseconds });

const discovery = message({
  visibility: required(enumOf(['FRAMEWORK', 'CLUSTER', 'EXTERNAL'])),
  name: text,
  environment: text,
  location: text,
  version: text,
  ports: message({
    ports: repeated(
      message({ number: required(integer), name: text, protocol: text, visibility: text, labels }),
    ),
  }),
  labels,
});

export const executorInfo: Field = message({
  executor_id: required(id),
  type: enumOf(['UNKNOWN', 'DEFAULT', 'CUSTOM']),
  framework_id: id,
  command: commandInfo,
  container: containerInfo,
  resources: repeated(resource),
  name: text,
  source: text,
  data: bytes,
  discovery,
  shutdown_grace_period: nanoseconds,
  labels,
});

export const taskInfo: Field = message({
  name: required(text),
  task_id: required(id),
  agent_id: required(id),
  resources: repeated(resource),
  executor: executorInfo,
  command: commandInfo,
  container: containerInfo,
  health_check: healthCheck,
  check: checkInfo,
  kill_policy: killPolicy,
  max_completion_time: nanoseconds,
  data: bytes,
  labels,
  discovery,
  limits: any,
});

export const taskState: Field = enumOf(TASK_STATES);

export const taskStatus: Field = message({
  task_id: required(id),
  state: required(taskState),
  message: text,
  source: enumOf(['SOURCE_MASTER', 'SOURCE_AGENT', 'SOURCE_EXECUTOR']),
  reason: text,
  data: bytes,
  agent_id: id,
  executor_id: id,
  timestamp: double,
  uuid: bytes,
  healthy: bool,
  check_status: any,
  labels,
  container_status: any,
  unreachable_time: nanoseconds,
  limitation: any,
});

export const agentInfo: Field = message({
  id,
  hostname: required(text),
  port: integer,
  resources: repeated(resource),
  attributes: repeated(attribute),
  domain: any,
});

export const filters: Field = message({ refuse_seconds: double });
