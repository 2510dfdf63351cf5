import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Dockerode from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { errorText, RimrockError } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import { agentErrors } from '../../errors.ts';
import type { ExitStatus, Handle, Launcher, LaunchCheckpoint, LaunchSpec, Quantities } from '../launcher.ts';
import { Changes } from './changes.ts';
import type { DockerConfig } from './config.ts';
import { Container } from './container.ts';
import type { ContainerParts } from './container.ts';
import { CONTAINER_LABEL, createOptions, RUNTIME_LABEL } from './create-options.ts';
import { Engine, isDown } from './engine.ts';
import { execInside } from './exec.ts';
import { startFault } from './exit-status.ts';
import { Images, withTag } from './images.ts';
import { beginLogs } from './logs.ts';
import { Sweeper } from './sweep.ts';
import { usageOf } from './usage.ts';

export interface DockerLauncherParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: DockerConfig;
  /** The folder below which all runtime folders of this agent lie; what is labelled with another one is not ours. */
  readonly root: string;
}

/** Tasks in containers of a Docker engine, or of another one that speaks its API (docs/decisions/0028-docker.md). */
export function createDockerLauncher(parts: DockerLauncherParts): Launcher {
  return new DockerLauncher(parts);
}

class DockerLauncher implements Launcher {
  readonly #parts: DockerLauncherParts;
  readonly #engine: Engine;
  readonly #images: Images;
  readonly #changes: Changes;
  readonly #sweeper: Sweeper;
  readonly #closed = new AbortController();
  readonly #containers = new WeakMap<Handle, Container>();

