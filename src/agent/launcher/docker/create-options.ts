import type Dockerode from 'dockerode';
import type { RLimit } from '../../../mesos/index.ts';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type { LaunchSpec } from '../launcher.ts';
import { rlimitWords } from '../process/index.ts';
import type { DockerConfig } from './config.ts';
import { dockerErrors } from './errors.ts';
import { createdLimits } from './limits.ts';
import { networkOf } from './networks.ts';
import type { NetworkOptions } from './networks.ts';
import type { Options } from './parameters.ts';
import { applyParameters } from './parameters.ts';
import { mountsOf, SANDBOX_INSIDE, volumeOf } from './volumes.ts';

/** What tells our containers from all others of the engine. */
export const CONTAINER_LABEL = 'rimrock.container';
export const RUNTIME_LABEL = 'rimrock.runtime-dir';

export function containerName(containerId: string): string {
  return `mesos-${containerId}`;
}

/** What `POST /containers/create` is told for a container. Throws AGENT_DOCKER_REFUSED for what is not run. */
export async function createOptions(
  spec: LaunchSpec,
  config: DockerConfig,
): Promise<Dockerode.ContainerCreateOptions> {
  const { container } = spec;
  const docker = container?.docker;
  if (!docker) throw dockerErrors.AGENT_DOCKER_REFUSED({ problem: 'it names no image' });
  if (docker.privileged && !config.allowPrivileged)
    throw dockerErrors.AGENT_DOCKER_REFUSED({ problem: 'privileged needs agent.docker.allowPrivileged' });
  const network = networkOf(container);
  const options: Options = {
    config: {
      name: containerName(spec.containerId),
      Image: docker.image,
      ...(spec.user === undefined ? {} : { User: spec.user }),
      ...(container.hostname === undefined ? {} : { Hostname: container.hostname }),
      ...(container.tty_info === undefined ? {} : { Tty: true }),
      ExposedPorts: network.exposed,
    },
    host: {
      NetworkMode: network.mode,
      PortBindings: network.bindings,
      Privileged: docker.privileged ?? false,
      LogConfig: { Type: 'json-file', Config: {} }, // one that can be read back: logs.ts
      Ulimits: ulimits(spec.rlimits ?? []),
      ...createdLimits(spec.quantities),
    },
    endpoint: {},
    volumes: [],
  };
  applyParameters(docker.parameters ?? [], options, config.allowPrivileged);
  const { host } = options;
  // parameters cannot say what these say: they come last
  host.Mounts = (await mountsOf([...(container.volumes ?? []), ...options.volumes.map(volumeOf)], {
    sandbox: spec.sandbox,
    hostPaths: config.hostPaths,
    volumeDriver: docker.volume_driver,
  })) as Dockerode.MountConfig;
  return {
    ...options.config,
    ...commandOf(spec, options.config.Entrypoint),
    Env: [...(options.config.Env ?? []), ...environmentOf(spec)],
    Labels: {
      ...options.config.Labels,
      [CONTAINER_LABEL]: spec.containerId,
      [RUNTIME_LABEL]: spec.runtimeDir,
    },
    HostConfig: host,
    ...endpointOf(network, options.endpoint),
  };
}

/** What it is in its network; nothing where there is nothing to say, as not every network can hear it. */
function endpointOf(
  { mode, address }: NetworkOptions,
  endpoint: Options['endpoint'],
): Pick<Dockerode.ContainerCreateOptions, 'NetworkingConfig'> {
  const own = {
    ...endpoint,
    ...(address === undefined ? {} : { IPAMConfig: { IPv4Address: address } }),
  };
  return Object.keys(own).length === 0 ? {} : { NetworkingConfig: { EndpointsConfig: { [mode]: own } } };
}

/**
 * `/bin/sh -c` takes the place of the image's entrypoint, everything else goes to it; nothing at all leaves the image's own command
 * (mesos-api.md §2.8).
 */
function commandOf(
  { argv }: LaunchSpec,
  entrypoint: string | string[] | undefined,
): Pick<Dockerode.ContainerCreateOptions, 'Entrypoint' | 'Cmd'> {
  const [program, option, ...rest] = argv;
  if (entrypoint === undefined && program === '/bin/sh' && option === '-c')
    return { Entrypoint: [program], Cmd: [option, ...rest] };
  const words = program === '' ? argv.slice(1) : [...argv];
  return words.length > 0 ? { Cmd: words } : {};
}

/** Paths of the sandbox are told as the container sees them, but for the one that is meant to be the machine's. */
export function environmentOf(
  spec: Pick<LaunchSpec, 'environment' | 'sandbox'> & { readonly containerId: string },
): string[] {
  const seen = Object.entries(spec.environment).map(([name, value]) =>
    name === 'MESOS_DIRECTORY' ? [name, value] : [name, value.replaceAll(spec.sandbox, SANDBOX_INSIDE)],
  );
  return Object.entries({
    ...(Object.fromEntries(seen) as Record<string, string>),
    MESOS_SANDBOX: SANDBOX_INSIDE,
    MESOS_CONTAINER_NAME: containerName(spec.containerId),
    [CONTAINER_VARIABLE]: spec.containerId,
  }).map(([name, value]) => `${name}=${value}`);
}

const UNLIMITED = -1;

function ulimits(rlimits: readonly RLimit[]): Dockerode.Ulimit[] {
  rlimitWords(rlimits); // throws at what is no limit, as without an image
  return rlimits.map(({ type, soft = UNLIMITED, hard = UNLIMITED }) => ({
    Name: type.replace(/^RLMT_/, '').toLowerCase(),
    Soft: soft,
    Hard: hard,
  }));
}
