import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { has } from '../support/peers.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { Cell, LONG } from './support/cell.ts';
import { killInner } from './support/children.ts';
import type { Ledger } from './support/ledger.ts';

// Disks that are full, and disks that fail one write in a row of them: what was acknowledged is found again after kill -9, what was
// not is absent or was tried again, and nobody else notices.

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** Which of the durable writes since the start fails: each of the first, or some of them. */
const points = (short: readonly number[], last: number): readonly number[] =>
  LONG ? Array.from({ length: last }, (_, i) => i + 1) : short;

/** Words before a command whose n-th fsync or fdatasync fails. All file work is on one thread, so that there is an n-th. */
function failing(n: number, log: string): readonly string[] {
  const inject = `inject=fsync,fdatasync:error=EIO:when=${n}`;
  const quiet = ['-f', '-I', '2', '--seccomp-bpf', '-qqq', '-o', log, '-e', 'trace=fsync,fdatasync'];
  return ['env', 'UV_THREADPOOL_SIZE=1', 'strace', ...quiet, '-e', inject];
}

/**
 * The write has failed, or all of this says nothing; beyond the last one there is none to fail. strace counts each call of each thread by
 * itself, those that were killed before they came back not.
 */
function struck(n: number, log: string): void {
  const lines = readFileSync(log, 'utf8').split('\n');
  const injected = lines.some((line) => line.includes('INJECTED'));
  const counts = new Map<string, number>();
  for (const line of lines) {
    const [, thread, call] = /^(\d+).*?(f(?:data)?sync).* = -?\d/.exec(line) ?? [];
    if (thread !== undefined) counts.set(`${thread} ${call}`, (counts.get(`${thread} ${call}`) ?? 0) + 1);
  }
  expect([n, injected], log).toEqual([n, !LONG || Math.max(0, ...counts.values()) >= n]);
}

describe.skipIf(!canSeeProcesses || !has('strace'))('disks that fail (needs /proc and strace)', () => {
  let cell: Cell;
  let ledger: Ledger;
  let bystander: string[] = [];

  beforeAll(async () => {
    cell = await Cell.make();
    await cell.master();
    ledger = cell.ledger();
    await cell.agent('healthy');
    await ledger.launch([{ id: 'bystander', command: cell.forever() }], 'healthy');
    await ledger.reached(['bystander'], 'TASK_RUNNING');
    await eventually('the shell to have become what it runs', () => cell.pids().length === 1);
    bystander = cell.processes();
  });
  afterAll(() => cell.close());

  it.each(points([2, 9, 12], 30))(
    'write %i of an agent: its task runs once or is over, also after kill -9, and others are not touched',
    async (n) => {
      const name = `sick-${n}`;
      const task = `task-${n}`;
      const log = join(cell.site.data, `strace-${name}`);
      const words = failing(n, log);
      const sick = await cell.agent(name, {}, { through: words }).catch((error: Error) => error);
      if (sick instanceof Error) expect(sick.message).toMatch(/EIO[^]*(Create|agent\.workDir)/);
      else {
        await cell.registered(name);
        await ledger.launch([{ id: task, command: cell.forever() }], name);
        await eventually(
          'a word on the task',
          () => ledger.states(task).includes('TASK_RUNNING') || ledger.ended(task),
          {
            timeoutMs: 30_000,
          },
        );
        const failure = ledger.of(task).find((s) => s.state === 'TASK_FAILED');
        if (failure) expect(failure.message).toMatch(/EIO/);
        await killInner(sick);
      }
      const well = await cell.agent(name);
      await cell.registered(name);
      // it takes tasks, whatever was before
      await ledger.launch([{ id: `${task}-after`, command: cell.brief(0) }], name);
      await ledger.reached([`${task}-after`], 'TASK_FINISHED');
      const processes = cell.pids().filter((p) => p.task === task);
      const runs = ledger.states(task).length > 0 && !ledger.ended(task);
      expect([task, processes.length, cell.starts(task) <= 1]).toEqual([task, runs ? 1 : 0, true]);
      expect(await cell.running()).toEqual(runs ? ['bystander', task] : ['bystander']);
      if (runs) await ledger.kill(task);
      if (runs) await ledger.reached([task], 'TASK_KILLED');
      expect(ledger.problems()).toEqual([]);
      expect(cell.processes()).toEqual(bystander);
      await well.interrupt();
      struck(n, log);
    },
  );

  it.each(points([6], 14))(
    'write %i of a Marathon: an app that was taken is there after kill -9',
    async (n) => {
      const data = join(cell.site.data, `marathon-${n}`);
      const log = `${data}.strace`;
      const more = { data, 'marathon.frameworkName': `marathon-${n}` };
      const sick = await cell.start('marathon', more, { through: failing(n, log), until: 'spawned' });
      let gone = false;
      void sick.gone.then(() => (gone = true));
      // one that cannot save who it is tries again and again, and says why
      await eventually(
        'a Marathon, or why there is none',
        () => gone || /is ready, after|EIO/.test(sick.output()),
      );
      const taken: string[] = [];
      const url = `http://127.0.0.1:${cell.site.ports.marathon}/v2/apps`;
      if (!/is ready, after/.test(sick.output())) expect(sick.output()).toMatch(/EIO/);
      if (!gone) {
        for (let i = 0; i < 4; i++) {
          const id = `/app-${n}-${i}`;
          const app = { id, cmd: 'sleep 1', cpus: 0.01, mem: 32, instances: 0 };
          const answer = await call('POST', url, app).catch(() => ({ status: 0 }));
          if (answer.status === 201) taken.push(id);
        }
        await killInner(sick);
      }
      const well = await cell.start('marathon', more);
      const { json } = await call('GET', url);
      const there = (json.apps as { id: string }[]).map((a) => a.id);
      expect(taken.filter((id) => !there.includes(id))).toEqual([]);
      expect(cell.processes()).toEqual(bystander);
      await well.interrupt();
      struck(n, log);
    },
  );
});

