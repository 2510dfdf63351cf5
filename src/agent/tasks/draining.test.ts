import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { seededRandom } from '../../core/random.ts';
import type { DrainConfig, ExecutorInfo, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import { CustomExecutor } from '../executors/custom-executor.ts';
import type { ExecutorEvent } from '../executors/events.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { withDrainReason } from '../updates/status.ts';
import { Tasks } from './tasks.ts';

/** Agents one after the other on the same disk and machine. */
class Host {
  readonly clock = new FakeClock();
  readonly random = seededRandom(1);
  readonly disk = new MemoryDisk();
  readonly machine = new FakeMachine();
  readonly told: TaskStatus[] = [];
  checkpoints = new MemoryCheckpoints(this.disk);
  #launcher = this.#patient();
  tasks = this.#boot();

  /** A launcher for which a grace has a length. */
  #patient(): Launcher {
    const launcher = this.machine.launcher();
    const kill = launcher.kill.bind(launcher);
    launcher.kill = (handle, graceMs) => {
      this.clock.after(graceMs, () => void kill(handle, 0));
      return kill(handle, graceMs);
    };
    return launcher;
  }

  #boot(): Tasks {
    const send = (_framework: string, status: TaskStatus): void => {
      if (!this.told.some((s) => s.uuid === status.uuid)) this.told.push(status);
      this.tasks.ack('fw-1', status.task_id.value, status.uuid ?? '');
    };
    const { clock, random, checkpoints } = this;
    const context = fakeContext({ clock, random, launcher: this.#launcher, checkpoints, send });
    return new Tasks(context);
  }

  constructor() {
    this.tasks.resume();
  }

  async run(id: string, more: Partial<TaskInfo> = {}): Promise<void> {
    this.tasks.run('agent-1', FRAMEWORK, taskInfo(id, more));
    await this.settle();
  }

  async drain(config: DrainConfig): Promise<void> {
    this.tasks.draining.begin(config);
    await this.settle();
  }

  /** kill -9 of the agent, and a new one. */
  async restart(): Promise<void> {
    this.checkpoints.die();
    this.#launcher.close();
    this.tasks.pause();
    this.checkpoints = new MemoryCheckpoints(this.disk);
    this.#launcher = this.#patient();
    this.tasks = this.#boot();
    await this.tasks.recover(await this.checkpoints.recover());
    this.tasks.resume();
    await this.settle();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await settle();
  }

  /** The states of a task with their reasons, where they have one. */
  history(id: string): string[] {
    return this.told
      .filter((s) => s.task_id.value === id)
      .map(({ state, reason }) => [state.slice('TASK_'.length), reason].filter(Boolean).join(' '));
  }
}

const STUBBORN = { command: { shell: false, value: 'stubborn' } };
const grace = (seconds: number): DrainConfig => ({ max_grace_period: { nanoseconds: seconds * 1e9 } });
const DRAINED = ['STARTING', 'RUNNING', 'KILLING REASON_AGENT_DRAINING', 'KILLED REASON_AGENT_DRAINING'];

describe('an agent that is drained', () => {
  it('ends its tasks within their grace, but no later than the drain allows, and says why', async () => {
    const host = new Host();
    const patience = { kill_policy: { grace_period: { nanoseconds: 60e9 } } };
    const ports = { discovery: { visibility: 'CLUSTER' as const, ports: { ports: [{ number: 31000 }] } } };
    await host.run('obeys');
    await host.run('short', { ...STUBBORN, kill_policy: { grace_period: { nanoseconds: 1e9 } } });
    await host.run('long', { ...STUBBORN, ...patience });
    await host.run('watched', { ...STUBBORN, ...patience, ...ports });
    await host.drain(grace(5));
    expect(host.history('obeys')).toEqual(DRAINED);
    await host.pass(1000);
    expect(host.history('short')).toEqual(DRAINED);
    await host.pass(3999);
    expect([host.history('long'), host.history('watched')].map((h) => h.at(-1))).toEqual([
      'KILLING REASON_AGENT_DRAINING',
      'KILLING REASON_AGENT_DRAINING',
    ]);
    await host.pass(1);
    expect([host.history('long'), host.history('watched')]).toEqual([DRAINED, DRAINED]);
    expect(host.tasks.all).toEqual([]);
    expect(host.machine.running).toEqual([]);
  });

  it('leaves each task its own grace when it is given no time', async () => {
    const host = new Host();
    await host.run('t', { ...STUBBORN, kill_policy: { grace_period: { nanoseconds: 60e9 } } });
    await host.drain({ mark_gone: true });
    await host.pass(59_999);
    expect(host.machine.running).toHaveLength(1);
    await host.pass(1);
    expect(host.history('t')).toEqual(DRAINED);
  });

  it('takes no tasks until that is cancelled', async () => {
    const host = new Host();
    await host.drain(grace(0));
    await host.run('early');
    expect(host.history('early')).toEqual(['DROPPED REASON_AGENT_DRAINING']);
    expect(host.tasks.report().drain_config).toEqual(grace(0));
    host.tasks.draining.cancel();
    await host.run('later');
    expect(host.history('later')).toEqual(['STARTING', 'RUNNING']);
    expect(host.tasks.report()).not.toHaveProperty('drain_config');
    host.tasks.kill('agent-1', 'fw-1', 'later', undefined);
    await host.settle();
    expect(host.history('later').slice(2)).toEqual(['KILLING', 'KILLED']);
  });

  it('is so after a restart, and ends what it finds', async () => {
    const host = new Host();
    await host.run('t', STUBBORN);
    const began = host.clock.now();
    await host.drain(grace(5));
    await host.pass(1000);
    await host.restart();
    expect(host.tasks.draining.config).toEqual(grace(5));
    expect(host.tasks.draining.startedMs).toBe(began);
    await host.run('new');
    expect(host.history('new')).toEqual(['DROPPED REASON_AGENT_DRAINING']);
    await host.pass(5000);
    expect(host.history('t')).toEqual(DRAINED);
    host.tasks.draining.cancel();
    await host.settle();
    await host.restart();
    expect(host.tasks.draining.config).toBeUndefined();
  });

  it('ends its tasks after a crash between the word of the master and the first kill', async () => {
    const host = new Host();
    await host.run('t', STUBBORN);
    host.tasks.draining.begin(grace(5));
    await host.tasks.draining.settled();
    await host.restart();
    await host.pass(5000);
    expect(host.history('t').at(-1)).toBe('KILLED REASON_AGENT_DRAINING');
  });

  it('when told again with less time ends its tasks sooner; more time changes nothing', async () => {
    const host = new Host();
    await host.run('t', { ...STUBBORN, kill_policy: { grace_period: { nanoseconds: 60e9 } } });
    await host.drain(grace(30));
    await host.drain(grace(50));
    await host.drain(grace(2));
    await host.pass(2000);
    expect(host.history('t').at(-1)).toBe('KILLED REASON_AGENT_DRAINING');
  });

  it('ends its tasks though the disk is full', async () => {
    const host = new Host();
    await host.run('t');
    host.checkpoints.writeDrain = () => Promise.reject(new Error('no space left'));
    await host.drain(grace(5));
    expect(host.history('t')).toEqual(DRAINED);
  });
});

describe('executors on an agent that is drained', () => {
  const CUSTOM: ExecutorInfo = {
    executor_id: { value: 'custom' },
    type: 'CUSTOM',
    command: { shell: false, value: 'stubborn' },
  };
  const options = { group: false, launch: true };

  it('are told to kill each task in the time that is left to it; what they answer says why', async () => {
    const host = new Host();
    const patience = { kill_policy: { grace_period: { nanoseconds: 60e9 } } };
    const tasks = [taskInfo('a', { executor: CUSTOM }), taskInfo('b', { executor: CUSTOM, ...patience })];
    host.tasks.runInExecutor('agent-1', FRAMEWORK, CUSTOM, tasks, options);
    await host.settle();
    const executor = host.tasks.executors.find('fw-1', 'custom');
    if (!(executor instanceof CustomExecutor)) throw new Error('no custom executor');
    const heard: ExecutorEvent[] = [];
    const stream = { send: (event: ExecutorEvent) => void heard.push(event), close() {} };
    await executor.subscribe({ taskIds: [], updates: [] }, stream);
    await host.settle();
    await host.drain(grace(5));
    const kills = heard.flatMap((e) => (e.type === 'KILL' ? [e.kill] : []));
    expect(kills.map((k) => [k.task_id.value, k.kill_policy?.grace_period?.nanoseconds])).toEqual([
      ['a', 3e9],
      ['b', 5e9],
    ]);
    for (const { task_id } of kills)
      await executor.update({
        task_id,
        state: 'TASK_KILLED',
        source: 'SOURCE_EXECUTOR',
        uuid: task_id.value,
      });
    await host.settle();
    expect([host.history('a'), host.history('b')].map((h) => h.at(-1))).toEqual([
      'KILLED REASON_AGENT_DRAINING',
      'KILLED REASON_AGENT_DRAINING',
    ]);
    host.tasks.runInExecutor('agent-1', FRAMEWORK, CUSTOM, [taskInfo('c', { executor: CUSTOM })], options);
    await host.settle();
    expect(host.history('c')).toEqual(['DROPPED REASON_AGENT_DRAINING']);
  });

  it('of task groups end with all of their tasks', async () => {
    const host = new Host();
    const info: ExecutorInfo = { executor_id: { value: 'pod' }, type: 'DEFAULT' };
    const both = { group: true, launch: true };
    host.tasks.runInExecutor('agent-1', FRAMEWORK, info, [taskInfo('x'), taskInfo('y', STUBBORN)], both);
    await host.settle();
    await host.drain(grace(1));
    await host.pass(1000);
    for (const id of ['x', 'y']) expect(host.history(id).at(-1)).toBe('KILLED REASON_AGENT_DRAINING');
    expect(host.machine.running).toEqual([]);
  });
});

describe('the reason of a kill', () => {
  it('is the drain while the agent is drained, unless another one is known', () => {
    const status = (state: TaskStatus['state'], reason?: string): TaskStatus => ({
      task_id: { value: 't' },
      state,
      ...(reason === undefined ? {} : { reason }),
    });
    const reasonOf = (draining: boolean, given: TaskStatus): string | undefined =>
      withDrainReason({ draining: () => draining }, given).reason;
    expect(reasonOf(true, status('TASK_KILLED'))).toBe('REASON_AGENT_DRAINING');
    expect(reasonOf(true, status('TASK_KILLING'))).toBe('REASON_AGENT_DRAINING');
    expect(reasonOf(false, status('TASK_KILLED'))).toBeUndefined();
    expect(reasonOf(true, status('TASK_FINISHED'))).toBeUndefined();
    expect(reasonOf(true, status('TASK_KILLED', 'REASON_X'))).toBe('REASON_X');
  });
});
