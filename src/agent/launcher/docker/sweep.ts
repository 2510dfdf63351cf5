import type Dockerode from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import { CONTAINER_LABEL, RUNTIME_LABEL } from './create-options.ts';
import type { Engine } from './engine.ts';
import { isDown, statusOf } from './engine.ts';
import { isBelow } from './files.ts';

const EVERY_MS = 60_000;

interface SweeperParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly root: string;
  readonly removeDelayMs: number;
  readonly closed: AbortSignal;
}

/** Ends containers that nobody knows, and removes those that ended long ago. Only those that carry our labels, below `root`. */
export class Sweeper {
  readonly #parts: SweeperParts;
  /** Ids that this launcher answers for. */
  readonly #known = new Set<string>();
  /** Where every other one is forgotten; undefined until it has been said what was there before. */
  #forgottenBelow: string | undefined;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
    const timer = parts.clock.every(EVERY_MS, () => void this.sweep());
    parts.closed.addEventListener('abort', () => timer.cancel(), { once: true });
  }

  /** This container is not forgotten. */
  expect(containerId: string): void {
    this.#known.add(containerId);
  }

  /** This one was not to be: if the engine has it nevertheless, it ends. */
  forget(containerId: string): void {
    this.#known.delete(containerId);
  }

  /** See `Launcher.endForgotten`. With the engine away it is done as soon as it is back. */
  async endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]> {
    for (const id of known) this.#known.add(id);
    this.#forgottenBelow = root;
    try {
      return await this.#parts.engine.soon(() => this.#end(root, known));
    } catch (error) {
      if (!isDown(error)) throw error;
      return [];
    }
  }

  /** One round; never rejects. */
  async sweep(): Promise<void> {
    const { log } = this.#parts;
    try {
      if (this.#forgottenBelow !== undefined) {
        const containerIds = await this.#end(this.#forgottenBelow, this.#known);
        if (containerIds.length > 0)
          log.warn({ containerIds }, 'ended containers whose checkpoints are lost');
      }
      await this.#removeOld();
    } catch (error) {
      if (!isDown(error)) log.warn({ error: errorText(error) }, 'old containers were not removed');
    }
  }

  async #end(root: string, known: ReadonlySet<string>): Promise<string[]> {
    const { engine } = this.#parts;
    const forgotten = (await this.#ours(root)).filter((c) => !known.has(c.Labels[CONTAINER_LABEL] ?? ''));
    const running = forgotten.filter(
      (c) => c.State !== 'exited' && c.State !== 'dead' && c.State !== 'created',
    );
    for (const { Id } of forgotten.filter((c) => c.State === 'created')) await this.#remove(Id);
    await Promise.all(
      running.map(async ({ Id }) => {
        try {
          await engine.ask('end a container', (d) => d.getContainer(Id).kill({ signal: 'SIGKILL' }));
        } catch (error) {
          if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
        }
        await engine.find('wait for a container', (d) => d.getContainer(Id).wait());
      }),
    );
    return running.map((c) => c.Labels[CONTAINER_LABEL] ?? '');
  }

  async #removeOld(): Promise<void> {
    const { engine, clock, root, removeDelayMs } = this.#parts;
    for (const { Id, State } of await this.#ours(root)) {
      if (State !== 'exited' && State !== 'dead') continue;
      const found = await engine.find('look at a container', (d) => d.getContainer(Id).inspect());
      const endedAt = Date.parse(found?.State.FinishedAt ?? '');
      if (clock.now() - endedAt >= removeDelayMs) await this.#remove(Id);
    }
  }

  async #ours(root: string): Promise<Dockerode.ContainerInfo[]> {
    const all = await this.#parts.engine.ask('list containers', (d) =>
      d.listContainers({ all: true, filters: { label: [CONTAINER_LABEL] } }),
    );
    if (this.#parts.closed.aborted) return []; // what is there now may be somebody else's
    return all.filter((c) => isBelow(c.Labels[RUNTIME_LABEL] ?? '', root));
  }

  async #remove(id: string): Promise<void> {
    await this.#parts.engine.find('remove a container', (d) =>
      d.getContainer(id).remove({ force: true, v: true }),
    );
  }
}
