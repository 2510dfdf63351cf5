import { appendFile, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FRAMEWORK, taskInfo } from '../testing/task-context.ts';
import { openFileCheckpoints } from './file-checkpoints.ts';
import { Layout } from './layout.ts';
import type { Checkpoints, LaunchRecord, PastRun, RunPlace } from './records.ts';

let folder: string;
let checkpoints: Checkpoints;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoints-'));
  checkpoints = await openFileCheckpoints(folder, silentLogger);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const place = (executorId: string, containerId = `c-${executorId}`): RunPlace => ({
  agentId: 'S0',
  frameworkId: 'fw-1',
  executorId,
  containerId,
});
const launch = (p: RunPlace, version = 1): LaunchRecord => ({
  type: 'LAUNCH',
  version,
  agentId: p.agentId,
  containerId: p.containerId,
  framework: FRAMEWORK,
  task: taskInfo(p.executorId),
  at: 1,
});
const ack = (uuid: string) => ({ type: 'ACK', uuid }) as const;

describe('checkpoints in files', () => {
  it('give back what was written, in order', async () => {
    await checkpoints.writeAgent({ version: 1, agentId: 'S0' });
    const journal = await checkpoints.create(place('t'), launch(place('t')));
    await Promise.all([journal.append(ack('a')), journal.append(ack('b'))]);
    await journal.close();
    const again = await openFileCheckpoints(folder, silentLogger);
    expect(await again.readAgent()).toEqual({ version: 1, agentId: 'S0' });
    const [run] = await again.recover();
    expect(run?.place).toEqual(place('t'));
    expect(run?.records).toEqual([launch(place('t')), ack('a'), ack('b')]);
    await run?.journal.close();
  });

  it('cut off a last line that a crash tore, at every byte', async () => {
    const journal = await checkpoints.create(place('t'), launch(place('t')));
    await journal.append(ack('a'));
    await journal.close();
    const path = new Layout(folder).journal(place('t'));
    const whole = await readFile(path, 'utf8');
    const first = whole.indexOf('\n') + 1;
    for (let cut = first; cut < whole.length; cut++) {
      await writeFile(path, whole.slice(0, cut));
      const [run] = await checkpoints.recover();
      expect(run?.records).toEqual([launch(place('t'))]);
      await run?.journal.append(ack('b'));
      await run?.journal.close();
      expect(await readFile(path, 'utf8')).toBe(`${whole.slice(0, first)}${JSON.stringify(ack('b'))}\n`);
    }
  });

  it('replace the records of a journal as a whole, and go on after them', async () => {
    const journal = await checkpoints.create(place('t'), launch(place('t')));
    await Promise.all([
      journal.append(ack('a')),
      journal.rewrite([launch(place('t')), ack('b')]),
      journal.append(ack('c')),
    ]);
    await journal.close();
    const [run] = await checkpoints.recover();
    expect(run?.records).toEqual([launch(place('t')), ack('b'), ack('c')]);
    await run?.journal.close();
    expect(await readdir(join(new Layout(folder).metaRun(place('t'))))).toEqual(['journal.jsonl']);
  });

  it('have folders for containers inside of a container', async () => {
    const sandbox = await checkpoints.createSandbox(place('t'), 'inside');
    expect(sandbox).toBe(join(checkpoints.sandboxDir(place('t')), 'containers/inside'));
    await rm(checkpoints.runtimeDir(place('t'), 'inside'), { recursive: true }); // it was there
  });

  it('take a run whose first record was torn for one that never was', async () => {
    await (await checkpoints.create(place('t'), launch(place('t')))).close();
    const path = new Layout(folder).journal(place('t'));
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -1));
    expect(await checkpoints.recover()).toEqual([]);
    expect(await readdir(join(folder, 'meta/slaves'))).toEqual([]);
  });

  it('set a damaged or newer run aside, and hurt no other', async () => {
    for (const t of ['damaged', 'good']) await (await checkpoints.create(place(t), launch(place(t)))).close();
    await (await checkpoints.create(place('newer'), launch(place('newer'), 99))).close();
    await appendFile(new Layout(folder).journal(place('damaged')), 'garbage\n');
    const runs = await checkpoints.recover();
    expect(runs.map((r) => r.place.executorId)).toEqual(['good']);
    for (const run of runs) await run.journal.close();
    expect((await readdir(join(folder, 'meta/slaves/S0/frameworks/fw-1/executors'))).sort()).toEqual([
      'damaged',
      'good',
      'newer',
    ]);
  });

  it('refuse an agent file of a newer format or one that is no JSON', async () => {
    await checkpoints.writeAgent({ version: 99, agentId: 'S0' });
    await expect(checkpoints.readAgent()).rejects.toMatchObject({ code: 'AGENT_CHECKPOINT_VERSION' });
    await writeFile(join(folder, 'meta/agent.json'), '{');
    await expect(checkpoints.readAgent()).rejects.toMatchObject({ code: 'AGENT_CHECKPOINT_DAMAGED' });
  });

  it('point latest at the newest sandbox and remove folders without a trace', async () => {
    await checkpoints.createSandbox(place('t', 'c1'));
    const second = await checkpoints.createSandbox(place('t', 'c2'));
    expect(await readlink(join(second, '../latest'))).toBe('c2');
    await checkpoints.removeSandbox(place('t', 'c1'));
    expect((await readdir(join(second, '..'))).sort()).toEqual(['c2', 'latest']);
    await checkpoints.removeSandbox(place('t', 'c2'));
    expect(await readdir(join(folder, 'slaves'))).toEqual([]);
  });

  const past = (p: RunPlace, endedMs: number): PastRun => ({
    version: 1,
    place: p,
    framework: FRAMEWORK,
    executor: { executor_id: { value: p.executorId } },
    isOfCommand: true,
    tasks: [],
    endedMs,
  });

  it('keep a memory of what is over, and nothing else of it', async () => {
    await checkpoints.createSandbox(place('late'));
    for (const t of ['late', 'early', 'lives'])
      await (await checkpoints.create(place(t), launch(place(t)))).close();
    await checkpoints.complete(past(place('late'), 2));
    await checkpoints.complete(past(place('early'), 1));
    expect(await checkpoints.completed()).toEqual([past(place('early'), 1), past(place('late'), 2)]);
    const runs = await checkpoints.recover();
    expect(runs.map((r) => r.place.executorId)).toEqual(['lives']);
    for (const run of runs) await run.journal.close();
    expect(await readdir(checkpoints.runtimeDir(place('late')))).toEqual(['past.json']);
    await checkpoints.removeSandbox(place('late'));
    expect((await checkpoints.completed()).map((p) => p.place.executorId)).toEqual(['early']);
    await checkpoints.removeSandbox(place('lives')); // it is no memory: its journal stays
    await checkpoints.remove(place('early'));
    expect(await checkpoints.completed()).toEqual([]);
    expect(await readdir(join(folder, 'meta/slaves/S0/frameworks/fw-1/executors'))).toEqual(['lives']);
  });

  it('take a crash while a run was completed for before or after; a memory that cannot be read goes', async () => {
    const layout = new Layout(folder);
    for (const t of ['before', 'after', 'torn'])
      await (await checkpoints.create(place(t), launch(place(t)))).close();
    const text = JSON.stringify(past(place('after'), 1));
    await writeFile(`${layout.past(place('before'))}.new`, text.slice(0, 20));
    await writeFile(layout.past(place('after')), text);
    await rm(layout.journal(place('torn')));
    await writeFile(layout.past(place('torn')), text.slice(0, 20));
    const runs = await checkpoints.recover();
    expect(runs.map((r) => r.place.executorId)).toEqual(['before']);
    for (const run of runs) await run.journal.close();
    expect((await checkpoints.completed()).map((p) => p.place.executorId)).toEqual(['after']);
    expect(await readdir(checkpoints.runtimeDir(place('after')))).toEqual(['past.json']);
    expect((await readdir(join(folder, 'meta/slaves/S0/frameworks/fw-1/executors'))).sort()).toEqual([
      'after',
      'before',
    ]);
  });

  it('say what is wrong with a folder that cannot be used', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openFileCheckpoints(join(folder, 'file/x'), silentLogger)).rejects.toMatchObject({
      code: 'AGENT_WORK_DIR',
    });
  });
});
