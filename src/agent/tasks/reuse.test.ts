import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { seededRandom } from '../../core/random.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { AgentEvent, ExecutorInfo, TaskStatus } from '../../mesos/index.ts';
import type { Journal, PastRun, RunPlace } from '../checkpoint/records.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { obey } from './orders.ts';
import { Tasks } from './tasks.ts';

/** A disk on which a journal is closed, and a checkpoint removed, when the test says so. */
class SlowCheckpoints extends MemoryCheckpoints {
  readonly removed: RunPlace[] = [];
  held = false;
  #waiting: (() => void)[] = [];

  #turn(): Promise<void> {
    return this.held ? new Promise((resolve) => void this.#waiting.push(resolve)) : Promise.resolve();
  }

  goOn(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  override async create(...args: Parameters<MemoryCheckpoints['create']>): Promise<Journal> {
    const journal = await super.create(...args);
    return { ...journal, close: () => this.#turn() };
  }

  override async complete(past: PastRun): Promise<void> {
    await this.#turn();
    await super.complete(past);
    this.removed.push(past.place);
  }
}

const EXECUTOR: ExecutorInfo = {
  type: 'DEFAULT',
  executor_id: { value: 'e' },
  framework_id: { value: 'fw-1' },
  resources: [],
};

/** An agent whose framework acknowledges everything at once; events are obeyed one after the other, as the link does. */
class Host {
  readonly machine = new FakeMachine();
  readonly disk = new MemoryDisk();
  readonly ends: TaskStatus[] = [];
  checkpoints = new SlowCheckpoints(this.disk);
  #random = seededRandom(3);
  #events: Promise<void> = Promise.resolve();
  #launcher = this.machine.launcher();
  acknowledges = true;
  tasks = this.#boot();

  #boot(): Tasks {
    const { checkpoints } = this;
    const send = (_framework: string, status: TaskStatus): void => {
      if (isTerminal(status.state) && !this.ends.some((s) => s.uuid === status.uuid)) this.ends.push(status);
      if (this.acknowledges) this.acknowledge(status);
    };
    const launcher = this.#launcher;
    return new Tasks(
      fakeContext({ clock: new FakeClock(), random: this.#random, launcher, checkpoints, send }),
    );
  }

  async crash(): Promise<void> {
    this.checkpoints.die();
    this.#launcher.close();
    this.tasks.pause();
    this.checkpoints = new SlowCheckpoints(this.disk);
    this.#launcher = this.machine.launcher();
    this.#events = Promise.resolve();
    this.tasks = this.#boot();
    await this.tasks.recover(await this.checkpoints.recover());
    this.tasks.resume();
  }

  hear(event: AgentEvent): void {
    this.#events = this.#events.then(() => obey(this.tasks, 'agent-1', event));
  }

  acknowledge({ task_id, uuid = '' }: TaskStatus): void {
    this.hear({ type: 'ACKNOWLEDGE', acknowledge: { framework_id: { value: 'fw-1' }, task_id, uuid } });
  }

  run(id: string): void {
    this.hear({ type: 'RUN_TASK', run_task: { framework_info: FRAMEWORK, task: taskInfo(id) } });
  }

  runInGroup(id: string): void {
    const run_task_group = { framework_info: FRAMEWORK, executor_info: EXECUTOR, tasks: [taskInfo(id)] };
    this.hear({ type: 'RUN_TASK_GROUP', run_task_group });
  }

  kill(id: string): void {
    const kill_task = { framework_id: { value: 'fw-1' }, task_id: { value: id } };
    this.hear({ type: 'KILL_TASK', kill_task });
  }

  endAll(): void {
    for (const container of this.machine.running) this.machine.end(container, { kind: 'exited', code: 0 });
  }
}

const TIMES = 200;

describe('an id that is used again as soon as its end is acknowledged', () => {
  for (const kind of ['run', 'runInGroup'] as const)
    it(`starts ${TIMES} times, once each time (${kind})`, async () => {
      const host = new Host();
      host.tasks.resume();
      host[kind]('t');
      for (let n = 1; n <= TIMES; n++) {
        await settle();
        expect(host.machine.started.length).toBe(n);
        expect(host.tasks.report().tasks.map(({ state }) => state)).toEqual(['TASK_RUNNING']);
        host.acknowledges = false;
        host.endAll();
        await settle();
        const end = host.ends[n - 1]!;
        host.acknowledges = true;
        host.checkpoints.held = n % 2 === 0;
        host.acknowledge(end);
        host[kind]('t'); // nothing comes between the two
        if (host.checkpoints.held && kind === 'run') {
          await settle();
          expect(host.machine.started.length, 'waits for the earlier run to be put away').toBe(n);
          expect(host.tasks.report().tasks).toEqual([]);
          host.checkpoints.held = false;
          host.checkpoints.goOn();
        }
        host.checkpoints.held = false;
        host.checkpoints.goOn();
      }
      await settle();
      expect(host.ends.map(({ state }) => state)).toEqual(
        Array.from({ length: TIMES }, () => 'TASK_FINISHED'),
      );
      expect([...host.disk.runs.keys()].length, 'nothing but the last one is on disk').toBe(1);
    });

  it('is launched once by an order that is repeated, and is not overtaken by its kill', async () => {
    const host = new Host();
    host.tasks.resume();
    host.run('t');
    host.run('t');
    await settle();
    expect(host.machine.started.length).toBe(1);
    host.acknowledges = false;
    host.endAll();
    await settle();
    host.acknowledges = true;
    host.checkpoints.held = true;
    host.acknowledge(host.ends[0]!);
    host.run('t');
    host.run('t');
    host.kill('t');
    await settle();
    expect(host.machine.started.length).toBe(1);
    host.checkpoints.held = false;
    host.checkpoints.goOn();
    await settle();
    host.checkpoints.goOn();
    await settle();
    expect(host.ends.map(({ state }) => state)).toEqual(['TASK_FINISHED', 'TASK_KILLED']);
    expect(host.tasks.all).toEqual([]);
    expect([...host.disk.runs.keys()]).toEqual([]);
  });

  it('is free after a restart of the agent, which the acknowledgement came just before', async () => {
    const host = new Host();
    host.tasks.resume();
    for (let n = 1; n <= TIMES; n++) {
      host.run('t');
      await settle();
      expect(host.machine.started.length).toBe(n);
      host.acknowledges = false;
      host.endAll();
      await settle();
      host.acknowledges = true;
      host.checkpoints.held = true; // the acknowledgement gets to the disk, the removal does not
      host.acknowledge(host.ends[n - 1]!);
      await settle();
      await host.crash();
      if (n % 3 === 0) await settle();
    }
    await settle();
    expect(host.ends.length).toBe(TIMES);
    expect([...host.disk.runs.keys()]).toEqual([]);
  });

  it('stands for the later run where the remains of an earlier one could not be removed', async () => {
    const host = new Host();
    host.tasks.resume();
    const remove = host.checkpoints.remove.bind(host.checkpoints);
    const complete = host.checkpoints.complete.bind(host.checkpoints);
    host.checkpoints.remove = host.checkpoints.complete = () => Promise.reject(new Error('EIO'));
    host.run('t');
    await settle();
    host.endAll();
    await settle();
    host.run('t');
    await settle();
    Object.assign(host.checkpoints, { remove, complete });
    expect(host.machine.running.length).toBe(1);
    // whichever of the two is found first
    const runs = [...host.disk.runs];
    expect(runs.length).toBe(2);
    for (const order of [runs, runs.toReversed()]) {
      host.disk.runs.clear();
      for (const [id, run] of order) host.disk.runs.set(id, run);
      await host.crash();
      await settle();
      expect(host.tasks.report().tasks.map(({ state }) => state)).toEqual(['TASK_RUNNING']);
    }
    host.endAll();
    await settle();
    expect(host.ends.length).toBe(2);
  });
});
