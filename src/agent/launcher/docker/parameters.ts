import type Dockerode from 'dockerode';
import { dockerErrors } from './errors.ts';

/** What `docker run` is told beside the image, as the Engine API takes it. */
export interface Options {
  readonly config: Dockerode.ContainerCreateOptions;
  readonly host: Dockerode.HostConfig;
  readonly endpoint: { Aliases?: string[]; MacAddress?: string };
  /** `source:target[:mode]`, to be judged as the volumes of the task are. */
  readonly volumes: string[];
}

type Apply = (value: string, options: Options) => void;

const refused = (problem: string): Error => dockerErrors.AGENT_DOCKER_REFUSED({ problem });

/** `name=value`, or `name` alone. */
function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function flag(key: string, value: string): boolean {
  if (value === '' || value === 'true') return true;
  if (value === 'false') return false;
  throw refused(`the parameter ${key} is true or false, not '${value}'`);
}

function whole(key: string, value: string): number {
  if (!/^-?\d+$/.test(value)) throw refused(`the parameter ${key} is a whole number, not '${value}'`);
  return Number(value);
}

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `64m`: bytes with the units of `docker run`. */
function bytes(key: string, value: string): number {
  const m = /^(\d+)([bkmg]?)b?$/i.exec(value);
  if (!m) throw refused(`the parameter ${key} is a size such as 64m, not '${value}'`);
  return Number(m[1]) * (UNITS[(m[2] ?? '').toLowerCase()] ?? 1);
}

/** `nofile=1024:2048`, or one number for both. */
function ulimit(value: string): { Name: string; Soft: number; Hard: number } {
  const m = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(value);
  if (!m) throw refused(`the parameter ulimit is written name=soft:hard, not '${value}'`);
  return { Name: m[1] ?? '', Soft: Number(m[2]), Hard: Number(m[3] ?? m[2]) };
}

/** `/dev/x[:/dev/y[:rwm]]`. */
function device(value: string): { PathOnHost: string; PathInContainer: string; CgroupPermissions: string } {
  const [host = '', inside = host, permissions = 'rwm'] = value.split(':');
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: permissions };
}

/** The options of `docker run` that a task may give, by their long names. */
const SUPPORTED: Readonly<Record<string, Apply>> = {
  'add-host': (v, { host }) => void (host.ExtraHosts ??= []).push(v),
  'cap-add': (v, { host }) => void ((host.CapAdd ??= []) as string[]).push(v),
  'cap-drop': (v, { host }) => void ((host.CapDrop ??= []) as string[]).push(v),
  device: (v, { host }) => void (host.Devices ??= []).push(device(v)),
  dns: (v, { host }) => void (host.Dns ??= []).push(v),
  'dns-option': (v, { host }) => void (host.DnsOptions ??= []).push(v),
  'dns-search': (v, { host }) => void (host.DnsSearch ??= []).push(v),
  entrypoint: (v, { config }) => void (config.Entrypoint = [v]),
  env: (v, { config }) => void (config.Env ??= []).push(v),
  'group-add': (v, { host }) => void (host.GroupAdd ??= []).push(v),
  hostname: (v, { config }) => void (config.Hostname = v),
  init: (v, { host }) => void (host.Init = flag('init', v)),
  ipc: (v, { host }) => void (host.IpcMode = v),
  label: (v, { config }) => {
    const [name, text] = pair(v);
    config.Labels = { ...config.Labels, [name]: text };
  },
  'log-driver': (v, { host }) => void (host.LogConfig = { Type: v, Config: host.LogConfig?.Config ?? {} }),
  'log-opt': (v, { host }) => {
    const [name, text] = pair(v);
    const { Type = 'json-file', Config = {} } = host.LogConfig ?? {};
    host.LogConfig = { Type, Config: { ...(Config as object), [name]: text } };
  },
  'mac-address': (v, { endpoint }) => void (endpoint.MacAddress = v),
  'network-alias': (v, { endpoint }) => void (endpoint.Aliases ??= []).push(v),
  'oom-score-adj': (v, { host }) => void (host.OomScoreAdj = whole('oom-score-adj', v)),
  pid: (v, { host }) => void (host.PidMode = v),
  'read-only': (v, { host }) => void (host.ReadonlyRootfs = flag('read-only', v)),
  runtime: (v, { host }) => void ((host as { Runtime?: string }).Runtime = v),
  'security-opt': (v, { host }) => void ((host.SecurityOpt ??= []) as string[]).push(v),
  'shm-size': (v, { host }) => void (host.ShmSize = bytes('shm-size', v)),
  'stop-signal': (v, { config }) => void (config.StopSignal = v),
  sysctl: (v, { host }) => {
    const [name, text] = pair(v);
    host.Sysctls = { ...host.Sysctls, [name]: text };
  },
  tmpfs: (v, { host }) => {
    const [path = '', ...options] = v.split(':');
    host.Tmpfs = { ...(host.Tmpfs as object), [path]: options.join(':') };
  },
  tty: (v, { config }) => void (config.Tty = flag('tty', v)),
  ulimit: (v, { host }) => void (host.Ulimits ??= []).push(ulimit(v)),
  user: (v, { config }) => void (config.User = v),
  userns: (v, { host }) => void (host.UsernsMode = v),
  uts: (v, { host }) => void ((host as { UTSMode?: string }).UTSMode = v),
  volume: (v, { volumes }) => void volumes.push(v),
  workdir: (v, { config }) => void (config.WorkingDir = v),
};

/** What the old spelling of the command line was called. */
const SAME: Readonly<Record<string, string>> = {
  'dns-opt': 'dns-option',
  'net-alias': 'network-alias',
};

const THE_AGENTS = 'the agent sees to that itself';
const THE_RESOURCES = 'the resources of the task say it';
const THE_NETWORK = 'write it in the network of the container';
const REASONS: Readonly<Record<string, string>> = {
  name: THE_AGENTS,
  rm: THE_AGENTS,
  detach: THE_AGENTS,
  restart: 'the framework starts its tasks again, not the engine',
  memory: THE_RESOURCES,
  cpus: THE_RESOURCES,
  'cpu-shares': THE_RESOURCES,
  net: THE_NETWORK,
  network: THE_NETWORK,
  publish: THE_NETWORK,
};

/** Whether an option gives the container power over the machine, as `privileged` does. */
function opensMachine(key: string, value: string): boolean {
  if (key === 'security-opt') return !/^no-new-privileges([:=]true)?$/.test(value);
  if (['ipc', 'pid', 'uts', 'userns'].includes(key))
    return !['', 'private', 'shareable', 'none'].includes(value);
  return key === 'cap-add' || key === 'device' || key === 'runtime';
}

/**
 * Apply the parameters of a task to `options`. Throws AGENT_DOCKER_REFUSED, naming the parameter, for one that is not known or not
 * allowed.
 */
export function applyParameters(
  parameters: readonly { readonly key: string; readonly value: string }[],
  options: Options,
  allowPrivileged: boolean,
): void {
  for (const { key: given, value } of parameters) {
    const key = SAME[given] ?? given;
    const apply = Object.hasOwn(SUPPORTED, key) ? SUPPORTED[key] : undefined;
    if (!apply) {
      const why = Object.hasOwn(REASONS, key)
        ? REASONS[key]
        : 'it is none of the options that tasks may give';
      throw refused(`the Docker parameter ${given} is not supported: ${why}`);
    }
    if (!allowPrivileged && opensMachine(key, value))
      throw refused(`the Docker parameter ${given}=${value} needs agent.docker.allowPrivileged`);
    apply(value, options);
  }
}
