import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTerminal } from '../../mesos/index.ts';
import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import { settle } from '../testing/task-context.ts';
import type { ExecutorStream } from './events.ts';
import { CUSTOM, World } from './testing/world.ts';

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
    const crashed = w.crash(false, false, () => {
      w.diskIsSlow = disk.promise;
    });
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
