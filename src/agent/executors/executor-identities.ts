import { errorText } from '../../core/errors.ts';
import type { ProgramPlace } from '../../core/identity.ts';
import { taskFacts } from '../../mesos/index.ts';
import type { ExecutorInfo, FrameworkInfo } from '../../mesos/index.ts';
import type { RunPlace } from '../checkpoint/records.ts';
import { anotherUser } from '../launcher/process/users.ts';
import type { User } from '../launcher/process/users.ts';
import type { TaskContext } from '../tasks/context.ts';
import { hostUserOf } from '../tasks/launch-spec.ts';
import type { ExecutorTask } from './executor-task.ts';
import { notLaunched } from './exits.ts';

/** The identities of the tasks of a custom executor: one socket for the program, a folder below its sandbox for each task. */
export class ExecutorIdentities {
  readonly #context: TaskContext;
  readonly #place: ProgramPlace;
  readonly #wish: Parameters<typeof hostUserOf>[0];
  #opened: Promise<OpenProgram> | undefined;

  constructor(
    context: TaskContext,
    executor: { readonly place: RunPlace; readonly framework: FrameworkInfo; readonly info: ExecutorInfo },
  ) {
    this.#context = context;
    const { place, framework, info } = executor;
    this.#place = { sandbox: context.checkpoints.sandboxDir(place), program: place };
    const { command, container } = info;
    this.#wish = { switchUser: context.switchUser, command, container, framework };
  }

  /** For the environment of the program. Rejects, in words for the framework, where it can have no socket. */
  async environment(): Promise<Readonly<Record<string, string>>> {
    return (await this.#open()).environment;
  }

  /** Have an identity for each that is not over; one without it in time fails, with all of its group. */
  async provide(tasks: readonly ExecutorTask[], group: boolean): Promise<void> {
    const provided = tasks.map(async (task) => {
      try {
        await this.#provide(task);
      } catch (error) {
        const failed = (group ? tasks : [task]).filter(({ over }) => !over);
        await Promise.all(failed.map((one) => one.tell(notLaunched(error))));
      }
    });
    await Promise.all(provided);
  }

  /** Have them again for a program that runs, with these tasks, which go on with what they have as long as that takes. */
  resume(tasks: readonly ExecutorTask[]): void {
    const waits = (error: unknown): void =>
      this.#context.log.warn(
        { error: errorText(error), ...this.#place.program },
        'an executor waits for identities',
      );
    this.#open().catch(waits);
    for (const task of tasks) (task.over ? this.release(task) : this.#provide(task)).catch(waits);
  }

  /** The task has ended. */
  async release({ place }: ExecutorTask): Promise<void> {
    await this.#context.identities?.release(place, this.#place);
  }

  /** The program is over. */
  async close(): Promise<void> {
    await this.#opened?.catch(() => {});
    await this.#context.identities?.closeProgram(this.#place);
  }

  async #provide(task: ExecutorTask): Promise<void> {
    const { identities } = this.#context;
    if (!identities || task.over) return;
    const { owner } = await this.#open();
    if (task.over) return;
    const facts = taskFacts(task.place.agentId, task.framework, task.task);
    await identities.provide(facts, { ...this.#place, owner });
  }

  /** Once: by the launch of the program, its first tasks, or when it has been found again. */
  #open(): Promise<OpenProgram> {
    this.#opened ??= this.#openProgram();
    return this.#opened;
  }

  async #openProgram(): Promise<OpenProgram> {
    const { identities } = this.#context;
    if (!identities) return { owner: undefined, environment: {} };
    // the users of an image are its own, and root of most
    const isImage = this.#wish.container?.type === 'DOCKER';
    const owner = isImage ? undefined : await anotherUser(hostUserOf(this.#wish));
    return { owner, environment: await identities.openProgram({ ...this.#place, owner }) };
  }
}

interface OpenProgram {
  readonly owner: User | undefined;
  readonly environment: Readonly<Record<string, string>>;
}
