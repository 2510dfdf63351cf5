import { seededRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { ExecutorInfo, TaskState, TaskStatus } from '../../../mesos/index.ts';
import { Tasks } from '../../tasks/tasks.ts';
import { FakeMachine } from '../../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../../testing/task-context.ts';
import { CustomExecutor } from '../custom-executor.ts';
import type { ExecutorEvent, ExecutorStream } from '../events.ts';

export const CUSTOM: ExecutorInfo = {
  executor_id: { value: 'custom' },
  type: 'CUSTOM',
  command: { shell: false, value: 'stubborn' },
};
const DEFAULT: ExecutorInfo = { executor_id: { value: 'pod' }, type: 'DEFAULT' };

/** The program of a custom executor: it lives as long as its container, and remembers what is not acknowledged. */
class Program {
  readonly tasks = new Set<string>();
  readonly pending = new Map<string, TaskStatus>();
  readonly running = new Set<string>();
  stopped = false;
}

/** One agent after the other on the same disk and machine, a framework that remembers, and programs that go on. */
export class World {
  readonly clock = new FakeClock();
  readonly random = seededRandom(3);
  readonly disk = new MemoryDisk();
  readonly machine = new FakeMachine();
  readonly told = new Map<string, TaskStatus[]>();
  readonly exited: string[] = [];
  readonly inbox: TaskStatus[] = [];
  readonly given: string[] = [];
  readonly programs = new Map<string, Program>();
  #uuid = 0;
  /** Until when the disk takes to write anything. */
  diskIsSlow: Promise<void> | undefined;
  #checkpoints = this.#openDisk();
  #launcher = this.machine.launcher();
  #streams = new Map<string, ExecutorStream>();
  tasks = this.#boot();

  #openDisk(): MemoryCheckpoints {
    return new MemoryCheckpoints(this.disk, async (change) => {
      if (this.diskIsSlow) await this.diskIsSlow;
      change();
      await Promise.resolve();
    });
  }

  #boot(): Tasks {
    const checkpoints = this.#checkpoints;
    const alive = (): boolean => checkpoints === this.#checkpoints;
    return new Tasks(
      fakeContext({
        clock: this.clock,
        random: this.random,
        launcher: this.#launcher,
        checkpoints,
        send: (_framework, status) => {
          if (!alive()) return;
          const id = status.task_id.value;
          const all = this.told.get(id) ?? [];
          if (!all.some((s) => s.uuid === status.uuid)) this.told.set(id, [...all, status]);
          this.inbox.push(status);
        },
        sendExited: ({ executorId }) => void (alive() && this.exited.push(executorId)),
      }),
    );
  }

  give(id: string): void {
    this.tasks.runInExecutor('agent-1', FRAMEWORK, CUSTOM, [inExecutor(id)], { group: false, launch: true });
  }

  giveGroup(ids: readonly string[]): void {
    const tasks = ids.map((id) => taskInfo(id));
    this.tasks.runInExecutor('agent-1', FRAMEWORK, DEFAULT, tasks, { group: true, launch: true });
  }

  get custom(): CustomExecutor | undefined {
    const found = this.tasks.executors.find('fw-1', 'custom');
    return found instanceof CustomExecutor && !found.over ? found : undefined;
  }

  /** The program subscribes, as it does again and again while its container runs. */
  async subscribe(): Promise<void> {
    const executor = this.custom;
    const containerId = executor?.place.containerId ?? '';
    if (!executor || !this.machine.running.includes(containerId) || this.#streams.has(containerId)) return;
    const program = this.programs.get(containerId) ?? new Program();
    this.programs.set(containerId, program);
    const stream: ExecutorStream = {
      send: (event) =>
        void (this.#streams.get(containerId) === stream && this.#hear(executor, program, event)),
      close: () => void this.#streams.delete(containerId),
    };
    this.#streams.set(containerId, stream);
    const said = { taskIds: [...program.tasks], updates: [...program.pending.values()] };
    await executor.subscribe(said, stream);
  }

  #hear(executor: CustomExecutor, program: Program, event: ExecutorEvent): void {
    if (event.type === 'LAUNCH') {
      const id = event.launch.task.task_id.value;
      this.given.push(id);
      program.tasks.add(id);
      program.running.add(id);
      this.#say(executor, program, id, 'TASK_RUNNING');
    } else if (event.type === 'KILL') this.#end(executor, program, event.kill.task_id.value, 'TASK_KILLED');
    else if (event.type === 'ACKNOWLEDGED') {
      program.pending.delete(event.acknowledged.uuid);
      program.tasks.delete(event.acknowledged.task_id.value);
    } else if (event.type === 'SHUTDOWN')
      this.machine.end(executor.place.containerId, { kind: 'exited', code: 0 });
  }

  #end(executor: CustomExecutor, program: Program, id: string, state: TaskState): void {
    if (program.running.delete(id)) this.#say(executor, program, id, state);
  }

  #say(executor: CustomExecutor, program: Program, id: string, state: TaskState): void {
    const uuid = `u${this.#uuid++}`;
    const status: TaskStatus = { task_id: { value: id }, state, source: 'SOURCE_EXECUTOR', uuid };
    program.pending.set(uuid, status);
    if (this.#streams.has(executor.place.containerId)) void executor.update(status);
  }

  /** A task of the program ends by itself. */
  finish(id: string): void {
    const executor = this.custom;
    const program = this.programs.get(executor?.place.containerId ?? '');
    if (executor && program) this.#end(executor, program, id, 'TASK_FINISHED');
  }

  /**
   * kill -9 of the agent, and a new one; it waits for its executors, and is not waited for. `late`: it finds containers only
   * after whoever subscribes has done so.
   */
  async crash(subscribes: boolean, late = false, meanwhile = (): void => {}): Promise<void> {
    this.#checkpoints.die();
    this.#launcher.close();
    this.tasks.pause();
    this.#streams.clear();
    this.inbox.length = 0;
    meanwhile();
    this.#checkpoints = this.#openDisk();
    this.#launcher = this.machine.launcher();
    const looks = Promise.withResolvers<void>();
    const reattach = this.#launcher.reattach.bind(this.#launcher);
    if (late)
      this.#launcher.reattach = async (checkpoint) => {
        await looks.promise;
        return reattach(checkpoint);
      };
    this.tasks = this.#boot();
    const recovered = this.tasks.recover(await this.#checkpoints.recover());
    await settle();
    if (subscribes) await this.subscribe();
    looks.resolve();
    await settle();
    this.clock.advance(2_000);
    await recovered;
    this.tasks.resume();
  }

  ackAll(): void {
    for (const status of this.inbox.splice(0))
      this.tasks.ack('fw-1', status.task_id.value, status.uuid ?? '');
  }
}

export const inExecutor = (id: string) => ({ ...taskInfo(id), executor: CUSTOM });
