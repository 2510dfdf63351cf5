import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type {
  IdentityHome,
  IdentityPlace,
  IdentitySource,
  ProgramKey,
  ProgramPlace,
  TaskFacts,
  TaskIdentities,
  TaskKey,
} from '../../core/identity.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { WorkloadConfig } from './config.ts';
import { workloadErrors } from './errors.ts';
import { OneTask } from './one-task.ts';
import { SocketFolder } from './socket-folder.ts';
import type { SocketPlace } from './socket-folder.ts';
import type { SocketOwner, SocketServer } from './socket-server.ts';
import type { TaskAuthority, TaskNews } from './task-authority.ts';
import { filesEnvironment, programEnvironment, removeProgramFiles, removeTaskFiles } from './task-files.ts';
import { TaskSocket } from './task-socket.ts';

export interface TaskIdentitiesParts {
  readonly config: WorkloadConfig;
  readonly authority: TaskAuthority;
  /** The data folder. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What is kept for one task. */
interface Kept {
  readonly task: OneTask;
  /** Known soon: that of its program, or its own. */
  socket: TaskSocket | undefined;
  readonly program: string | undefined;
  /** Nobody waits for it any more. */
  readonly given: PromiseWithResolvers<never>;
  closed: boolean;
}

/** Identities of all tasks of an agent. */
export function createTaskIdentities(parts: TaskIdentitiesParts): TaskIdentities & Component {
  return new Identities(parts);
}

class Identities implements TaskIdentities, Component {
  readonly name = 'identities';
  readonly #parts: TaskIdentitiesParts;
  readonly #authority: TaskAuthority & { close(): void };
  readonly #tasks = new Map<string, Kept>();
  readonly #programs = new Map<string, TaskSocket>();
  #folder: SocketFolder | undefined;

  constructor(parts: TaskIdentitiesParts) {
    this.#parts = parts;
    this.#authority = shared(parts.authority, parts.log);
    this.#expose();
  }

  async start(): Promise<void> {
    const { config, folder } = this.#parts;
    this.#folder = await SocketFolder.open(config.socketFolder, folder);
  }

