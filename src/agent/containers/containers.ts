import { realpath } from 'node:fs/promises';
import { errorText } from '../../core/errors.ts';
import type { CommandInfo, ContainerId, ContainerInfo, Resource, TaskLimits } from '../../mesos/index.ts';
import { NESTED_FOLDER } from '../checkpoint/layout.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';
import type { ContainerView, ExecutorView } from '../executors/executor.ts';
import type { ExitStatus, Handle, LaunchSpec } from '../launcher/launcher.ts';
import { commandArgv, commandProblem } from '../tasks/command.ts';
import type { TaskContext } from '../tasks/context.ts';
import { inheritedEnvironment, setVariables } from '../tasks/environment.ts';
import { quantitiesOf } from '../tasks/launch-spec.ts';
import { lookUp } from '../tasks/task-environment.ts';
import { makeVolumes } from '../volumes/volumes.ts';
import type { ContainerFiles, ContainerRecord } from './files.ts';
import { launcherName, parentAmong } from './parents.ts';
import type { Parent } from './parents.ts';
import { inNewSandbox, letThrough, pathOf, removeSandbox } from './sandbox.ts';
import type { SandboxWay } from './sandbox.ts';

/** What a client of the API wants to be launched (mesos-api.md §3.4). */
export interface ContainerWish {
  readonly id: ContainerId;
  readonly command: CommandInfo | undefined;
  readonly container: ContainerInfo | undefined;
  readonly resources: readonly Resource[];
  readonly limits: TaskLimits | undefined;
}

/** A container that the API launched; it is here until it is removed, or its parent is over. */
export interface ApiContainer extends Omit<ContainerRecord, 'version' | 'checkpoint'> {
  readonly name: string;
  readonly handle: Handle;
  /** As the containers of executors are shown. */
  readonly shown: ContainerView;
  /** How it ended; undefined while it runs. */
  exit: ExitStatus | undefined;
}

type Launched = Omit<ApiContainer, 'shown' | 'exit'>;
type Context = Pick<
  TaskContext,
  'launcher' | 'log' | 'fetcher' | 'secrets' | 'switchUser' | 'environment' | 'taskEnvironment'
>;

/** The containers that clients of the agent's API launch: beside what executors run, inside of it or on their own. */
export class ApiContainers {
  readonly #context: Context;
  readonly #files: ContainerFiles;
  readonly #executors: () => readonly ExecutorView[];
  readonly #all = new Map<string, ApiContainer>();
  readonly #launching = new Set<string>();
  readonly #released = new AbortController();

  constructor(context: Context, files: ContainerFiles, executors: () => readonly ExecutorView[]) {
    this.#context = context;
    this.#files = files;
    this.#executors = executors;
  }

