import { describe, expect, it } from 'vitest';
import type { IdentityHome, IdentityPlace, TaskFacts, TaskIdentities, TaskKey } from '../../core/identity.ts';
import type { ExecutorInfo, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import { Tasks } from '../tasks/tasks.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { CustomExecutor } from './custom-executor.ts';
import type { ExecutorEvent } from './events.ts';

const CUSTOM: ExecutorInfo = {
  executor_id: { value: 'ex' },
  type: 'CUSTOM',
  command: { shell: false, value: 'patient' },
};
const POD: ExecutorInfo = { executor_id: { value: 'pod' }, type: 'DEFAULT' };
const VARIABLES = { SPIFFE_ENDPOINT_SOCKET: 'unix:///s', RIMROCK_TASK_IDENTITIES: '/t' };

/** Identities that come when they are told to; what was asked of them, in the order in which it was. */
class SlowIdentities implements TaskIdentities {
  readonly asked: string[] = [];
  readonly homes = new Map<string, IdentityHome>();
  readonly facts: TaskFacts[] = [];
  readonly answers = new Map<string, PromiseWithResolvers<void>>();
  late = false;

  async provide(task: TaskFacts, home: IdentityHome): Promise<Record<string, string>> {
    this.asked.push(`provide ${task.taskId}`);
    this.facts.push(task);
    this.homes.set(task.taskId, home);
    if (this.late) {
      const answer = Promise.withResolvers<void>();
      this.answers.set(task.taskId, answer);
      await answer.promise;
    }
    return {};
  }
  async release({ taskId }: TaskKey, _place: IdentityPlace): Promise<void> {
    this.asked.push(`release ${taskId}`);
    this.answers.get(taskId)?.reject(new Error('over'));
  }
  sourceOf(): undefined {}
  async openProgram(): Promise<Record<string, string>> {
    this.asked.push('open');
    return VARIABLES;
  }
  async closeProgram(): Promise<void> {
    this.asked.push('close');
  }
}

function agent(identities: SlowIdentities, disk = new MemoryDisk(), machine = new FakeMachine()) {
  const told = new Map<string, TaskStatus>();
  const events: ExecutorEvent[] = [];
  const environments: Readonly<Record<string, string>>[] = [];
  const checkpoints = new MemoryCheckpoints(disk);
  const launcher = machine.launcher();
  const launch = launcher.launch.bind(launcher);
  launcher.launch = (spec, commit) => {
    environments.push(spec.environment);
    return launch(spec, commit);
  };
  const send = (_framework: string, status: TaskStatus): void => void told.set(status.task_id.value, status);
  const tasks = new Tasks(fakeContext({ launcher, checkpoints, send, identities }));
  tasks.resume();
  const give = (ids: readonly string[], group = false): void =>
    tasks.runInExecutor('agent-1', FRAMEWORK, CUSTOM, ids.map(own), { group, launch: true });
  const custom = (): CustomExecutor => {
    const found = tasks.executors.find('fw-1', 'ex');
    if (!(found instanceof CustomExecutor)) throw new Error('there is no custom executor');
    return found;
  };
  const subscribe = (taskIds: readonly string[] = []): Promise<void> =>
    custom().subscribe({ taskIds, updates: [] }, { send: (e) => void events.push(e), close: () => {} });
  const says = (id: string, state: TaskStatus['state']): Promise<void> =>
    custom().update({ task_id: { value: id }, state, source: 'SOURCE_EXECUTOR', uuid: `${id} ${state}` });
  const die = (): void => {
    checkpoints.die();
    launcher.close();
  };
  return {
    tasks,
    told,
    events,
    environments,
    machine,
    disk,
    checkpoints,
    give,
    custom,
    subscribe,
    says,
    die,
  };
}

const own = (id: string): TaskInfo => {
  const { command: _command, ...rest } = taskInfo(id);
  return { ...rest, executor: CUSTOM };
};
const launched = (events: readonly ExecutorEvent[]): string[] =>
  events.flatMap((e) => {
    if (e.type === 'LAUNCH') return [e.launch.task.task_id.value];
    return e.type === 'LAUNCH_GROUP' ? e.launch_group.task_group.tasks.map((t) => t.task_id.value) : [];
  });

describe('the identities of tasks in a custom executor', () => {
  it('are there before the executor is given them, behind the one socket that it is told of', async () => {
    const identities = new SlowIdentities();
    identities.late = true;
    const a = agent(identities);
    a.give(['t1']);
    await settle();
    await a.subscribe();
    expect(a.environments).toMatchObject([VARIABLES]);
    expect([launched(a.events), a.told.size]).toEqual([[], 0]);
    identities.answers.get('t1')?.resolve();
    await settle();
    expect(launched(a.events)).toEqual(['t1']);
    identities.late = false;
    a.give(['t2', 't3'], true);
    await settle();
    expect(launched(a.events)).toEqual(['t1', 't2', 't3']);
    expect(identities.asked).toEqual(['open', 'provide t1', 'provide t2', 'provide t3']);
    const { sandbox, place } = a.custom();
    expect(identities.homes.get('t2')).toMatchObject({ sandbox, program: place });
    expect(identities.facts[0]).toMatchObject({ taskId: 't1', frameworkId: 'fw-1', agentId: 'agent-1' });
  });

  it('go with each task, and the socket with the executor', async () => {
    const identities = new SlowIdentities();
    const a = agent(identities);
    a.give(['t1', 't2']);
    await settle();
    await a.subscribe();
    await a.says('t1', 'TASK_FINISHED');
    await settle();
    expect(identities.asked.slice(3)).toEqual(['release t1']);
    a.machine.end(a.custom().place.containerId, { kind: 'exited', code: 0 });
    await settle();
    expect(identities.asked.slice(4)).toEqual(['release t2', 'close']);
  });

  it('that do not come fail their task, and with it those of its group; others go on', async () => {
    const identities = new SlowIdentities();
    identities.late = true;
    const a = agent(identities);
    a.give(['t1', 't2'], true);
    a.give(['t3', 't4']);
    await settle();
    await a.subscribe();
    identities.answers.get('t1')?.reject(new Error('no identity in time'));
    identities.answers.get('t3')?.reject(new Error('no identity in time'));
    identities.answers.get('t4')?.resolve();
    await settle();
    for (const id of ['t1', 't2', 't3'])
      expect(a.told.get(id)).toMatchObject({ state: 'TASK_FAILED', message: 'no identity in time' });
    expect(launched(a.events)).toEqual(['t4']);
    expect(identities.asked.filter((what) => what.startsWith('release'))).toHaveLength(3);
  });

  it('are not waited for by a kill', async () => {
    const identities = new SlowIdentities();
    identities.late = true;
    const a = agent(identities);
    a.give(['t1']);
    await settle();
    a.tasks.kill('agent-1', 'fw-1', 't1', undefined);
    await settle();
    expect(a.told.get('t1')?.state).toBe('TASK_KILLED');
    expect(identities.asked).toEqual(['open', 'provide t1', 'release t1']);
  });

  it('are kept on by the next agent, which does not let tasks wait for them; what has ended has none', async () => {
    const first = new SlowIdentities();
    const a = agent(first);
    a.give(['t1', 't2']);
    await settle();
    await a.subscribe();
    await a.says('t1', 'TASK_RUNNING');
    await a.says('t2', 'TASK_FINISHED');
    await settle();
    a.die();
    const second = new SlowIdentities();
    second.late = true;
    const b = agent(second, a.disk, a.machine);
    const recovered = b.checkpoints.recover().then((runs) => b.tasks.recover(runs));
    await settle();
    await b.subscribe(['t1']);
    await recovered;
    expect(second.asked.toSorted()).toEqual(['open', 'provide t1', 'release t2']);
    expect(b.tasks.running).toBe(1);
  });

  it('leave nothing when the executor has ended while its agent was away', async () => {
    const a = agent(new SlowIdentities());
    a.give(['t1']);
    await settle();
    await a.subscribe();
    const { containerId } = a.custom().place;
    a.die();
    a.machine.end(containerId, { kind: 'exited', code: 0 });
    const second = new SlowIdentities();
    const b = agent(second, a.disk, a.machine);
    await b.tasks.recover(await b.checkpoints.recover());
    await settle();
    expect(second.asked.at(-1)).toBe('close');
    expect(second.asked).toContain('release t1');
  });
});

it('tasks of a group in the default executor have identities as command tasks do', async () => {
  const identities = new SlowIdentities();
  const a = agent(identities);
  const options = { group: true, launch: true };
  a.tasks.runInExecutor('agent-1', FRAMEWORK, POD, [taskInfo('g1'), taskInfo('g2')], options);
  await settle();
  expect(identities.asked).toEqual(['provide g1', 'provide g2']);
  const [one, two] = ['g1', 'g2'].map((id) => identities.homes.get(id));
  expect([one?.program, one?.sandbox === two?.sandbox]).toEqual([undefined, false]);
  a.machine.end(a.machine.running[0] ?? '', { kind: 'exited', code: 1 });
  await settle();
  expect(identities.asked.slice(2).toSorted()).toEqual(['release g1', 'release g2']);
});