describe.skipIf(!canSeeProcesses || !has('strace'))('the registry of a master on a disk that fails', () => {
  let cell: Cell;
  beforeAll(async () => {
    cell = await Cell.make();
  });
  afterAll(() => cell.close());

  it.each(points([5, 6], 12))('write %i: a weight that was taken is there after kill -9', async (n) => {
    const log = join(cell.site.data, `master-${n}.strace`);
    const more = { data: join(cell.site.data, `master-${n}`) };
    const sick = await cell.master(more, { through: failing(n, log) }).catch((error: Error) => error);
    const url = `http://${cell.masterAddress}/api/v1`;
    const taken: string[] = [];
    if (sick instanceof Error) expect(sick.message).toMatch(/EIO/);
    else {
      for (let i = 0; i < 6; i++) {
        const update_weights = { weight_infos: [{ role: `role-${i}`, weight: 2 + i }] };
        const body = { type: 'UPDATE_WEIGHTS', update_weights };
        const { status } = await call('POST', url, body).catch(() => ({ status: 0 }));
        if (status === 200) taken.push(`role-${i} ${2 + i}`);
      }
      await killInner(sick);
    }
    const well = await cell.master(more);
    const { json } = await call('POST', url, { type: 'GET_WEIGHTS' });
    // as Mesos has it: nothing at all where there are none
    const infos = (json.get_weights?.weight_infos ?? []) as { role: string; weight: number }[];
    const there = infos.map(({ role, weight }) => `${role} ${weight}`);
    expect(taken.filter((one) => !there.includes(one))).toEqual([]);
    await well.interrupt();
    struck(n, log);
  });
});

describe.skipIf(!isRoot || !canSeeProcesses)('disks that are full (needs root)', () => {
  let cell: Cell;
  let ledger: Ledger;
  let disk: string;

  beforeAll(async () => {
    cell = await Cell.make();
    disk = join(cell.site.data, 'small');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'rimrock-chaos', disk]);
    await cell.master();
    ledger = cell.ledger();
  });
  afterAll(async () => {
    for (const { pid } of cell.pids()) process.kill(pid, 'SIGKILL');
    execFileSync('umount', ['-l', disk]);
    await cell.close();
  });

  const fill = (): void => {
    const bytes = Buffer.alloc(4096);
    writeFileSync(join(disk, 'filler'), '');
    try {
      for (;;) appendFileSync(join(disk, 'filler'), bytes);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  };
  const start = (): Promise<Running> => cell.agent('small', { data: disk });

  it('of an agent: what runs goes on and is told, what is new is refused with a reason, over kill -9 too', async () => {
    let agent = await start();
    await ledger.launch(['kept', 'dying'].map((id) => ({ id, command: cell.forever() })));
    await ledger.reached(['kept', 'dying'], 'TASK_RUNNING');
    await eventually('the shells to have become what they run', () => cell.pids().length === 2);
    const before = cell.processes();
    fill();
    await ledger.launch([{ id: 'late', command: cell.forever() }]);
    await ledger.reached(['late'], 'TASK_FAILED');
    expect(ledger.of('late').at(-1)?.message).toContain('ENOSPC');
    expect(cell.processes()).toEqual(before);
    await agent.kill9();
    agent = await start();
    await cell.registered('small');
    expect(cell.processes()).toEqual(before);
    // a death is told although it cannot be written down
    await ledger.kill('dying');
    await ledger.reached(['dying'], 'TASK_KILLED');
    rmSync(join(disk, 'filler'));
    await ledger.launch([{ id: 'after', command: cell.brief(0) }]);
    await ledger.reached(['after'], 'TASK_FINISHED');
    expect(cell.processes()).toEqual(before.filter((line) => line.startsWith('kept')));
    expect(existsSync(join(disk, 'agent/meta/agent.json'))).toBe(true);
    expect(ledger.problems()).toEqual([]);
    await agent.kill9();
  });
});
