import { describe, expect, it } from 'vitest';
import type { ExecutorInfo, FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import { CUSTOM, executorAgent, own } from '../testing/executor-agent.ts';
import { FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import type { ExecutorEvent } from './events.ts';

const POD: ExecutorInfo = { executor_id: { value: 'pod' }, type: 'DEFAULT' };
const types = (events: readonly ExecutorEvent[]): string[] => events.map(({ type }) => type);

describe('a custom executor', () => {
  it('gets one container for all of its tasks, and each task once it has subscribed', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    a.give(CUSTOM, [own('t2'), own('t3')], { group: true, launch: false });
    await settle();
    expect(a.machine.started.length).toBe(1);
    expect(a.tasks.report().tasks.map((t) => [t.task.task_id.value, t.state, t.executor_id?.value])).toEqual([
      ['t1', 'TASK_STAGING', 'ex'],
      ['t2', 'TASK_STAGING', 'ex'],
      ['t3', 'TASK_STAGING', 'ex'],
    ]);
    await a.subscribe();
    expect(types(a.events)).toEqual(['SUBSCRIBED', 'LAUNCH', 'LAUNCH_GROUP']);
    a.give(CUSTOM, [own('t2')]); // it is here already
    a.give(CUSTOM, [own('t4')]);
    await settle();
    expect(types(a.events).slice(3)).toEqual(['LAUNCH']);
    a.clock.advance(30 * 60_000);
    expect(types(a.events).slice(4)).toEqual(['HEARTBEAT']);
  });

  it('that does not subscribe in time is ended', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    await settle();
    a.clock.advance(60_000);
    await settle();
    expect(a.machine.running).toEqual([]);
    expect(a.last('t1')).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
      message: 'Executor did not register within 1mins',
      executor_id: { value: 'ex' },
    });
    expect(a.exits).toEqual([['ex', 9]]);
    await a.acknowledge();
    expect([a.tasks.executors.all, [...a.disk.runs]]).toEqual([[], []]);
  });

  it.each<[ExecutorInfo['command'], string]>([
    [undefined, 'The task has no command'],
    [{ value: 'x\0' }, 'Command must not contain a NUL character'],
  ])('that cannot be launched fails its tasks, and is told to be over (%j)', async (command, message) => {
    const a = executorAgent();
    const { command: _command, ...rest } = CUSTOM;
    a.give(command ? { ...rest, command } : rest, [own('t1'), own('t2')]);
    await settle();
    for (const id of ['t1', 't2'])
      expect(a.last(id)).toMatchObject({
        state: 'TASK_FAILED',
        reason: 'REASON_CONTAINER_LAUNCH_FAILED',
        message,
      });
    expect(a.exits).toEqual([['ex', -1]]);
  });

  it('takes its tasks along when it ends; what has ended stays as it was', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1'), own('t2')]);
    await settle();
    await a.subscribe();
    await a.says('t1', 'TASK_FINISHED');
    await a.says('t2', 'TASK_RUNNING');
    a.machine.end(a.custom().place.containerId, { kind: 'exited', code: 3 });
    await a.acknowledge();
    expect(a.last('t1')?.state).toBe('TASK_FINISHED');
    expect(a.last('t2')).toMatchObject({
      state: 'TASK_FAILED',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'Executor terminated',
    });
    expect(a.exits).toEqual([['ex', 3 << 8]]);
    expect(a.tasks.completedViews.map(({ completed }) => completed.length)).toEqual([2]);
  });

  it('is told which limit it went over', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    await settle();
    const limitation = { reason: 'REASON_CONTAINER_LIMITATION_MEMORY', message: 'too much' } as const;
    a.machine.end(a.custom().place.containerId, { kind: 'signaled', signal: 9, limitation });
    await settle();
    expect(a.last('t1')).toMatchObject({ state: 'TASK_FAILED', ...limitation });
  });

  it('is held to what it and its tasks have: before they are given, and when one is over', async () => {
    const a = executorAgent();
    const MB = 1024 * 1024;
    const resources = (mem: number): TaskInfo['resources'] => [
      { name: 'mem', type: 'SCALAR', scalar: { value: mem } },
    ];
    const info = { ...CUSTOM, resources: resources(32) };
    a.give(info, [own('t1', { resources: resources(64) })]);
    await settle();
    expect(a.specs[0]?.quantities).toMatchObject({ memBytes: 96 * MB, sharers: 2 });
    await a.subscribe();
    const { containerId } = a.custom().place;
    const now = (): number | undefined => a.machine.limits.get(containerId)?.memBytes;
    a.give(info, [own('t2', { resources: resources(100) })], { launch: false });
    const given = (): string[] => types(a.events).filter((type) => type === 'LAUNCH');
    expect(given()).toHaveLength(1);
    while (given().length < 2) await Promise.resolve();
    expect(now()).toBe(196 * MB);
    await a.says('t1', 'TASK_FINISHED');
    await settle();
    expect(now()).toBe(132 * MB);
  });

  it('in a container of an engine is given no task before that has made room for it', async () => {
    const a = executorAgent();
    const { promise, resolve } = Promise.withResolvers<void>();
    const mem = (value: number): TaskInfo['resources'] => [
      { name: 'mem', type: 'SCALAR', scalar: { value } },
    ];
    const container = { type: 'DOCKER', docker: { image: 'img' } } as const;
    const info: ExecutorInfo = { ...CUSTOM, container, resources: mem(32) };
    const given = (): string[] => types(a.events).filter((type) => type === 'LAUNCH');
    a.machine.limiting = promise;
    a.give(info, [own('t1', { resources: mem(64) })]);
    await settle();
    expect(a.specs[0]?.quantities).toMatchObject({ memBytes: 96 * 2 ** 20 });
    await a.subscribe();
    a.give(info, [own('t2', { resources: mem(100) })], { launch: false });
    await settle();
    expect(given()).toEqual([]);
    resolve();
    await settle();
    expect(given()).toHaveLength(2);
    expect(a.machine.limits.get(a.custom().place.containerId)?.memBytes).toBe(196 * 2 ** 20);
  });

  it('that takes more of the disk than it has is ended, and its tasks are told why', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    await settle();
    const over = { reason: 'REASON_CONTAINER_LIMITATION_DISK', message: 'too much' } as const;
    a.custom().container?.endOverLimit?.(over);
    await settle();
    expect(a.machine.running).toEqual([]);
    expect(a.last('t1')).toMatchObject({ state: 'TASK_FAILED', source: 'SOURCE_AGENT', ...over });
  });

  it('starts anew under its id when it is over, unless the master believes that it lives', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    await settle();
    a.machine.end(a.custom().place.containerId, { kind: 'exited', code: 0 });
    await settle();
    a.give(CUSTOM, [own('t2')], { launch: false });
    await settle();
    expect(a.last('t2')).toMatchObject({ state: 'TASK_DROPPED', reason: 'REASON_EXECUTOR_TERMINATED' });
    a.give(CUSTOM, [own('t3')]);
    await settle();
    expect(a.machine.started.length).toBe(2);
    expect(a.exits.length).toBe(1);
  });

  it('never sees what was killed before it came; a group goes as a whole', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    a.give(CUSTOM, [own('g1'), own('g2')], { group: true });
    await settle();
    a.tasks.kill('agent-1', 'fw-1', 't1', undefined);
    a.tasks.kill('agent-1', 'fw-1', 'g2', undefined);
    await settle();
    const reason = 'REASON_TASK_KILLED_DURING_LAUNCH';
    for (const id of ['t1', 'g1', 'g2']) expect(a.last(id)).toMatchObject({ state: 'TASK_KILLED', reason });
    await a.subscribe();
    expect(types(a.events)).toEqual(['SHUTDOWN']);
    a.clock.advance(4_000);
    await settle();
    expect(a.machine.running).toEqual([]);
  });

  it('hears of a kill that came while it was away', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    await settle();
    const stream = { send: (e: ExecutorEvent) => void a.events.push(e), close: () => {} };
    await a.custom().subscribe({ taskIds: [], updates: [] }, stream);
    await a.says('t1', 'TASK_RUNNING');
    a.custom().disconnected(stream);
    a.tasks.kill('agent-1', 'fw-1', 't1', undefined);
    expect(types(a.events)).not.toContain('KILL');
    await a.subscribe();
    expect(a.events.at(-1)).toEqual({ type: 'KILL', kill: { task_id: { value: 't1' } } });
  });

  it('hears SUBSCRIBED first, then that its repeated updates are safe, then of new tasks', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1')]);
    await settle();
    const status = {
      task_id: { value: 't1' },
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      uuid: 'u',
    } as const;
    const stream = { send: (e: ExecutorEvent) => void a.events.push(e), close: () => {} };
    await a.subscribe();
    a.events.length = 0;
    const again = a.custom().subscribe({ taskIds: ['t1'], updates: [status, status] }, stream);
    a.give(CUSTOM, [own('t2')]);
    await settle();
    await again;
    expect(types(a.events)).toEqual(['SUBSCRIBED', 'ACKNOWLEDGED', 'ACKNOWLEDGED', 'LAUNCH']);
    expect(a.told.get('t1')?.map(({ uuid }) => uuid)).toEqual(['u']);
  });

  it('gets SHUTDOWN, and as long as it asked for; with the framework nobody acknowledges', async () => {
    const a = executorAgent();
    a.give({ ...CUSTOM, command: { shell: false, value: 'stubborn' } }, [own('t1')]);
    await settle();
    await a.subscribe();
    a.tasks.shutdownFramework('fw-1');
    expect(types(a.events).at(-1)).toBe('SHUTDOWN');
    a.clock.advance(3_999);
    await settle();
    expect(a.machine.running.length).toBe(1);
    a.clock.advance(1);
    await settle();
    expect(a.machine.running).toEqual([]);
    expect(a.last('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED' });
    expect([a.tasks.executors.all, [...a.disk.runs]]).toEqual([[], []]);
  });

  it('cannot have mutual TLS spoken for its tasks, and says so', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('t1', { labels: { labels: [{ key: 'rimrock.mtls', value: 'strict' }] } })]);
    await settle();
    expect(a.last('t1')).toMatchObject({
      state: 'TASK_FAILED',
      message: expect.stringContaining('mutual TLS'),
    });
    expect(a.exits).toEqual([['ex', -1]]);
    expect(a.machine.started).toEqual([]);
  });

  it('keeps a journal that does not grow with the tasks that it had', async () => {
    const a = executorAgent();
    a.give(CUSTOM, [own('first')]);
    await settle();
    await a.subscribe();
    for (let i = 0; i < 400; i++) {
      a.give(CUSTOM, [own(`t${i}`)]);
      await settle();
      await a.says(`t${i}`, 'TASK_FINISHED');
      await settle();
      a.tasks.ack('fw-1', `t${i}`, `t${i} TASK_FINISHED`);
      await settle();
    }
    const [run] = [...a.disk.runs.values()];
    expect(run?.records.length).toBeLessThan(1_100);
    expect(run?.records.slice(0, 3).map((r) => r.type)).toEqual(['EXECUTOR', 'FORKED', 'TASKS']);
  });
});

