import type {
  ExecSpec,
  ExitStatus,
  Handle,
  LaunchCheckpoint,
  Launcher,
  LaunchSpec,
  Usage,
} from '../../src/agent/launcher/launcher.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** A process of a task. */
export interface TaskProcess {
  readonly checkpoint: LaunchCheckpoint;
  readonly host: string;
  /** `framework/task`; of an executor `framework/executor`. */
  readonly task: string;
  readonly frameworkId: string;
  /** Of a program that asks its agent for tasks. */
  readonly executorId: string | undefined;
  readonly containerId: string;
  /** It does not heed SIGTERM. */
  readonly stubborn: boolean;
  status: ExitStatus | undefined;
  killAt: number | undefined;
  readonly waiting: Set<(status: ExitStatus) => void>;
}

/** Told of what happens to processes. */
export interface ProcessJudge {
  started(process: TaskProcess): void;
  /** An agent asked it to end. */
  killed(process: TaskProcess, why: string): void;
}

/** Few pids, so that they are used again soon. */
const FIRST_PID = 100;
const LAST_PID = 115;

/** A machine as its tasks see it: processes, pids, boots. It goes on when its agent dies. */
export class Host {
  readonly name: string;
  readonly world: World;
  readonly #judge: ProcessJudge;
  readonly #runExecutor: (host: Host, process: TaskProcess) => void;
  #boot = 1;
  #nextPid = FIRST_PID;
  #nextStart = 1;
  /** Containers by id; those that ended leave their status, as the supervisor leaves it in a file. */
  readonly #tasks = new Map<string, TaskProcess>();
  /** Who has a pid: a task, or somebody who is nobody's business. */
  readonly #pids = new Map<number, string>();

  /** `runExecutor`: what becomes of a process that is an executor. */
  constructor(
    name: string,
    world: World,
    judge: ProcessJudge,
    runExecutor: (host: Host, process: TaskProcess) => void = () => {},
  ) {
    this.#runExecutor = runExecutor;
    this.name = name;
    this.world = world;
    this.#judge = judge;
  }