  get all(): readonly ApiContainer[] {
    return [...this.#all.values()];
  }

  /** Aborts when the agent lets go of its containers: nobody hears of their ends any more. */
  get released(): AbortSignal {
    return this.#released.signal;
  }

  find(id: ContainerId): ApiContainer | undefined {
    return this.#all.get(launcherName(id));
  }

  /** What runs under this id and may have others inside. */
  parent(id: ContainerId): Parent | undefined {
    const own = this.find(id);
    if (!own) return parentAmong(this.#executors(), id);
    if (own.exit) return undefined;
    const { name, way, user, handle } = own;
    return { name, way, user, hasImage: false, ended: handle.exited };
  }

  /** False: it is here already. Rejects, in words for the client, when it cannot be launched; nothing is left then. */
  async launch(wish: ContainerWish, parent: Parent | undefined): Promise<boolean> {
    const name = launcherName(wish.id);
    if (this.#all.has(name) || this.#launching.has(name)) return false;
    this.#launching.add(name);
    try {
      const container = this.#track(await this.#launch(name, wish, parent));
      void parent?.ended.then(() => this.#destroy(container));
    } finally {
      this.#launching.delete(name);
    }
    return true;
  }

  /** End it: SIGKILL for all of it, any other signal for its command. */
  async kill({ handle }: ApiContainer, signal: number): Promise<void> {
    const { launcher } = this.#context;
    if (signal === SIGKILL) void launcher.kill(handle, 0);
    else await launcher.signal(handle, signal);
  }

  /** Forget one that is over, with its sandbox and all that was inside. */
  async remove(container: ApiContainer): Promise<void> {
    for (const inside of this.all)
      if (inside.id.parent && launcherName(inside.id.parent) === container.name) await this.#destroy(inside);
    this.#all.delete(container.name);
    await removeSandbox(container.way);
    await this.#files.remove(container.name);
  }

  /** Take over what an earlier agent process left; those whose parents are gone end. Resolves with the names of all. */
  async recover(): Promise<readonly string[]> {
    const left = await this.#files.all();
    for (const { name, record } of left) {
      const found = await this.#context.launcher.reattach(record.checkpoint);
      const { version: _version, checkpoint, ...rest } = record;
      const over: Handle = { checkpoint, exited: Promise.resolve({ kind: 'unknown' }) };
      this.#track({ ...rest, name, handle: typeof found === 'string' ? over : found });
    }
    for (const container of this.all) {
      if (!container.id.parent) continue;
      const parent = this.parent(container.id.parent);
      void (parent?.ended ?? Promise.resolve()).then(() => this.#destroy(container));
    }
    return left.map(({ name }) => name);
  }

  /** The agent leaves for good. */
  async killAll(): Promise<void> {
    const { launcher } = this.#context;
    await Promise.all(this.all.map(({ handle }) => launcher.kill(handle, 0)));
    for (const { name } of this.all) await this.#files.remove(name);
    this.#all.clear();
  }

  /** Let go without ending anything. */
  release(): void {
    this.#released.abort();
  }

  async #launch(name: string, wish: ContainerWish, parent: Parent | undefined): Promise<Launched> {
    const { launcher, log, switchUser } = this.#context;
    const { id, command, container, resources, limits } = wish;
    const problem = commandProblem({ command, container }, launcher) ?? imageProblem(container, parent);
    if (problem !== undefined) throw new Error(problem);
    const way = this.#wayOf(id, parent);
    const user = command?.user ?? parent?.user;
    await this.#files.create(name);
    if (!parent) await this.#files.makeSandboxes();
    else if (switchUser && user !== parent.user) await letThrough(parent.way);
    try {
      const handle = await inNewSandbox(way, async (folder) => {
        const runAs = switchUser ? user : undefined;
        const spec = await this.#spec(name, wish, { folder, way, user: runAs, parent });
        return launcher.launch(spec, (checkpoint) =>
          this.#files.write(name, {
            version: CHECKPOINT_VERSION,
            id,
            way,
            user,
            resources,
            limits,
            checkpoint,
          }),
        );
      });
      log.info({ containerId: id, user }, 'a client of the API has launched a container');
      return { name, id, way, user, resources, limits, handle };
    } catch (error) {
      await removeSandbox(way);
      await this.#files.remove(name);
      throw error;
    }
  }

  async #spec(
    name: string,
    { command = {}, container, resources, limits }: ContainerWish,
    at: {
      readonly folder: string;
      readonly way: SandboxWay;
      readonly user: string | undefined;
      readonly parent: Parent | undefined;
    },
  ): Promise<LaunchSpec> {
    const { folder, way, user, parent } = at;
    const { fetcher, secrets, environment: own, taskEnvironment } = this.#context;
    const found = await lookUp(this.#context, command, user);
    await fetcher.fetch(command.uris ?? [], folder, this.released, user);
    const place = { sandbox: folder, parentSandbox: parent && pathOf(parent.way) };
    const mounts = await makeVolumes(container, place, secrets);
    // what is open here is not open in the command
    const real = mounts.map(async (mount) => ({ ...mount, source: await realpath(mount.source) }));
    const environment = inheritedEnvironment(own, taskEnvironment, found.home);
    for (const variable of ['MESOS_DIRECTORY', 'MESOS_SANDBOX']) environment.set(variable, pathOf(way));
    setVariables(environment, found.command);
    return {
      containerId: name,
      argv: commandArgv(command),
      environment: Object.fromEntries(environment),
      sandbox: `${folder}/.`,
      runtimeDir: this.#files.runtimeDir(name),
      user,
      rlimits: container?.rlimit_info?.rlimits,
      quantities: quantitiesOf(resources, limits),
      mounts: await Promise.all(real),
      ...(parent && sharesGroup(container) ? { inGroupOf: parent.name } : {}),
    };
  }

  #wayOf(id: ContainerId, parent: Parent | undefined): SandboxWay {
    if (!parent) return { root: this.#files.sandboxes, steps: [id.value] };
    return { ...parent.way, steps: [...parent.way.steps, NESTED_FOLDER, id.value] };
  }

  #track(launched: Launched): ApiContainer {
    const { id, resources, limits, handle, name } = launched;
    const { pid } = handle.checkpoint;
    const usage = () => this.#context.launcher.usage(handle);
    const shown = { containerId: id.value, pid, resources, limits, usage };
    const container: ApiContainer = { ...launched, shown, exit: undefined };
    this.#all.set(name, container);
    void handle.exited.then((exit) => (container.exit = exit));
    return container;
  }

  /** Its parent is over: it ends, and nobody asks for it any more. Its sandbox goes with that of the parent. */
  async #destroy(container: ApiContainer): Promise<void> {
    if (this.released.aborted || this.#all.get(container.name) !== container) return;
    const { launcher, log } = this.#context;
    await launcher.kill(container.handle, 0);
    if (this.released.aborted) return;
    this.#all.delete(container.name);
    await this.#files.remove(container.name).catch((error: unknown) => {
      log.warn({ containerId: container.id, error: errorText(error) }, 'a container is still on disk');
    });
  }
}

const SIGKILL = 9;

function imageProblem(container: ContainerInfo | undefined, parent: Parent | undefined): string | undefined {
  if (parent?.hasImage === true || container?.type === 'DOCKER')
    return 'Containers of a Docker engine have no others inside, and are not launched by this call';
  const secret = container?.volumes?.find(({ source }) => source?.secret);
  return secret && `Volume '${secret.container_path}': containers of this call have no volumes of secrets`;
}

/** By default, as in Mesos (LinuxInfo.share_cgroups). */
export function sharesGroup(container: ContainerInfo | undefined): boolean {
  const info = container?.linux_info as { readonly share_cgroups?: boolean } | undefined;
  return info?.share_cgroups ?? true;
}