describe('the default executor', () => {
  const run = async (ids: readonly string[], framework: FrameworkInfo = FRAMEWORK) => {
    const a = executorAgent();
    a.give(
      POD,
      ids.map((id) => taskInfo(id)),
      { group: true, framework },
    );
    await settle();
    const containerOf = (id: string): string => a.last(id)?.container_status?.container_id?.value ?? '';
    return { ...a, containerOf };
  };

  it('gives each task a container inside of its own, and statuses that say so', async () => {
    const a = await run(['a', 'b']);
    const parent = a.tasks.executors.find('fw-1', 'pod')?.place.containerId;
    expect(a.told.get('a')?.map((s) => s.state)).toEqual(['TASK_STARTING']);
    await a.acknowledge();
    expect(a.last('a')).toMatchObject({
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      executor_id: { value: 'pod' },
      container_status: { container_id: { value: a.containerOf('a'), parent: { value: parent } } },
    });
    expect(a.specs.map(({ sandbox }) => sandbox)).toEqual(
      ['a', 'b'].map((id) => `/sandbox/${parent}/containers/${a.containerOf(id)}`),
    );
    expect(a.specs[0]?.environment).toMatchObject({ MESOS_TASK_ID: 'a', MESOS_EXECUTOR_ID: 'pod' });
  });

  it('is no process, and what it says of a container is for none of its tasks', async () => {
    const a = executorAgent();
    const volumes = [{ container_path: 'data', host_path: '/there/is/no/such', mode: 'RW' as const }];
    const pod: ExecutorInfo = { ...POD, container: { type: 'MESOS', hostname: 'pod', volumes } };
    a.give(pod, [taskInfo('a'), taskInfo('b')], { group: true });
    await settle();
    await a.acknowledge();
    expect(a.tasks.executors.find('fw-1', 'pod')?.container).toMatchObject({ pid: undefined });
    expect(a.specs.map(({ container, mounts = [] }) => [container, mounts])).toEqual([
      [undefined, []],
      [undefined, []],
    ]);
    expect(['a', 'b'].map((id) => a.last(id)?.state)).toEqual(['TASK_RUNNING', 'TASK_RUNNING']);
    const ids = ['a', 'b'].map((id) => a.last(id)?.container_status?.container_id?.value);
    expect(ids).toEqual(a.machine.running);
  });

  it('lets the others go on when one finishes, and is over with the last', async () => {
    const a = await run(['a', 'b']);
    a.machine.end(a.containerOf('a'), { kind: 'exited', code: 0 });
    await a.acknowledge();
    expect([a.last('a')?.state, a.last('b')?.state]).toEqual(['TASK_FINISHED', 'TASK_RUNNING']);
    expect(a.exits).toEqual([]);
    a.machine.end(a.containerOf('b'), { kind: 'exited', code: 0 });
    await a.acknowledge();
    expect(a.exits).toEqual([['pod', 0]]);
    expect([a.tasks.executors.all, [...a.disk.runs]]).toEqual([[], []]);
  });

  it('kills the rest of a group when one fails, and no other group', async () => {
    const a = await run(['a', 'b']);
    a.give(POD, [taskInfo('c')], { group: true, launch: false });
    await a.acknowledge();
    a.machine.end(a.containerOf('a'), { kind: 'exited', code: 1 });
    await a.acknowledge();
    expect(['a', 'b', 'c'].map((id) => a.last(id)?.state)).toEqual([
      'TASK_FAILED',
      'TASK_KILLED',
      'TASK_RUNNING',
    ]);
  });

  it('kills the rest of a group when one is killed', async () => {
    const a = await run(['a', 'b']);
    await a.acknowledge();
    a.tasks.kill('agent-1', 'fw-1', 'a', undefined);
    await a.acknowledge();
    expect(['a', 'b'].map((id) => a.last(id)?.state)).toEqual(['TASK_KILLED', 'TASK_KILLED']);
    expect(a.exits).toEqual([['pod', 0]]);
  });

  it('fails as a whole where one of a group cannot be launched', async () => {
    const a = executorAgent();
    const { command: _command, ...empty } = taskInfo('b');
    a.give(POD, [taskInfo('a'), empty], { group: true });
    await settle();
    await a.acknowledge();
    expect(a.last('b')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
    expect(a.last('a')?.state).toBe('TASK_KILLED');
    expect(a.machine.running).toEqual([]);
  });

  it('ends all groups when it is shut down', async () => {
    const a = await run(['a', 'b']);
    a.tasks.executors.shutdown('fw-1', 'pod');
    await a.acknowledge();
    expect(['a', 'b'].map((id) => a.last(id)?.state)).toEqual(['TASK_KILLED', 'TASK_KILLED']);
  });
});
