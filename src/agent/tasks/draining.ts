import { errorText } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { DrainConfig } from '../../mesos/index.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';
import type { Checkpoints, DrainRecord } from '../checkpoint/records.ts';

interface DrainingParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly checkpoints: Pick<Checkpoints, 'readDrain' | 'writeDrain'>;
  /** End everything that runs, each task within its own grace period and this time, in milliseconds. */
  readonly endTasks: (withinMs: number) => void;
}

/**
 * Whether this agent is being drained (mesos-api.md §4.3): from the moment it is told so until that is cancelled it takes no
 * tasks, also after a restart, and those that it has end.
 */
export class Draining {
  readonly #parts: DrainingParts;
  #record: DrainRecord | undefined;
  #writes: Promise<void> = Promise.resolve();

  constructor(parts: DrainingParts) {
    this.#parts = parts;
  }

  /** What the master asked for; undefined: nothing. */
  get config(): DrainConfig | undefined {
    return this.#record?.config;
  }

  /** When it began, epoch milliseconds. */
  get startedMs(): number | undefined {
    return this.#record?.startedMs;
  }

  /** What an earlier agent process was told. */
  async recover(): Promise<void> {
    this.#record = await this.#parts.checkpoints.readDrain();
  }

  /** After a restart: the tasks that are still there are ended again. */
  goOn(): void {
    if (this.#record) this.#end(this.#record);
  }

  /** DRAIN. The master repeats it, perhaps with another time: a task's end can only come nearer. */
  begin(config: DrainConfig): void {
    const startedMs = this.#record?.startedMs ?? this.#parts.clock.now();
    const record = { version: CHECKPOINT_VERSION, config, startedMs };
    this.#record = record;
    this.#parts.log.info({ config }, 'the agent is being drained');
    // A full disk must not keep the tasks: the master says it again after a restart.
    void this.#write(record).then(() => this.#record === record && this.#end(record));
  }

  /** CANCEL_DRAIN. What is ending goes on to end. */
  cancel(): void {
    if (!this.#record) return;
    this.#record = undefined;
    this.#parts.log.info('the agent is not drained any more');
    void this.#write(undefined);
  }

  /** Resolves when all is on disk that was said so far. */
  settled(): Promise<void> {
    return this.#writes;
  }

  #end({ config }: DrainRecord): void {
    const max = config.max_grace_period;
    this.#parts.endTasks(max === undefined ? Number.POSITIVE_INFINITY : max.nanoseconds / 1e6);
  }

  #write(record: DrainRecord | undefined): Promise<void> {
    const { checkpoints, log } = this.#parts;
    this.#writes = this.#writes
      .then(() => checkpoints.writeDrain(record))
      .catch((error: unknown) =>
        log.error({ error: errorText(error) }, 'whether the agent is drained could not be written to disk'),
      );
    return this.#writes;
  }
}
