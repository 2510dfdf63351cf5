import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { silentLogger } from '../../core/log.ts';
import type { TaskInfo } from '../../mesos/index.ts';
import type { ExecutorView } from '../executors/executor.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { FRAMEWORK, taskInfo } from '../testing/task-context.ts';
import { EXECUTORS_KEPT, FRAMEWORKS_KEPT, History } from './history.ts';

function ended(frameworkId: string, id: string, task: TaskInfo = taskInfo(id)): ExecutorView {
  const place = { agentId: 'S0', frameworkId, executorId: id, containerId: `c-${frameworkId}-${id}` };
  const status = { task_id: task.task_id, state: 'TASK_FINISHED', uuid: 'u', data: 'ZA==' } as const;
  const framework = { ...FRAMEWORK, id: { value: frameworkId } };
  const run = {
    place: { ...place, taskId: id },
    framework,
    task,
    state: 'TASK_FINISHED' as const,
    over: true,
    closed: Promise.resolve(),
    updates: { all: [status], lastSent: status, closed: true, leaving: true },
  };
  const info = { executor_id: { value: id }, ...(task.command ? { command: task.command } : {}) };
  const rest = { tasks: [], queued: [], completed: [run], over: true, container: undefined, nested: [] };
  return { place, framework, info, sandbox: '', ...rest };
}

const open = (disk: MemoryDisk, live: ReadonlySet<string> = new Set()): History =>
  new History({ clock: new FakeClock(), log: silentLogger, checkpoints: new MemoryCheckpoints(disk) }, (id) =>
    live.has(id),
  );

const ids = (history: History): string[] =>
  history.executors.map(({ place }) => `${place.frameworkId}/${place.executorId}`);

describe('what an agent remembers of what has ended', () => {
  it('is the same after a restart', async () => {
    const disk = new MemoryDisk();
    const history = open(disk);
    for (const id of ['a', 'b']) await history.add(ended('fw', id));
    const again = open(disk);
    await again.recover();
    expect(again.executors).toEqual(history.executors);
    expect(again.executors[0]).toMatchObject({
      sandbox: '/sandbox/c-fw-a',
      over: true,
      completed: [{ state: 'TASK_FINISHED', over: true, sandbox: '/sandbox/c-fw-a' }],
    });
    expect([again.hasTask('fw', 'a'), again.hasTask('fw', 'c'), again.framework('fw')?.name]).toEqual([
      true,
      false,
      'test',
    ]);
  });

  it('holds no secrets and no data of its framework', async () => {
    const disk = new MemoryDisk();
    const secret = { type: 'VALUE', value: { data: 'c2VjcmV0LTQ3MTE=' } } as const;
    const variables = [{ name: 'A', type: 'SECRET' as const, secret }];
    const task = taskInfo('t', { command: { value: 'x', environment: { variables } }, data: 'ZGF0YQ==' });
    await open(disk).add(ended('fw', 't', task));
    const text = JSON.stringify([...disk.past.values()]);
    expect(text).toContain('"name":"A"');
    expect(text).not.toMatch(/c2VjcmV0|ZGF0YQ|ZA==/);
  });

  it('has 150 executors of a framework, the last ones, and as many on disk', async () => {
    const disk = new MemoryDisk();
    const history = open(disk);
    for (let i = 0; i < EXECUTORS_KEPT + 5; i++) await history.add(ended('fw', `t${i}`));
    await history.settled();
    expect([history.executors.length, disk.past.size, ids(history)[0]]).toEqual([150, 150, 'fw/t5']);
    expect([history.hasTask('fw', 't4'), history.hasTask('fw', 't5')]).toEqual([false, true]);
  });

  it('has 50 frameworks that are over, and any number of those that are not', async () => {
    const disk = new MemoryDisk();
    const live = new Set(['live0', 'live1']);
    const history = open(disk, live);
    for (const id of live) await history.add(ended(id, 't'));
    for (let i = 0; i < FRAMEWORKS_KEPT + 3; i++) await history.add(ended(`fw${i}`, 't'));
    await history.settled();
    expect(ids(history).slice(0, 3)).toEqual(['live0/t', 'live1/t', 'fw3/t']);
    expect([history.executors.length, disk.past.size]).toEqual([52, 52]);
    live.clear();
    await history.add(ended('live1', 't2'));
    await history.settled();
    expect(ids(history).slice(0, 1)).toEqual(['fw4/t']);
    expect(ids(history).slice(-2)).toEqual(['live1/t', 'live1/t2']);
  });

  it('is never more than that, and on disk the same, whatever ends in whatever order', async () => {
    const step = fc.record({ framework: fc.nat(60), executor: fc.nat(400), live: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 400 }), async (steps) => {
        const disk = new MemoryDisk();
        const live = new Set<string>();
        const history = open(disk, live);
        let n = 0;
        for (const { framework, executor, live: isLive } of steps) {
          const id = `fw${framework % (executor < 200 ? 2 : 60)}`;
          if (isLive) live.add(id);
          else live.delete(id);
          await history.add(ended(id, `t${n++}`));
        }
        await history.settled();
        const by = Map.groupBy(history.executors, ({ place }) => place.frameworkId);
        for (const past of by.values()) expect(past.length).toBeLessThanOrEqual(EXECUTORS_KEPT);
        expect([...by.keys()].filter((id) => !live.has(id)).length).toBeLessThanOrEqual(FRAMEWORKS_KEPT);
        expect(history.hasTask(ids(history).at(-1)?.split('/')[0] ?? '', `t${n - 1}`)).toBe(true);
        const onDisk = [...disk.past.keys()].sort();
        expect(onDisk).toEqual(history.executors.map(({ place }) => place.containerId).sort());
      }),
      { numRuns: 30 },
    );
  });

  it('leaves no checkpoint of a run where the disk takes nothing more', async () => {
    const disk = new MemoryDisk();
    const checkpoints = new MemoryCheckpoints(disk);
    checkpoints.complete = () => Promise.reject(new Error('ENOSPC'));
    const view = ended('fw', 't');
    await checkpoints.create(view.place, { type: 'ACK', uuid: 'u' });
    const parts = { clock: new FakeClock(), log: silentLogger, checkpoints };
    const history = new History(parts, () => false);
    await history.add(view);
    expect([ids(history), disk.runs.size]).toEqual([['fw/t'], 0]);
  });
});
