import { any, bool, bytes, double, enumOf, integer, message, repeated, required, text } from './decode.ts';
import type { Field } from './decode.ts';

/** Field tables of what tasks and executors run: commands, containers and checks (mesos-api.md §2.8). */
const label = message({ key: required(text), value: text });
export const labels: Field = message({ labels: repeated(label) });

const secret = message({
  type: enumOf(['UNKNOWN', 'REFERENCE', 'VALUE']),
  reference: message({ name: required(text), key: text }),
  value: message({ data: required(bytes) }),
});

export const commandInfo: Field = message({
  shell: bool,
  value: text,
  arguments: repeated(text),
  uris: repeated(
    message({ value: required(text), executable: bool, extract: bool, cache: bool, output_file: text }),
  ),
  environment: message({
    variables: repeated(
      message({ name: required(text), type: enumOf(['UNKNOWN', 'VALUE', 'SECRET']), value: text, secret }),
    ),
  }),
  user: text,
});

const image = message({
  type: required(enumOf(['APPC', 'DOCKER'])),
  appc: any,
  docker: message({ name: required(text), credential: any, config: secret }),
  cached: bool,
});

const volume = message({
  mode: required(enumOf(['RW', 'RO'])),
  container_path: required(text),
  host_path: text,
  image,
  source: message({
    type: enumOf(['UNKNOWN', 'DOCKER_VOLUME', 'HOST_PATH', 'SANDBOX_PATH', 'SECRET', 'CSI_VOLUME']),
    docker_volume: message({ driver: text, name: required(text), driver_options: any }),
    host_path: message({ path: required(text), mount_propagation: any }),
    sandbox_path: message({ type: enumOf(['UNKNOWN', 'SELF', 'PARENT']), path: required(text) }),
    secret,
    csi_volume: any,
  }),
});

const portMapping = message({
  host_port: required(integer),
  container_port: required(integer),
  protocol: text,
});

const docker = message({
  image: required(text),
  network: enumOf(['HOST', 'BRIDGE', 'NONE', 'USER']),
  port_mappings: repeated(portMapping),
  privileged: bool,
  parameters: repeated(message({ key: required(text), value: required(text) })),
  force_pull_image: bool,
  volume_driver: text,
});

export const containerInfo: Field = message({
  type: required(enumOf(['DOCKER', 'MESOS'])),
  volumes: repeated(volume),
  hostname: text,
  docker,
  mesos: message({ image }),
  network_infos: repeated(
    message({
      ip_addresses: repeated(message({ protocol: enumOf(['IPv4', 'IPv6']), ip_address: text })),
      name: text,
      groups: repeated(text),
      labels,
      port_mappings: repeated(portMapping),
    }),
  ),
  linux_info: any,
  rlimit_info: message({
    rlimits: repeated(message({ type: text, hard: integer, soft: integer })),
  }),
  tty_info: any,
});

export const checkInfo: Field = message({
  type: enumOf(['UNKNOWN', 'COMMAND', 'HTTP', 'TCP']),
  command: message({ command: required(commandInfo) }),
  http: message({ port: required(integer), path: text }),
  tcp: message({ port: required(integer) }),
  delay_seconds: double,
  interval_seconds: double,
  timeout_seconds: double,
});

const ipProtocol = enumOf(['IPv4', 'IPv6']);

export const healthCheck: Field = message({
  type: enumOf(['UNKNOWN', 'COMMAND', 'HTTP', 'TCP']),
  command: commandInfo,
  http: message({
    protocol: ipProtocol,
    scheme: text,
    port: required(integer),
    path: text,
    statuses: repeated(integer),
  }),
  tcp: message({ protocol: ipProtocol, port: required(integer) }),
  delay_seconds: double,
  interval_seconds: double,
  timeout_seconds: double,
  consecutive_failures: integer,
  grace_period_seconds: double,
});
