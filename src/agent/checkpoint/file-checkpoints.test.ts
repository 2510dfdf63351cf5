import { appendFile, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FRAMEWORK, taskInfo } from '../testing/task-context.ts';
import { openFileCheckpoints } from './file-checkpoints.ts';
import { Layout } from './layout.ts';
import type { Checkpoints, LaunchRecord, RunPlace } from './records.ts';

let folder: string;
let checkpoints: Checkpoints;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoints-'));
  checkpoints = await openFileCheckpoints(folder, silentLogger);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const place = (taskId: string, containerId = `c-${taskId}`): RunPlace => ({
  agentId: 'S0',
  frameworkId: 'fw-1',
  taskId,
  containerId,
});
const launch = (p: RunPlace, version = 1): LaunchRecord => ({
  type: 'LAUNCH',
  version,
  agentId: p.agentId,
  containerId: p.containerId,
  framework: FRAMEWORK,
  task: taskInfo(p.taskId),
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
    expect(runs.map((r) => r.place.taskId)).toEqual(['good']);
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

  it('say what is wrong with a folder that cannot be used', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openFileCheckpoints(join(folder, 'file/x'), silentLogger)).rejects.toMatchObject({
      code: 'AGENT_WORK_DIR',
    });
  });
});
