import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { ExecutorInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import { Tasks } from '../tasks/tasks.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { CustomExecutor } from './custom-executor.ts';
import type { ExecutorEvent, ExecutorStream } from './events.ts';

const CUSTOM: ExecutorInfo = {
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
class World {
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

const inExecutor = (id: string) => ({ ...taskInfo(id), executor: CUSTOM });

type Op =
  | { op: 'give' | 'kill' | 'finish'; task: number }
  | { op: 'group'; group: number }
  | { op: 'end'; pick: number; code: number }
  | { op: 'subscribe' | 'ack' | 'shutdown' }
  | { op: 'ticks'; n: number }
  | { op: 'crash'; subscribes: boolean };

const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    op: fc.constantFrom('give' as const, 'kill' as const, 'finish' as const),
    task: fc.nat(3),
  }),
  fc.record({ op: fc.constant('group' as const), group: fc.nat(1) }),
  fc.record({ op: fc.constant('end' as const), pick: fc.nat(5), code: fc.nat(1) }),
  fc.record({
    op: fc.constantFrom('subscribe' as const, 'subscribe' as const, 'ack' as const, 'shutdown' as const),
  }),
  fc.record({ op: fc.constant('ticks' as const), n: fc.nat(30) }),
  fc.record({ op: fc.constant('crash' as const), subscribes: fc.boolean() }),
);

const members = (group: number): string[] => [`g${group}.a`, `g${group}.b`];

async function apply(w: World, o: Op, asked: Set<string>): Promise<void> {
  switch (o.op) {
    case 'give':
      if (asked.has(`t${o.task}`)) return; // ids are used once
      asked.add(`t${o.task}`);
      return w.give(`t${o.task}`);
    case 'group':
      if (asked.has(`g${o.group}.a`)) return;
      for (const id of members(o.group)) asked.add(id);
      return w.giveGroup(members(o.group));
    case 'kill':
      for (const id of [`t${o.task}`, ...(o.task < 2 ? [`g${o.task}.a`] : [])])
        w.tasks.kill('agent-1', 'fw-1', id, undefined);
      return;
    case 'finish':
      return w.finish(`t${o.task}`);
    case 'end': {
      const running = w.machine.running;
      return w.machine.end(running[o.pick % Math.max(1, running.length)] ?? '', {
        kind: 'exited',
        code: o.code,
      });
    }
    case 'subscribe':
      return w.subscribe();
    case 'ack':
      return w.ackAll();
    case 'shutdown':
      return w.tasks.executors.shutdown('fw-1', 'custom');
    case 'ticks':
      for (let i = 0; i < o.n; i++) await Promise.resolve();
      return;
    case 'crash':
      return w.crash(o.subscribes);
  }
}

/** Let everything end and be acknowledged. */
async function finish(w: World): Promise<void> {
  for (let round = 0; round < 40; round++) {
    await settle();
    for (const containerId of w.machine.running) w.machine.end(containerId, { kind: 'exited', code: 0 });
    await settle();
    w.ackAll();
    w.clock.advance(10_000);
  }
  await settle();
}

const RANK = new Map<TaskState, number>([
  ['TASK_STARTING', 0],
  ['TASK_RUNNING', 1],
  ['TASK_KILLING', 2],
]);

