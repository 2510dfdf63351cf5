import { describe, expect, it } from 'vitest';
import type { TaskFacts, TaskIdentities } from '../../core/identity.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import type { TaskStatus } from '../../mesos/index.ts';
import { Tasks } from './tasks.ts';

/** Identities that come when they are told to. */
class SlowIdentities implements TaskIdentities {
  readonly provided: TaskFacts[] = [];
  readonly released: string[] = [];
  readonly answer = Promise.withResolvers<Record<string, string>>();

  provide(task: TaskFacts): Promise<Record<string, string>> {
    this.provided.push(task);
    return this.answer.promise;
  }
  async release({ taskId }: Pick<TaskFacts, 'taskId'>): Promise<void> {
    this.released.push(taskId);
  }
  sourceOf(): undefined {}
  openProgram(): Promise<Record<string, string>> {
    throw new Error('no task here has a program');
  }
  async closeProgram(): Promise<void> {}
}

function agent(identities: TaskIdentities, disk = new MemoryDisk(), machine = new FakeMachine()) {
  const told: TaskStatus[] = [];
  const checkpoints = new MemoryCheckpoints(disk);
  const launcher = machine.launcher();
  const send = (_framework: string, status: TaskStatus): void => void told.push(status);
  const tasks = new Tasks(fakeContext({ launcher, checkpoints, send, identities }));
  tasks.resume();
  return { tasks, told, machine, disk, checkpoints, launcher };
}

describe('the identity of a task', () => {
  it('is there before the command runs, and goes when it has ended', async () => {
    const identities = new SlowIdentities();
    const { tasks, machine } = agent(identities);
    tasks.run('agent-1', FRAMEWORK, taskInfo('web'));
    await settle();
    expect(machine.running).toEqual([]);
    expect(identities.provided).toMatchObject([
      { taskId: 'web', frameworkId: 'fw-1', frameworkName: 'test', agentId: 'agent-1', user: 'nobody' },
    ]);
    identities.answer.resolve({ RIMROCK_CERT_FILE: '/x' });
    await settle();
    expect(machine.running).toHaveLength(1);
    expect(identities.released).toEqual([]);
    machine.end(machine.running[0] ?? '', { kind: 'exited', code: 0 });
    await settle();
    expect(identities.released).toEqual(['web']);
  });

  it('that does not come fails the task', async () => {
    const identities = new SlowIdentities();
    const { tasks, told, machine } = agent(identities);
    tasks.run('agent-1', FRAMEWORK, taskInfo('web'));
    identities.answer.reject(new Error('no identity in time'));
    await settle();
    expect(told.at(-1)).toMatchObject({ state: 'TASK_FAILED', message: 'no identity in time' });
    expect([machine.started, identities.released]).toEqual([[], ['web']]);
  });

  it('is not waited for by a kill', async () => {
    const identities = new SlowIdentities();
    const { tasks, told } = agent(identities);
    tasks.run('agent-1', FRAMEWORK, taskInfo('web'));
    await settle();
    tasks.kill('agent-1', 'fw-1', 'web', undefined);
    await settle();
    expect(told.at(-1)).toMatchObject({ state: 'TASK_KILLED' });
    expect(identities.released).toEqual(['web']);
  });

  it('is kept on for a task that an earlier agent has started, which does not wait for it', async () => {
    const first = new SlowIdentities();
    const { tasks, machine, disk, checkpoints, launcher } = agent(first);
    first.answer.resolve({});
    tasks.run('agent-1', FRAMEWORK, taskInfo('web'));
    await settle();
    checkpoints.die();
    launcher.close();
    const second = new SlowIdentities();
    const next = agent(second, disk, machine);
    await next.tasks.recover(await next.checkpoints.recover());
    await settle();
    expect(next.tasks.running).toBe(1);
    expect(second.provided).toMatchObject([{ taskId: 'web' }]);
    expect([first.released, second.released]).toEqual([[], []]);
  });

  it('goes also when the agent died before it took it away', async () => {
    const first = new SlowIdentities();
    const { tasks, machine, disk, checkpoints, launcher } = agent(first);
    first.answer.resolve({});
    tasks.run('agent-1', FRAMEWORK, taskInfo('web'));
    await settle();
    first.release = () => new Promise(() => {}); // it does not come to that
    machine.end(machine.running[0] ?? '', { kind: 'exited', code: 0 });
    await settle();
    expect([tasks.running, tasks.all.length]).toEqual([0, 1]);
    checkpoints.die();
    launcher.close();
    const second = new SlowIdentities();
    const next = agent(second, disk, machine);
    await next.tasks.recover(await next.checkpoints.recover());
    expect([second.provided, second.released]).toEqual([[], ['web']]);
  });
});
