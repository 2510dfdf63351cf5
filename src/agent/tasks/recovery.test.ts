import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { seededRandom } from '../../core/random.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { Tasks } from './tasks.ts';

/** One agent after the other on the same disk and machine, and a framework that remembers what it was told. */
class World {
  readonly clock = new FakeClock();
  readonly random = seededRandom(7);
  readonly disk = new MemoryDisk();
  readonly machine = new FakeMachine();
  /** Distinct statuses by task, in order of their first arrival. */
  readonly told = new Map<string, TaskStatus[]>();
  /** What the framework has received and not acknowledged. */
  readonly inbox: TaskStatus[] = [];
  readonly asked = new Set<string>();
  #checkpoints = new MemoryCheckpoints(this.disk);
  #launcher = this.machine.launcher();
  tasks = this.#boot();

  #boot(): Tasks {
    const send = (_framework: string, status: TaskStatus): void => {
      if (!this.#alive(checkpoints)) return;
      const id = status.task_id.value;
      const all = this.told.get(id) ?? [];
      if (!all.some((s) => s.uuid === status.uuid)) this.told.set(id, [...all, status]);
      this.inbox.push(status);
    };
    const checkpoints = this.#checkpoints;
    return new Tasks(
      fakeContext({ clock: this.clock, random: this.random, launcher: this.#launcher, checkpoints, send }),
    );
  }

  #alive(checkpoints: MemoryCheckpoints): boolean {
    return checkpoints === this.#checkpoints;
  }

  run(id: string): void {
    this.asked.add(id);
    this.tasks.run('agent-1', FRAMEWORK, taskInfo(id));
  }

  ack(status: TaskStatus, uuid = status.uuid ?? ''): void {
    this.tasks.ack('fw-1', status.task_id.value, uuid);
  }

  /** kill -9 of the agent, and a new one. */
  async crash(): Promise<void> {
    this.#checkpoints.die();
    this.#launcher.close();
    this.tasks.pause();
    this.inbox.length = 0;
    this.#checkpoints = new MemoryCheckpoints(this.disk);
    this.#launcher = this.machine.launcher();
    this.tasks = this.#boot();
    await this.tasks.recover(await this.#checkpoints.recover());
    this.tasks.resume();
  }

  /** The task ids for which a container ran, one entry a container. */
  launches(): string[] {
    return this.machine.started.map((c) => this.containerTask.get(c) ?? c);
  }

  readonly containerTask = new Map<string, string>();

  remember(): void {
    for (const { place } of this.disk.runs.values())
      this.containerTask.set(place.containerId, place.executorId);
  }
}

const RANK = new Map<TaskState, number>([
  ['TASK_STARTING', 0],
  ['TASK_RUNNING', 1],
  ['TASK_KILLING', 2],
]);

type Op =
  | { op: 'run' | 'kill' | 'end'; task: number }
  | { op: 'ack'; pick: number; right: boolean }
  | { op: 'wait'; ms: number }
  | { op: 'ticks'; n: number }
  | { op: 'crash' };

const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constantFrom('run' as const, 'kill' as const, 'end' as const), task: fc.nat(3) }),
  fc.record({ op: fc.constant('ack' as const), pick: fc.nat(10), right: fc.boolean() }),
  fc.record({ op: fc.constant('wait' as const), ms: fc.nat(30_000) }),
  fc.record({ op: fc.constant('ticks' as const), n: fc.nat(12) }),
  fc.record({ op: fc.constant('crash' as const) }),
);