describe('executors over crashes of the agent', () => {
  it('every task that got to the disk is told in order and ends once; nothing is given twice or left behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 40 }), async (ops) => {
        const w = new World();
        w.tasks.resume();
        const asked = new Set<string>();
        const accepted = new Set<string>();
        for (const o of ops) {
          await apply(w, o, asked);
          for (const { records } of w.disk.runs.values())
            for (const r of records)
              if (r.type === 'TASKS') for (const { task } of r.tasks) accepted.add(task.task_id.value);
        }
        await finish(w);
        expect(w.given.length).toBe(new Set(w.given).size);
        expect(w.machine.started.length).toBe(new Set(w.machine.started).size);
        for (const id of accepted) {
          const statuses = w.told.get(id) ?? [];
          const text = `${id}: ${statuses.map((s) => `${s.state}/${s.reason ?? ''}`).join(' ')}`;
          const own = statuses.filter((s) => s.executor_id !== undefined);
          expect(own.filter((s) => isTerminal(s.state)).length, text).toBe(1);
          expect(isTerminal(own.at(-1)?.state ?? 'TASK_STAGING'), text).toBe(true);
          const ranks = own.flatMap((s) => RANK.get(s.state) ?? []);
          expect(ranks, text).toEqual(ranks.toSorted((a, b) => a - b));
        }
        // a group gets to the disk as a whole, and does not outlive one of its own that did not finish
        for (const [a = '', b = ''] of [members(0), members(1)]) {
          expect(accepted.has(a)).toBe(accepted.has(b));
        }
        expect(w.tasks.executors.all).toEqual([]);
        expect([...w.disk.runs.keys()]).toEqual([]);
        expect(w.machine.running).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('a program that subscribes again keeps its tasks and its container, and its updates come through once', async () => {
    const w = new World();
    w.tasks.resume();
    w.give('t0');
    await settle();
    await w.subscribe();
    await settle();
    w.ackAll();
    await settle();
    const containerId = w.custom?.place.containerId ?? '';
    await w.crash(true);
    expect(w.custom?.place.containerId).toBe(containerId);
    expect(w.tasks.report()).toMatchObject({
      tasks: [
        { task: { task_id: { value: 't0' } }, state: 'TASK_RUNNING', executor_id: { value: 'custom' } },
      ],
      executors: [{ framework_id: { value: 'fw-1' }, executor_info: CUSTOM }],
    });
    w.finish('t0');
    await settle();
    expect(w.told.get('t0')?.map((s) => s.state)).toEqual(['TASK_RUNNING', 'TASK_FINISHED']);
  });

  it('one that does not come back in time is ended, and that is told', async () => {
    const w = new World();
    w.tasks.resume();
    w.give('t0');
    await settle();
    await w.subscribe();
    await settle();
    await w.crash(false);
    await settle();
    expect(w.machine.running).toEqual([]);
    w.ackAll();
    await settle();
    expect(w.told.get('t0')?.at(-1)).toMatchObject({
      state: 'TASK_GONE',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
      message: 'Executor did not reregister within 2secs',
    });
  });

  it('one that subscribes before the restarted agent has found it goes on', async () => {
    const w = new World();
    w.tasks.resume();
    w.give('t0');
    await settle();
    await w.subscribe();
    await settle();
    await w.crash(true, true);
    await settle();
    expect(w.machine.running).toHaveLength(1);
    w.ackAll();
    w.finish('t0');
    await settle();
    expect(w.told.get('t0')?.map((s) => s.state)).toEqual(['TASK_RUNNING', 'TASK_FINISHED']);
  });

  it('one that subscribes in time is not ended because its agent has a slow disk', async () => {
    const w = new World();
    w.tasks.resume();
    w.give('t0');
    await settle();
    await w.subscribe();
    await settle();
    w.ackAll();
    const disk = Promise.withResolvers<void>();
    const gone = w.custom?.place.containerId ?? '';
    const program = w.programs.get(gone);
    // It ends while no agent hears of it, so that there is something to write down.
    const crashed = w.crash(false, false, () => {
      program?.pending.set('u', {
        task_id: { value: 't0' },
        state: 'TASK_FINISHED',
        source: 'SOURCE_EXECUTOR',
        uuid: 'u',
      });
      w.diskIsSlow = disk.promise;
    });
    await settle();
    void w.subscribe();
    await settle();
    w.clock.advance(60_000);
    await settle();
    expect(w.machine.running).toEqual([gone]);
    disk.resolve();
    await crashed;
    await settle();
    w.ackAll();
    await settle();
    expect(w.machine.running).toEqual([gone]);
    expect(w.told.get('t0')?.map((s) => s.state)).toEqual(['TASK_RUNNING', 'TASK_FINISHED']);
  });

  it('one that leaves again before it is answered has the time once more, and no longer', async () => {
    const w = new World();
    w.tasks.resume();
    w.give('t0');
    await settle();
    const disk = Promise.withResolvers<void>();
    await w.subscribe();
    await settle();
    const { custom } = w;
    const crashed = w.crash(false, false, () => (w.diskIsSlow = disk.promise));
    await settle();
    const stream: ExecutorStream = { send: () => {}, close: () => {} };
    const status: TaskStatus = {
      task_id: { value: 't0' },
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      uuid: 'again',
    };
    expect(w.custom).not.toBe(custom);
    void w.custom?.subscribe({ taskIds: [], updates: [status] }, stream);
    await settle();
    w.clock.advance(60_000);
    await settle();
    expect(w.machine.running).toHaveLength(1);
    w.custom?.disconnected(stream);
    w.clock.advance(60_000);
    await settle();
    expect(w.machine.running).toEqual([]);
    disk.resolve();
    await crashed;
  });

  it('a task that its executor was not given before the agent died is dropped', async () => {
    const w = new World();
    w.tasks.resume();
    w.give('t0');
    await settle();
    await w.crash(true);
    await settle();
    expect(w.told.get('t0')).toMatchObject([{ state: 'TASK_DROPPED', reason: 'REASON_AGENT_RESTARTED' }]);
    expect(w.machine.running).toEqual([]); // it never had a task: it is sent away
  });

  it('a group of which the agent had begun nothing is dropped as a whole', async () => {
    const w = new World();
    w.tasks.resume();
    w.giveGroup(['g0.a', 'g0.b']);
    while (![...w.disk.runs.values()].some(({ records }) => records.some((r) => r.type === 'TASKS')))
      await Promise.resolve();
    await w.crash(false);
    await finish(w);
    for (const id of ['g0.a', 'g0.b'])
      expect(w.told.get(id)).toMatchObject([{ state: 'TASK_DROPPED', executor_id: { value: 'pod' } }]);
  });
});