  constructor(parts: DockerLauncherParts) {
    this.#parts = parts;
    this.#engine = new Engine(parts.config.socket, parts.clock);
    this.#images = new Images(this.#engine, parts.clock, parts.config.credentials);
    this.#changes = new Changes(this.#engine, parts.log);
    this.#sweeper = new Sweeper({
      engine: this.#engine,
      clock: parts.clock,
      log: parts.log,
      root: parts.root,
      removeDelayMs: parts.config.removeDelaySeconds * 1000,
      closed: this.#closed.signal,
    });
  }

  async launch(spec: LaunchSpec, commit: (checkpoint: LaunchCheckpoint) => Promise<void>): Promise<Handle> {
    let id: string | undefined;
    try {
      const quantities = await this.#quantitiesOf(spec);
      const options = await createOptions({ ...spec, quantities }, this.#parts.config);
      await this.#images.provide(spec);
      spec.signal?.throwIfAborted();
      this.#sweeper.expect(spec.containerId);
      const image = withTag(options.Image ?? '');
      const created = await this.#engine.ask('create a container', (docker) =>
        docker.createContainer({ ...options, Image: image }),
      );
      id = created.id;
      const checkpoint: LaunchCheckpoint = {
        launcher: 'docker',
        containerId: spec.containerId,
        runtimeDir: spec.runtimeDir,
        pid: 0,
        startTime: '',
        bootId: '',
        engineId: id,
      };
      await beginLogs(spec);
      await commit(checkpoint);
      return await this.#start(spec, checkpoint, id);
    } catch (error) {
      this.#sweeper.forget(spec.containerId);
      if (id !== undefined) await this.#remove(id);
      spec.signal?.throwIfAborted();
      const hint = error instanceof RimrockError ? `. ${error.hint}` : '';
      throw agentErrors.AGENT_LAUNCH({ problem: errorText(error) + hint }, error);
    }
  }

  async reattach(checkpoint: LaunchCheckpoint): Promise<Handle | 'gone' | 'not-mine'> {
    const id = checkpoint.engineId;
    if (id === undefined) return 'not-mine';
    this.#sweeper.expect(checkpoint.containerId);
    let found: Dockerode.ContainerInspectInfo | undefined;
    try {
      found = await this.#engine.soon(() =>
        this.#engine.find('look at a container', (d) => d.getContainer(id).inspect()),
      );
    } catch (error) {
      if (!isDown(error)) throw error;
      // whether it runs will be known when the engine is back
      return this.#track(checkpoint);
    }
    if (!found) return 'gone';
    const labels = found.Config.Labels;
    if (labels[CONTAINER_LABEL] !== checkpoint.containerId || labels[RUNTIME_LABEL] !== checkpoint.runtimeDir)
      return 'not-mine';
    if (found.State.Status !== 'created' || startFault(found, '')) return this.#track(checkpoint, found);
    await this.#remove(id); // it was never started
    return 'gone';
  }

  kill(handle: Handle, graceMs: number): Promise<ExitStatus> {
    return this.#containers.get(handle)?.kill(graceMs) ?? handle.exited;
  }

  async signal(handle: Handle, signal: number): Promise<void> {
    const { engineId = '' } = handle.checkpoint;
    await this.#engine.find('signal a container', (d) => d.getContainer(engineId).kill({ signal }));
  }

  async limit(handle: Handle, quantities: Quantities): Promise<void> {
    await this.#containers.get(handle)?.limit(quantities);
  }

  endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]> {
    return this.#sweeper.endForgotten(root, known);
  }

  async usage(handle: Handle): Promise<ReturnType<typeof usageOf> | undefined> {
    const container = this.#containers.get(handle);
    if (!container) return undefined;
    const found = await this.#engine.find('look at a container', (d) =>
      d.getContainer(container.id).inspect(),
    );
    if (!found?.State.Running) return undefined;
    const stats = await this.#engine.find('measure a container', (d) =>
      d.getContainer(container.id).stats({ stream: false, 'one-shot': true }),
    );
    return stats && usageOf(stats, found.HostConfig);
  }

  exec(handle: Handle, command: Parameters<Launcher['exec']>[1], signal: AbortSignal): Promise<number> {
    const { containerId, engineId = '' } = handle.checkpoint;
    const by = { engine: this.#engine, clock: this.#parts.clock };
    return execInside(by, { id: engineId, containerId }, command, signal);
  }

  close(): void {
    this.#closed.abort();
  }

  /** What will have more than it begins with is not limited by an engine that could not give it more. */
  async #quantitiesOf({ quantities }: LaunchSpec): Promise<Quantities | undefined> {
    return quantities?.sharers === undefined || (await this.#changes.able()) ? quantities : undefined;
  }

  async #start(spec: LaunchSpec, checkpoint: LaunchCheckpoint, id: string): Promise<Handle> {
    try {
      await this.#engine.ask('start a container', (d) => d.getContainer(id).start());
    } catch (error) {
      const found = await this.#engine.find('look at a container', (d) => d.getContainer(id).inspect());
      const said = errorText(error);
      if (!found || !startFault(found, said)) throw error;
      await appendFile(join(spec.sandbox, 'stderr'), `${said}\n`);
      return this.#track(checkpoint, found, startFault(found, said));
    }
    const found = await this.#engine.ask('look at a container', (d) => d.getContainer(id).inspect());
    return this.#track(checkpoint, found, undefined, spec.quantities);
  }

  #track(
    checkpoint: LaunchCheckpoint,
    found?: Dockerode.ContainerInspectInfo,
    ended?: ExitStatus,
    created?: Quantities,
  ): Handle {
    const parts: ContainerParts = {
      engine: this.#engine,
      changes: this.#changes,
      clock: this.#parts.clock,
      log: this.#parts.log,
      closed: this.#closed.signal,
    };
    if (ended) return { checkpoint, exited: Promise.resolve(ended) };
    const container = new Container(parts, checkpoint, found, created);
    this.#containers.set(container, container);
    return container;
  }

  /** A container that was not to be: nobody looks at it. The sweeper finds it if the engine is away. */
  async #remove(id: string): Promise<void> {
    await this.#engine
      .find('remove a container', (d) => d.getContainer(id).remove({ force: true, v: true }))
      .catch((error: unknown) =>
        this.#parts.log.warn({ id, error: errorText(error) }, 'a container stays behind'),
      );
  }
}