async function apply(w: World, o: Op): Promise<void> {
  switch (o.op) {
    case 'run':
      // ids are used once by a framework, but the same order may arrive twice while the task is here
      if (!w.asked.has(`t${o.task}`) || w.tasks.live.some((r) => r.place.taskId === `t${o.task}`))
        w.run(`t${o.task}`);
      return;
    case 'kill':
      return w.tasks.kill('agent-1', 'fw-1', `t${o.task}`, undefined);
    case 'end': {
      w.remember();
      const running = w.machine.running.find((c) => w.containerTask.get(c) === `t${o.task}`);
      if (running) w.machine.end(running, { kind: 'exited', code: 0 });
      return;
    }
    case 'ack': {
      const status = w.inbox[o.pick % Math.max(1, w.inbox.length)];
      if (status) w.ack(status, o.right ? status.uuid : 'AAAA');
      return;
    }
    case 'wait':
      w.clock.advance(o.ms);
      return;
    case 'ticks':
      for (let i = 0; i < o.n; i++) await Promise.resolve();
      return;
    case 'crash':
      w.remember();
      return w.crash();
  }
}

/** Let everything end: every running command, every acknowledgement. */
async function finish(w: World): Promise<void> {
  for (let round = 0; round < 60; round++) {
    await settle();
    w.remember();
    for (const c of w.machine.running) w.machine.end(c, { kind: 'exited', code: 0 });
    await settle();
    for (const status of w.inbox.splice(0)) w.ack(status);
    w.clock.advance(10_000);
  }
  await settle();
}

describe('tasks over crashes of the agent', () => {
  it('delivers every status at least once and in order, and never launches twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 40 }), async (ops) => {
        const w = new World();
        w.tasks.resume();
        for (const o of ops) await apply(w, o);
        await finish(w);
        w.remember();
        const launches = w.launches();
        expect(launches.length).toBe(new Set(launches).size);
        for (const [id, statuses] of w.told) {
          if (!w.asked.has(id)) continue;
          const states = statuses.map((s) => s.state).filter((s) => !isTerminal(s));
          const ranks = states.map((s) => RANK.get(s) ?? -1);
          expect(ranks, `${id}: ${statuses.map((s) => s.state).join(' ')}`).toEqual(
            ranks.toSorted((a, b) => a - b),
          );
        }
        // an order that was on disk when the agent died ends with a terminal status; nothing is left anywhere
        expect(w.tasks.live).toEqual([]);
        expect([...w.disk.runs.keys()]).toEqual([]);
        for (const id of new Set(launches)) {
          const ends = (w.told.get(id) ?? []).filter(
            (s) => isTerminal(s.state) && s.source === 'SOURCE_EXECUTOR',
          );
          expect(ends.length, `${id} ended`).toBe(1);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a task that runs through a restart keeps its container and is reported', async () => {
    const w = new World();
    w.tasks.resume();
    w.run('t0');
    await settle();
    await w.crash();
    expect(w.machine.started.length).toBe(1);
    const report = w.tasks.report();
    expect(report.frameworks).toEqual([FRAMEWORK]);
    expect(report.tasks.map((t) => [t.task.task_id.value, t.state])).toEqual([['t0', 'TASK_RUNNING']]);
  });

  it('after a reboot of the machine tells the loss once', async () => {
    const w = new World();
    w.tasks.resume();
    w.run('t0');
    await settle();
    w.machine.reboot();
    await w.crash();
    await finish(w);
    await w.crash();
    await finish(w);
    const states = w.told.get('t0')?.map((s) => s.state);
    expect(states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_GONE']);
    expect(w.disk.runs.size).toBe(0);
  });

  it('goes on with a kill that an earlier agent began', async () => {
    const w = new World();
    w.tasks.resume();
    w.tasks.run('agent-1', FRAMEWORK, taskInfo('t0', { command: { shell: false, value: 'stubborn' } }));
    await settle();
    w.tasks.kill('agent-1', 'fw-1', 't0', undefined);
    await settle();
    await w.crash();
    w.tasks.kill('agent-1', 'fw-1', 't0', { grace_period: { nanoseconds: 0 } });
    await finish(w);
    expect(w.told.get('t0')?.at(-1)).toMatchObject({ state: 'TASK_KILLED', source: 'SOURCE_EXECUTOR' });
  });
});
