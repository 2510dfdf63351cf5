import { InvalidArgumentError } from 'commander';
import { sleep } from '../../../core/clock.ts';
import { RimrockError } from '../../../core/errors.ts';
import type { MakeCommand } from '../identity/support.ts';
import { needsAgent, readFilePart, sandboxOf, statusesOf } from './agent-api.ts';
import type { Part } from './agent-api.ts';
import type { Connection } from './connection.ts';
import { isOver } from './entities.ts';
import { operateErrors } from './errors.ts';
import { findTask } from './find-task.ts';
import type { Found } from './find-task.ts';
import { clusterCommand } from './support.ts';
import { FileTail } from './tail.ts';
import { eachTask } from './tasks.ts';

interface Options {
  readonly follow?: boolean;
  readonly stderr?: boolean;
  readonly file?: string;
  readonly tail?: number;
  readonly framework?: string;
}

const EVERY_MS = 1_000;
/** Whether a task is over the master is asked less often: with many tasks that takes it a while. */
const STATE_EVERY = 2;

const EXAMPLES = `  rimrock logs web.5e3f --tail 20 -f
  rimrock logs web.5e3f --stderr
  rimrock logs web.5e3f --file access.log
With -f it ends when the task has ended, and says how on stderr.
`;

/** `rimrock logs TASK`: what a task writes, byte for byte. */
export const logsCommand: MakeCommand = (world, done, quietly) =>
  clusterCommand<Options>(
    world,
    done,
    quietly,
    'logs <task>',
    'what a task has written, and writes',
    async (connection, [id = ''], options) => {
      const found = await findTask(connection, id, options.framework);
      needsAgent(found);
      const log = new Log(connection, found, options.file ?? (options.stderr === true ? 'stderr' : 'stdout'));
      if (options.tail !== undefined) await log.tail(options.tail);
      if (options.follow === true) await log.follow();
      else await log.show();
    },
    { examples: EXAMPLES, isText: true },
  )
    .option('-f, --follow', 'go on as long as the task runs')
    .option('--stderr', 'what it writes to stderr')
    .option('--file <path>', 'another file of its sandbox')
    .option('--tail <n>', 'begin with the last n lines', lines)
    .option('--framework <framework>', 'of this framework, where several have such a task');

function lines(given: string): number {
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('Write how many lines.');
}

/** A file of one task. */
class Log {
  readonly #connection: Connection;
  #found: Found;
  readonly #file: string;
  readonly #tail: FileTail;
  #sandbox: string | undefined;
  #trouble = '';

  constructor(connection: Connection, found: Found, file: string) {
    const { world } = connection;
    this.#connection = connection;
    this.#found = found;
    this.#file = file;
    this.#tail = new FileTail(file, (name, offset, length) => this.#read(name, offset, length), {
      write: (bytes) => world.outBytes(bytes),
      note: (text) => world.err(`note: ${text}\n`),
    });
  }

  tail(count: number): Promise<void> {
    return this.#tail.skipTo(count);
  }

  async show(): Promise<void> {
    if (!(await this.#tail.show()))
      throw operateErrors.CLI_NO_FILE({ task: this.#found.task.id, file: this.#file });
  }

  /** Until the task has ended. What was written before that is there by then, so the last look comes after it. */
  async follow(): Promise<void> {
    const { world } = this.#connection;
    for (let turn = 0; ; turn++) {
      const over = isOver(turn % STATE_EVERY === 0 ? await this.#state() : this.#found.task.state);
      const caughtUp = await this.#catchUp();
      if (over) return this.#sayHow(caughtUp);
      await sleep(world.clock, EVERY_MS);
    }
  }

  /** An agent that is restarted is away for a moment: it is asked again. */
  async #catchUp(): Promise<boolean> {
    try {
      const isThere = await this.#tail.catchUp();
      this.#say('');
      return isThere;
    } catch (error) {
      if (
        !(error instanceof RimrockError) ||
        error.code === 'CLI_LOGIN_NEEDED' ||
        error.code === 'CLI_FORBIDDEN'
      )
        throw error;
      this.#say(error.message);
      return false;
    }
  }

  /** While nobody leads, it is as it was. */
  async #state(): Promise<string> {
    const { task } = this.#found;
    let state = task.state;
    try {
      await eachTask(this.#connection, { task_id: task.id, framework_id: task.framework.id }, (now) => {
        if (now.id === task.id && now.framework.id === task.framework.id && now.agent.id === task.agent.id)
          state = now.state;
      });
    } catch (error) {
      if (!(error instanceof RimrockError)) throw error;
      this.#say(error.message);
    }
    if (state === 'TASK_UNREACHABLE') this.#say('the agent of the task is away');
    this.#found = { ...this.#found, task: { ...task, state } };
    return state;
  }

  /** Each trouble once, as long as it lasts. */
  #say(trouble: string): void {
    if (trouble !== '' && trouble !== this.#trouble)
      this.#connection.world.err(`note: ${trouble}; trying again\n`);
    this.#trouble = trouble;
  }

  async #sayHow(caughtUp: boolean): Promise<void> {
    const { task } = this.#found;
    const last = (await statusesOf(this.#connection, this.#found)).findLast(
      ({ state }) => state === task.state,
    );
    const why = [last?.message, last?.reason].filter((text) => typeof text === 'string' && text !== '');
    const { world } = this.#connection;
    if (!caughtUp) world.err(`note: the end of ${this.#file} could not be read\n`);
    world.err(`${task.id} has ended: ${task.state}${why.length > 0 ? ` (${why.join(', ')})` : ''}\n`);
  }

  async #read(name: string, offset: number, length: number): Promise<Part | undefined> {
    // A task that has not begun has no folder yet.
    this.#sandbox ??= await sandboxOf(this.#connection, this.#found);
    if (this.#sandbox === undefined) return undefined;
    return readFilePart(this.#connection, this.#found, `${this.#sandbox}/${name}`, offset, length);
  }
}