  /** Tasks run on; whoever comes next finds their files. */
  async stop(): Promise<void> {
    await Promise.all(Array.from(this.#programs.values(), (socket) => socket.close()));
    await Promise.all(Array.from(this.#tasks.values(), (kept) => close(kept)));
    this.#tasks.clear();
    this.#programs.clear();
    this.#authority.close();
  }

  async provide(facts: TaskFacts, home: IdentityHome): Promise<Readonly<Record<string, string>>> {
    const { clock, config } = this.#parts;
    const { taskId } = facts;
    const earlier = this.#tasks.get(keyOf(facts));
    const kept: Kept = {
      task: new OneTask({ ...this.#parts, authority: this.#authority }, facts, home),
      socket: undefined,
      program: home.program && programKeyOf(home.program),
      given: Promise.withResolvers(),
      closed: false,
    };
    kept.given.promise.catch(() => {}); // mostly nobody waits
    this.#tasks.set(keyOf(facts), kept);
    if (earlier) await close(earlier);
    const late = new AbortController();
    const waited = sleep(clock, config.waitSeconds * 1000, late.signal).then(() => 'late' as const);
    const opened = this.#open(kept, facts, home);
    try {
      const first = await Promise.race([opened, waited, kept.given.promise]);
      if (first !== 'late') return first;
      opened.catch(() => {});
    } finally {
      late.abort();
    }
    const reason =
      kept.task.failures > 0 ? 'the authority does not give it' : 'the authority does not answer';
    // It goes on trying: whoever launches the task gives it up with `release`.
    throw workloadErrors.AUTH_WORKLOAD_LATE({ taskId, seconds: config.waitSeconds, reason });
  }

  async release(task: TaskKey, place: IdentityPlace): Promise<void> {
    const key = keyOf(task);
    const kept = this.#tasks.get(key);
    this.#tasks.delete(key);
    try {
      if (kept) await close(kept);
      await removeTaskFiles(task.taskId, place);
      if (!kept?.socket && !place.program) await this.#folder?.remove(socketIds(task));
    } catch (error) {
      this.#parts.log.warn({ error: errorText(error), ...task }, 'something of an identity is left behind');
    }
  }

  sourceOf(task: TaskKey): IdentitySource | undefined {
    return this.#tasks.get(keyOf(task))?.task.source;
  }

  async openProgram(home: IdentityHome & ProgramPlace): Promise<Readonly<Record<string, string>>> {
    const key = programKeyOf(home.program);
    await this.#programs.get(key)?.close();
    const socket = await this.#socketFor(programIds(home.program), home);
    this.#programs.set(key, socket);
    await socket.open();
    return { ...socket.environment, ...programEnvironment(home.sandbox) };
  }

  async closeProgram({ program, sandbox }: ProgramPlace): Promise<void> {
    const key = programKeyOf(program);
    const socket = this.#programs.get(key);
    this.#programs.delete(key);
    try {
      for (const [task, kept] of this.#tasks) {
        if (kept.program !== key) continue;
        this.#tasks.delete(task);
        await close(kept);
      }
      await removeProgramFiles(sandbox);
      if (socket) await socket.close();
      else await this.#folder?.remove(programIds(program));
    } catch (error) {
      this.#parts.log.warn(
        { error: errorText(error), ...program },
        'something of an identity is left behind',
      );
    }
  }

  async #open(kept: Kept, facts: TaskFacts, home: IdentityHome): Promise<Readonly<Record<string, string>>> {
    const { task, program } = kept;
    await task.load();
    const socket =
      program === undefined ? await this.#socketFor(socketIds(facts), home) : this.#programs.get(program);
    if (!socket) throw new Error('the program of the task is over');
    if (!kept.closed) {
      kept.socket = socket;
      socket.add(task);
      if (program === undefined) await socket.open();
    }
    await task.start();
    return program === undefined ? { ...socket.environment, ...filesEnvironment(home.sandbox) } : {};
  }

  async #socketFor(ids: readonly string[], { owner }: IdentityHome): Promise<TaskSocket> {
    if (!this.#folder) throw new Error('identities are not started');
    const place = await this.#folder.place(ids, owner);
    return new TaskSocket({ ...this.#parts, authority: this.#authority, openSocket }, place);
  }

  #expose(): void {
    const { metrics } = this.#parts;
    const count = (of: (task: OneTask) => boolean): number =>
      Array.from(this.#tasks.values()).filter(({ task }) => of(task)).length;
    metrics.observed('rimrock_identity_tasks', 'Tasks of this agent that have an identity.', () => [
      { value: count((task) => task.source.current !== undefined) },
    ]);
    metrics.observed(
      'rimrock_identity_tasks_alarm',
      'Tasks whose identity should have been renewed by now: less than a third of its life is left, or there is none yet.',
      () => [{ value: count((task) => task.alarm) }],
    );
    metrics.observed(
      'rimrock_identity_life_left_seconds',
      'What is left of the life of the identity that ends first; absent without one.',
      () => {
        const left = Array.from(this.#tasks.values(), ({ task }) => task.leftMs).filter(
          (ms) => ms !== undefined,
        );
        return left.length === 0 ? [] : [{ value: Math.min(...left) / 1000 }];
      },
    );
  }
}

/** Ids hold no slash. */
const keyOf = ({ frameworkId, taskId }: TaskKey): string => `${frameworkId}/${taskId}`;
const programKeyOf = (program: ProgramKey): string => programIds(program).join('/');

const socketIds = ({ frameworkId, taskId }: TaskKey): string[] => [frameworkId, taskId];
const programIds = ({ frameworkId, executorId, containerId }: ProgramKey): string[] => [
  frameworkId,
  executorId,
  containerId,
];

/** Its socket is gone, if it is for this task alone; files stay. */
async function close(kept: Kept): Promise<void> {
  const { task, socket, program, given } = kept;
  kept.closed = true;
  given.reject(new Error('the task has ended meanwhile'));
  if (program === undefined) await socket?.close();
  else socket?.remove(task);
  await task.close();
}

/** gRPC is loaded with the first task: an agent without tasks does without its memory. */
async function openSocket(place: SocketPlace, owner: SocketOwner): Promise<SocketServer> {
  const { SocketServer: Server } = await import('./socket-server.ts');
  const server = new Server(place, owner);
  await server.listen();
  return server;
}

/** One follower of the authority for all tasks. */
function shared(authority: TaskAuthority, log: Logger): TaskAuthority & { close(): void } {
  const listeners = new Set<(news: TaskNews) => void>();
  let latest: TaskNews | undefined;
  let end: Unsubscribe | undefined;
  const tell = (news: TaskNews): void => {
    latest = news;
    for (const listener of listeners)
      try {
        listener(news);
      } catch (error) {
        log.error({ error }, 'a task did not take the news of the authority');
      }
  };
  return {
    sign: (claim, request) => authority.sign(claim, request),
    signJwt: (claim, audience) => authority.signJwt(claim, audience),
    follow(listener) {
      listeners.add(listener);
      if (end) {
        if (latest) listener(latest);
      } else end = authority.follow(tell);
      return () => void listeners.delete(listener);
    },
    close: () => end?.(),
  };
}
