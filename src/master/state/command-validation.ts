import type { CommandInfo, ContainerInfo, EnvironmentVariable, Secret, Volume } from '../../mesos/index.ts';

/** What is wrong with commands and containers, in the words of Mesos (mesos-api.md §1.9); undefined: nothing. */

export function commandProblem(command: CommandInfo | undefined): string | undefined {
  for (const variable of command?.environment?.variables ?? []) {
    const problem = variableProblem(variable);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function variableProblem({ name, type = 'VALUE', value, secret }: EnvironmentVariable): string | undefined {
  if (type === 'UNKNOWN') return "Environment variable of type 'UNKNOWN' is not allowed";
  const of = `Environment variable '${name}' of type '${type}'`;
  if (type === 'VALUE') {
    if (value === undefined) return `${of} must have a value set`;
    return secret === undefined ? undefined : `${of} must not have a secret set`;
  }
  if (secret === undefined) return `${of} must have a secret set`;
  if (value !== undefined) return `${of} must not have a value set`;
  const problem = secretProblem(secret);
  if (problem !== undefined) return `Environment variable '${name}' specifies an invalid secret: ${problem}`;
  return hasNul(secret)
    ? `Environment variable '${name}' specifies a secret containing null bytes, which is not allowed in the environment`
    : undefined;
}

function secretProblem({ type, reference, value }: Secret): string | undefined {
  if (type === 'REFERENCE') {
    if (reference === undefined) return "Secret of type REFERENCE must have the 'reference' field set";
    return value === undefined
      ? undefined
      : `Secret '${reference.name}' of type REFERENCE must not have the 'value' field set`;
  }
  if (type === 'VALUE') {
    if (value === undefined) return "Secret of type VALUE must have the 'value' field set";
    return reference === undefined
      ? undefined
      : "Secret of type VALUE must not have the 'reference' field set";
  }
  return undefined;
}

function hasNul(secret: Secret): boolean {
  return secret.value !== undefined && atob(secret.value.data).includes('\0');
}

export function containerProblem(container: ContainerInfo | undefined): string | undefined {
  for (const volume of container?.volumes ?? []) {
    const problem = volumeProblem(volume);
    if (problem !== undefined) return `Invalid volume: ${problem}`;
  }
  if (container?.type !== 'DOCKER') return undefined;
  if (container.docker === undefined) return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  return container.docker.parameters?.some((p) => p.key === 'name') === true
    ? "Parameter in DockerInfo must not be 'name'"
    : undefined;
}

/** The part of a volume's source that its type asks for. */
const SOURCES: ReadonlyMap<string | undefined, string> = new Map([
  ['DOCKER_VOLUME', 'docker_volume'],
  ['HOST_PATH', 'host_path'],
  ['SANDBOX_PATH', 'sandbox_path'],
  ['SECRET', 'secret'],
  ['CSI_VOLUME', 'csi_volume'],
]);

function volumeProblem({ host_path, image, source }: Volume): string | undefined {
  const given = [host_path, image, source].filter((part) => part !== undefined);
  if (given.length !== 1) return "Only one of them should be set: 'host_path', 'image' and 'source'";
  if (source === undefined) return undefined;
  const part = SOURCES.get(source.type);
  if (part === undefined) return "'source.type' is unknown";
  if (!Object.hasOwn(source, part)) return `'source.${part}' is not set for ${source.type} volume`;
  return source.secret === undefined ? undefined : secretProblem(source.secret);
}

interface LinuxInfo {
  readonly share_cgroups?: boolean;
}

/** Whether a container said that it shares the cgroups of its parent (`true`) or has its own; undefined: nothing said. */
export function sharesCgroups(container: ContainerInfo | undefined): boolean | undefined {
  return (container?.linux_info as LinuxInfo | undefined)?.share_cgroups;
}
