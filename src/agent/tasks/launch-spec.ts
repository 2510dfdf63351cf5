import { scalarOf } from '../../mesos/index.ts';
import type { CommandInfo, ContainerInfo, FrameworkInfo, Resource, TaskLimits } from '../../mesos/index.ts';
import type { BindMount, LaunchSpec, Quantities } from '../launcher/launcher.ts';
import { commandArgv, imageArgv } from './command.ts';
import { hostPortProblem } from './host-ports.ts';

const MIB = 1024 * 1024;

/** What a container is made of, whether it holds a task or an executor. */
export interface ContainerWish {
  readonly containerId: string;
  readonly framework: FrameworkInfo;
  readonly command: CommandInfo | undefined;
  readonly container: ContainerInfo | undefined;
  /** All that is accounted to it. */
  readonly resources: readonly Resource[];
  readonly limits?: TaskLimits | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly sandbox: string;
  readonly runtimeDir: string;
  readonly mounts?: readonly BindMount[] | undefined;
  /** Whether containers run as the user that is asked for, or all as the agent's own. */
  readonly switchUser: boolean;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** The one place where a launcher is told what a container may have. Throws what it may not have, in words for the framework. */
export function launchSpec(wish: ContainerWish): LaunchSpec {
  const { containerId, environment, sandbox, runtimeDir, mounts, container, signal, progress } = wish;
  const image = container?.type === 'DOCKER';
  const problem = hostPortProblem(container, wish.resources);
  if (problem !== undefined) throw new Error(problem);
  return {
    containerId,
    argv: image ? imageArgv(wish.command) : commandArgv(wish.command ?? {}),
    environment,
    sandbox,
    runtimeDir,
    user: image ? wish.command?.user : wish.switchUser ? userOf(wish.command, wish.framework) : undefined,
    rlimits: container?.rlimit_info?.rlimits,
    quantities: quantitiesOf(wish.resources, wish.limits),
    container,
    mounts,
    signal,
    progress,
  };
}

/** The command's word, then the framework's; empty text is the user of the agent (mesos-api.md §1.4, §6.2). */
export function userOf(command: CommandInfo | undefined, framework: FrameworkInfo): string | undefined {
  const user = command?.user ?? framework.user;
  return user === '' ? undefined : user;
}

/** On whose behalf things are fetched, read and mounted on the machine itself: also for an image, whose users are its own. */
export function hostUserOf(wish: {
  readonly switchUser: boolean;
  readonly command: CommandInfo | undefined;
  readonly container: ContainerInfo | undefined;
  readonly framework: FrameworkInfo;
}): string | undefined {
  if (!wish.switchUser) return undefined;
  return userOf(wish.container?.type === 'DOCKER' ? undefined : wish.command, wish.framework);
}

/** `limits` say how far a task may go beyond what it asked for; without them: cores without limit, memory as asked for. */
export function quantitiesOf(
  resources: readonly Resource[],
  limits: TaskLimits | undefined,
): Quantities | undefined {
  const [cpus, mem] = [scalarOf(resources, 'cpus'), scalarOf(resources, 'mem')];
  if (cpus === 0 && mem === 0) return undefined;
  const [cpuLimit, memLimit] = [limits?.['cpus'], limits?.['mem']].map(numberOf);
  return {
    cpus,
    ...(cpuLimit === undefined ? {} : { cpuLimit }),
    memBytes: Math.round(mem * MIB),
    ...(memLimit === undefined ? {} : { memLimitBytes: Math.round(memLimit * MIB) }),
  };
}

/** Infinity has no number in JSON: it comes as text (mesos-api.md §0.2). */
export function numberOf(scalar: { readonly value: number | string } | undefined): number | undefined {
  return scalar === undefined ? undefined : Number(scalar.value);
}
