import { taskFacts } from '../../mesos/index.ts';
import type { CommandInfo, FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import type { TaskPlace } from '../checkpoint/records.ts';
import { anotherUser, homeOf } from '../launcher/process/users.ts';
import { withSecretsRead } from '../secrets/variables.ts';
import type { TaskContext } from './context.ts';
import { taskEnvironment } from './environment.ts';
import { hostUserOf } from './launch-spec.ts';

/** What an environment is made of and has to be looked up first. */
interface LookedUp {
  /** With its secrets. */
  readonly command: CommandInfo | undefined;
  /** Of the user that it runs as, where that is another one than the agent's. */
  readonly home: string | undefined;
}

/** The environment of one task, for its command and for what checks it. */
export class TaskEnvironment {
  readonly #context: TaskContext;
  readonly #place: TaskPlace;
  readonly #framework: FrameworkInfo;
  readonly #task: TaskInfo;
  readonly #user: string | undefined;
  #found: LookedUp;
  #identity: Readonly<Record<string, string>> = {};

  constructor(context: TaskContext, place: TaskPlace, framework: FrameworkInfo, task: TaskInfo) {
    this.#context = context;
    this.#place = place;
    this.#framework = framework;
    this.#task = task;
    const { command, container } = task;
    this.#user = hostUserOf({ switchUser: context.switchUser, command, container, framework });
    this.#found = { command, home: undefined };
  }

  /** Whom the task runs as on the machine itself; undefined: the agent's user. */
  get user(): string | undefined {
    return this.#user;
  }

  /** Have secrets and the home of the user at hand. Rejects, in words for the framework, where one of the secrets cannot be had. */
  async lookUp(): Promise<void> {
    this.#found = await lookUp(this.#context, this.#task.command, this.#user);
  }

  /** Have an identity for it and its user, kept until `releaseIdentity`. Rejects, in words for the framework, when there is none in time. */
  async provideIdentity(sandbox: string): Promise<void> {
    const { identities } = this.#context;
    if (!identities) return;
    const facts = taskFacts(this.#place.agentId, this.#framework, this.#task);
    // the users of an image are its own, and root of most
    const owner = this.#task.container?.type === 'DOCKER' ? undefined : await anotherUser(this.#user);
    this.#identity = await identities.provide(facts, { sandbox, owner });
  }

  /** The task has ended: nothing of its identity stays. */
  async releaseIdentity(sandbox: string): Promise<void> {
    await this.#context.identities?.release(this.#place, { sandbox });
  }

  whole(sandbox: string): Record<string, string> {
    const { environment, taskEnvironment: configured, address } = this.#context;
    const { frameworkId, taskId, executorId, agentId } = this.#place;
    return taskEnvironment({
      agent: environment,
      configured,
      ...this.#found,
      frameworkId,
      taskId,
      executorId,
      agentId,
      sandbox,
      image: this.#task.container?.type === 'DOCKER',
      role: this.#task.resources.find((r) => r.allocation_info)?.allocation_info?.role,
      address,
      identity: this.#identity,
    });
  }
}

export async function lookUp(
  { secrets }: Pick<TaskContext, 'secrets'>,
  command: CommandInfo | undefined,
  user: string | undefined,
): Promise<LookedUp> {
  const home = user === undefined ? undefined : await homeOf(user);
  return { command: await withSecretsRead(secrets, command), home };
}
