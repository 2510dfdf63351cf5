import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { FrameworkInfo } from '../../mesos/index.ts';
import type { Checkpoints, RunPlace } from '../checkpoint/records.ts';
import type { ExecutorView } from '../executors/executor.ts';
import { pastOf, viewOf } from './past.ts';

/** How much is remembered, as in Mesos (mesos-api.md §4.4): ended executors of a framework, and frameworks of which nothing is left here. */
export const EXECUTORS_KEPT = 150;
export const FRAMEWORKS_KEPT = 50;

/** What has ended on this agent, also before it was started: people look there for what it wrote. */
export class History {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #checkpoints: Checkpoints;
  readonly #isLive: (frameworkId: string) => boolean;
  /** By framework: in the order in which something of them ended last, and what ended first is first. */
  readonly #frameworks = new Map<string, ExecutorView[]>();
  /** Nobody who uses an id again waits for it. */
  #forgetting = Promise.resolve();

  /** `isLive`: whether a framework has something here that is not over. */
  constructor(
    parts: { readonly clock: Clock; readonly log: Logger; readonly checkpoints: Checkpoints },
    isLive: (frameworkId: string) => boolean,
  ) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#checkpoints = parts.checkpoints;
    this.#isLive = isLive;
  }

  /** In the order in which they ended, framework by framework. */
  get executors(): readonly ExecutorView[] {
    return [...this.#frameworks.values()].flat();
  }

  /** Read what earlier processes of this agent have kept. */
  async recover(): Promise<void> {
    for (const past of await this.#checkpoints.completed()) this.#add(viewOf(past, this.#checkpoints));
    await this.#forgetOldest();
  }

  /** An executor is over, with all of its ends acknowledged. Resolves when its checkpoint is no more than a memory. */
  async add(executor: ExecutorView): Promise<void> {
    const past = pastOf(executor, this.#clock.now());
    this.#add(viewOf(past, this.#checkpoints));
    try {
      await this.#checkpoints.complete(past);
    } catch (error) {
      const { place } = executor;
      this.#log.warn({ error: errorText(error), ...place }, 'an ended executor is not remembered on disk');
      await this.#remove(place); // it must not come back as one that runs
    }
    this.#forgetting = this.#forgetting.then(() => this.#forgetOldest());
  }

  /** Resolves when the disk holds no more than is remembered. */
  settled(): Promise<void> {
    return this.#forgetting;
  }

  /** The agent is over: the next one has nothing to remember. */
  async forgetOnDisk(): Promise<void> {
    await this.#forgetting;
    for (const { place } of this.executors) await this.#remove(place);
  }

  framework(id: string): FrameworkInfo | undefined {
    return this.#frameworks.get(id)?.at(-1)?.framework;
  }

  hasTask(frameworkId: string, taskId: string): boolean {
    const past = this.#frameworks.get(frameworkId) ?? [];
    return past.some(({ completed }) => completed.some(({ place }) => place.taskId === taskId));
  }

  #add(executor: ExecutorView): void {
    const { frameworkId } = executor.place;
    const past = this.#frameworks.get(frameworkId) ?? [];
    past.push(executor);
    this.#frameworks.delete(frameworkId);
    this.#frameworks.set(frameworkId, past);
  }

  /** What goes here first goes on disk after it: an agent that dies in between forgets it when it starts. */
  async #forgetOldest(): Promise<void> {
    const over: ExecutorView[] = [];
    for (const past of this.#frameworks.values())
      over.push(...past.splice(0, Math.max(0, past.length - EXECUTORS_KEPT)));
    const completed = [...this.#frameworks].filter(([id]) => !this.#isLive(id));
    for (const [id, past] of completed.slice(0, Math.max(0, completed.length - FRAMEWORKS_KEPT))) {
      this.#frameworks.delete(id);
      over.push(...past);
    }
    for (const { place } of over) await this.#remove(place);
  }

  async #remove(place: RunPlace): Promise<void> {
    await this.#checkpoints
      .remove(place)
      .catch((error: unknown) => this.#log.error({ error, ...place }, 'checkpoint not removed'));
  }
}