  get running(): TaskProcess[] {
    return [...this.#tasks.values()].filter((t) => !t.status);
  }

  launcher(process: SimProcess): Launcher {
    return new SimLauncher(this, process);
  }

  /** Everything ends; what status files said of it lies below a boot id that is over. */
  reboot(): void {
    this.#boot++;
    for (const task of this.running) this.end(task, { kind: 'unknown' });
    this.#tasks.clear();
    this.#pids.clear();
    this.#nextPid = FIRST_PID;
    // strangers come up first and take the pids that tasks had
    for (let i = this.world.random.int(10); i > 0; i--) this.stranger();
  }

  stranger(): void {
    this.#pids.set(this.#freePid(), 'stranger');
  }

  create(spec: LaunchSpec): TaskProcess {
    const pid = this.#freePid();
    const { MESOS_FRAMEWORK_ID: framework = '', MESOS_EXECUTOR_ID: executor = '' } = spec.environment;
    const { MESOS_TASK_ID: task } = spec.environment;
    this.#pids.set(pid, spec.containerId);
    return {
      host: this.name,
      checkpoint: {
        containerId: spec.containerId,
        runtimeDir: spec.runtimeDir,
        pid,
        startTime: String(this.#nextStart++),
        bootId: String(this.#boot),
      },
      task: `${framework}/${task ?? executor}`,
      frameworkId: framework,
      executorId: task === undefined ? executor : undefined,
      containerId: spec.containerId,
      stubborn: spec.argv.join(' ').includes('stubborn'),
      status: undefined,
      killAt: undefined,
      waiting: new Set(),
    };
  }

  /** It was created and its command never ran. */
  discard({ checkpoint: { pid }, containerId }: TaskProcess): void {
    if (this.#pids.get(pid) === containerId) this.#pids.delete(pid);
  }

  start(task: TaskProcess): void {
    if (task.checkpoint.bootId !== String(this.#boot)) return;
    this.#tasks.set(task.containerId, task);
    this.world.say(this.name, `process of ${task.task} runs, pid ${task.checkpoint.pid}`);
    this.#judge.started(task);
    if (task.executorId !== undefined) this.#runExecutor(this, task);
  }

  /** A task that an executor runs: a part of it, not a child that the agent knows. */
  startWithin(executor: TaskProcess, taskId: string, ended: () => void): TaskProcess {
    const task: TaskProcess = {
      ...executor,
      task: `${executor.frameworkId}/${taskId}`,
      containerId: `${executor.containerId}/${taskId}`,
      executorId: undefined,
      status: undefined,
      killAt: undefined,
      waiting: new Set([ended]),
    };
    this.#tasks.set(task.containerId, task);
    this.world.say(this.name, `task ${task.task} runs within ${executor.task}`);
    this.#judge.started(task);
    return task;
  }

  end(task: TaskProcess, status: ExitStatus): void {
    if (task.status || this.#tasks.get(task.containerId) !== task) return;
    task.status = status;
    this.discard(task);
    this.world.say(this.name, `process of ${task.task} is over: ${JSON.stringify(status)}`);
    for (const tell of task.waiting) tell(status);
  }

  find(checkpoint: LaunchCheckpoint): TaskProcess | 'gone' | 'not-mine' {
    if (checkpoint.bootId !== String(this.#boot)) return 'gone';
    const task = this.#tasks.get(checkpoint.containerId);
    if (task?.checkpoint.startTime === checkpoint.startTime) return task;
    return this.#pids.has(checkpoint.pid) ? 'not-mine' : 'gone';
  }

  /** Signals by pid reach whoever has it now: a launcher must know that it is the right one. */
  signal(task: TaskProcess, graceMs: number, why: string): void {
    if (task.status || this.#tasks.get(task.containerId) !== task) return;
    const within = task.containerId.includes('/');
    if (!within && this.#pids.get(task.checkpoint.pid) !== task.containerId)
      this.world.violated(
        `${this.name}: a stranger with pid ${task.checkpoint.pid} was killed for ${task.task}`,
      );
    if (task.killAt === undefined) this.#judge.killed(task, why);
    const killAt = this.world.now + graceMs;
    if (task.killAt === undefined && graceMs > 0 && !task.stubborn)
      this.world.after(this.world.between(1, 300), () => this.end(task, { kind: 'signaled', signal: 15 }));
    if (task.killAt !== undefined && task.killAt <= killAt) return;
    task.killAt = killAt;
    this.world.after(graceMs, () => {
      if (task.killAt === killAt) this.end(task, { kind: 'signaled', signal: 9 });
    });
  }

  endBelow(root: string, known: ReadonlySet<string>): string[] {
    const forgotten = this.running.filter(
      ({ checkpoint }) => checkpoint.runtimeDir.startsWith(root) && !known.has(checkpoint.containerId),
    );
    for (const task of forgotten) this.signal(task, 0, 'its checkpoint is lost');
    return forgotten.map((t) => t.containerId);
  }

  #freePid(): number {
    for (;;) {
      const pid = this.#nextPid++;
      if (this.#nextPid > LAST_PID + this.#pids.size) this.#nextPid = FIRST_PID;
      if (!this.#pids.has(pid)) return pid;
    }
  }
}

/** Ends as far as the agent process that has it is concerned when that dies; the machine goes on. */
class SimLauncher implements Launcher {
  readonly #host: Host;
  readonly #process: SimProcess;
  readonly #handles = new Map<Handle, TaskProcess>();

  constructor(host: Host, process: SimProcess) {
    this.#host = host;
    this.#process = process;
  }

  async launch(spec: LaunchSpec, commit: (checkpoint: LaunchCheckpoint) => Promise<void>): Promise<Handle> {
    await this.#process.wait(this.#host.world.between(1, 100));
    const task = this.#host.create(spec);
    // the supervisor waits for its start; when the agent dies it ends
    this.#process.atDeath(() => {
      if (!task.status && !this.#host.running.includes(task)) this.#host.discard(task);
    });
    try {
      await commit(task.checkpoint);
    } catch (error) {
      this.#host.discard(task);
      throw error;
    }
    await this.#process.wait(1);
    this.#host.start(task);
    return this.#track(task);
  }

  async reattach(checkpoint: LaunchCheckpoint): Promise<Handle | 'gone' | 'not-mine'> {
    await this.#process.wait(1);
    const found = this.#host.find(checkpoint);
    return typeof found === 'string' ? found : this.#track(found);
  }

  kill(handle: Handle, graceMs: number): Promise<ExitStatus> {
    const task = this.#handles.get(handle);
    if (task) this.#host.signal(task, graceMs, 'killed by its agent');
    return handle.exited;
  }

  async signal(): Promise<void> {}

  async limit(): Promise<void> {}

  async endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]> {
    await this.#process.wait(1);
    return this.#host.endBelow(root, known);
  }

  async usage(handle: Handle): Promise<Usage | undefined> {
    return this.#handles.get(handle)?.status ? undefined : { processes: 1 };
  }

  async exec(_handle: Handle, _command: ExecSpec, signal: AbortSignal): Promise<number> {
    await this.#process.wait(10);
    signal.throwIfAborted();
    return 0;
  }

  close(): void {}

  #track(task: TaskProcess): Handle {
    const exited = new Promise<ExitStatus>((resolve) => {
      const tell = (status: ExitStatus): void => this.#process.run(() => resolve(status));
      if (task.status) tell(task.status);
      else task.waiting.add(tell);
    });
    const handle: Handle = { checkpoint: task.checkpoint, exited };
    this.#handles.set(handle, task);
    return handle;
  }
}
