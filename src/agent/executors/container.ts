import { errorText } from '../../core/errors.ts';
import type { ContainerStatus, ExecutorInfo, FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import type { RunPlace } from '../checkpoint/records.ts';
import type { Handle, LaunchCheckpoint } from '../launcher/launcher.ts';
import { commandProblem } from '../tasks/command.ts';
import { containerStatusOf } from '../tasks/container-status.ts';
import type { TaskContext } from '../tasks/context.ts';
import { toMs } from '../tasks/duration.ts';
import { hostUserOf, launchSpec } from '../tasks/launch-spec.ts';
import { lookUp } from '../tasks/task-environment.ts';
import { makeVolumes } from '../volumes/volumes.ts';
import { executorEnvironment } from './environment.ts';
import { resourcesOf } from './executor.ts';
import type { ContainerView, Executor } from './executor.ts';
import type { ExecutorIdentities } from './executor-identities.ts';
import { executorQuantities } from './limits.ts';

/**
 * Fetch what an executor needs and start it; `commit` has its identity on disk before it runs. Rejects with words for the framework.
 * `tasks`: what it has been given by now, which its container must have room for; that changes with them (`limitExecutor`).
 */
export async function launchExecutor(
  context: TaskContext,
  executor: {
    readonly place: RunPlace;
    readonly framework: FrameworkInfo;
    readonly info: ExecutorInfo;
    readonly identities: Pick<ExecutorIdentities, 'environment'>;
    tasks(): readonly TaskInfo[];
  },
  signal: AbortSignal,
  commit: (checkpoint: LaunchCheckpoint) => Promise<void>,
): Promise<Handle> {
  const { checkpoints, fetcher, launcher, executors, log } = context;
  const { place, framework, info, identities } = executor;
  const problem = commandProblem(info, launcher);
  if (problem !== undefined) throw new Error(problem);
  const sandbox = checkpoints.sandboxDir(place);
  signal.throwIfAborted();
  const { command, container } = info;
  const user = hostUserOf({ ...context, command, container, framework });
  const found = await lookUp(context, command, user);
  await fetcher.fetch(command?.uris ?? [], sandbox, signal, user);
  signal.throwIfAborted();
  const mounts = await makeVolumes(container, { sandbox }, context.secrets);
  const token = await executors.tokens?.issue(place);
  const identity = await identities.environment();
  signal.throwIfAborted();
  const spec = launchSpec({
    containerId: place.containerId,
    framework,
    command: info.command,
    container: info.container,
    resources: [],
    environment: executorEnvironment({
      agent: context.environment,
      configured: context.taskEnvironment,
      place,
      ...found,
      sandbox,
      address: context.address,
      shutdownGraceMs: shutdownGraceMs(context, info),
      reregistrationTimeoutMs: executors.reregistrationTimeoutMs,
      token,
      tls: executors.tls,
      identity,
    }),
    sandbox,
    runtimeDir: checkpoints.runtimeDir(place),
    mounts,
    switchUser: context.switchUser,
    signal,
    progress: (text) => log.debug({ text, ...place }, 'launching'),
  });
  const quantities = executorQuantities(info, executor.tasks());
  return launcher.launch({ ...spec, quantities }, async (checkpoint) => {
    await commit(checkpoint);
    signal.throwIfAborted();
  });
}

/** Hold a container to what its executor and these tasks have now. */
export async function limitExecutor(
  { launcher, log }: Pick<TaskContext, 'launcher' | 'log'>,
  info: ExecutorInfo,
  tasks: readonly TaskInfo[],
  handle: Handle | undefined,
): Promise<void> {
  const quantities = executorQuantities(info, tasks);
  if (!handle || !quantities) return;
  const { containerId } = handle.checkpoint;
  await launcher.limit(handle, quantities).catch((error: unknown) => {
    log.warn({ containerId, error: errorText(error) }, 'the limits of an executor are as they were');
  });
}

/** How long it has to end its tasks and itself: its own word, then that of the agent. */
export function shutdownGraceMs(context: Pick<TaskContext, 'executors'>, info: ExecutorInfo): number {
  return toMs(info.shutdown_grace_period) ?? context.executors.shutdownGraceMs;
}

/** What statuses say of the container of an executor. */
export function containerStatus(
  context: Pick<TaskContext, 'advertiseIp'>,
  { containerId }: RunPlace,
  handle: Handle | undefined,
): ContainerStatus {
  const { networks, checkpoint } = handle ?? {};
  return containerStatusOf(context, { id: containerId, networks, pid: checkpoint?.pid });
}

/** The container of an executor that has one, while it runs. */
export function containerOf(
  { launcher }: Pick<TaskContext, 'launcher'>,
  executor: Executor,
  handle: Handle | undefined,
  endOverLimit: NonNullable<ContainerView['endOverLimit']>,
): ContainerView | undefined {
  if (!handle || executor.over) return undefined;
  const { containerId, pid } = handle.checkpoint;
  const usage: ContainerView['usage'] = () => launcher.usage(handle);
  return { containerId, pid, resources: resourcesOf(executor), usage, endOverLimit, ended: handle.exited };
}
