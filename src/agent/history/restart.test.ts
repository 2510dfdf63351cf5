import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../core/http/client.ts';
import { isTerminal } from '../../mesos/index.ts';
import { FakeMaster } from '../testing/fake-master.ts';
import { realAgent } from '../testing/real-agent.ts';
import type { Agent } from '../testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from '../testing/task-context.ts';

// An agent that is started again: what ended before is found by the same APIs, with what it wrote.

const http = createHttpClient();
afterAll(() => http.close());
let folder: string;
let master: FakeMaster;
let place: string;
let agent: Agent | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'history-'));
  master = new FakeMaster();
  place = await master.listen();
});
afterEach(async () => {
  await agent?.stop();
  await master.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20 });
});

async function start(): Promise<void> {
  const before = master.subscriptions.length;
  agent = realAgent(
    {
      hostname: 'agent.example.test',
      master: place,
      workDir: folder,
      isolation: 'process',
      reconfigurationPolicy: 'additive',
    },
    { environment: { PATH: '/usr/bin:/bin' } },
  );
  await agent.start();
  await master.until(() => master.subscriptions.length > before);
}
const url = (path: string): string => `http://${agent?.address.host}:${agent?.address.port}${path}`;
const get = async (path: string): Promise<{ status: number; text: string }> => {
  const answer = await http.request({ method: 'GET', url: url(path) });
  return { status: answer.status, text: await answer.text() };
};
async function call(type: string): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const answer = await http.request({
    method: 'POST',
    url: url('/api/v1'),
    headers,
    body: JSON.stringify({ type }),
  });
  return (
    (JSON.parse(await answer.text()) as Record<string, Record<string, unknown>>)[type.toLowerCase()] ?? {}
  );
}
/** All that was said of a task is acknowledged, its end too. */
async function ended(id: string): Promise<void> {
  const acknowledged = new Set<string>();
  await master.until(() => {
    for (const { uuid = '', task_id } of master.statuses(id)) {
      if (acknowledged.has(uuid)) continue;
      acknowledged.add(uuid);
      master.send({
        type: 'ACKNOWLEDGE',
        acknowledge: { framework_id: { value: 'fw-1' }, task_id, uuid },
      });
    }
    return master.statuses(id).some(({ state }) => isTerminal(state));
  });
}
interface StateDocument {
  readonly frameworks: readonly unknown[];
  readonly completed_frameworks: readonly {
    readonly id: string;
    readonly completed_executors: readonly {
      readonly id: string;
      readonly directory: string;
      readonly completed_tasks: readonly { readonly id: string; readonly state: string }[];
    }[];
  }[];
}
const state = async (): Promise<StateDocument> => JSON.parse((await get('/state')).text) as StateDocument;

describe('an agent that is started again', () => {
  it('shows command tasks and task groups that ended before, and what they wrote', async () => {
    await start();
    const [command, member] = [taskInfo('t', { command: { value: 'echo from t' } }), taskInfo('m')];
    master.send({ type: 'RUN_TASK', run_task: { framework_info: FRAMEWORK, task: command } });
    master.send({
      type: 'RUN_TASK_GROUP',
      run_task_group: {
        framework_info: FRAMEWORK,
        executor_info: { type: 'DEFAULT', executor_id: { value: 'pod' }, framework_id: { value: 'fw-1' } },
        tasks: [{ ...member, command: { value: 'echo from m; exit 3' } }],
      },
    });
    await Promise.all([ended('t'), ended('m')]);
    const executors = async () => (await state()).completed_frameworks[0]?.completed_executors ?? [];
    await expect.poll(async () => (await executors()).length, { timeout: 30_000 }).toBe(2);
    const before = {
      state: (await state()).completed_frameworks,
      tasks: await call('GET_TASKS'),
      executors: await call('GET_EXECUTORS'),
      frameworks: await call('GET_FRAMEWORKS'),
    };
    await agent?.stop();
    await start();
    const after = {
      state: (await state()).completed_frameworks,
      tasks: await call('GET_TASKS'),
      executors: await call('GET_EXECUTORS'),
      frameworks: await call('GET_FRAMEWORKS'),
    };
    expect(after).toEqual(before);
    const shown = (await executors()).map(({ id, completed_tasks }) => [
      id,
      completed_tasks.map((task) => `${task.id} ${task.state}`),
    ]);
    expect(shown).toHaveLength(2);
    expect(shown).toEqual(
      expect.arrayContaining([
        ['pod', ['m TASK_FAILED']],
        ['t', ['t TASK_FINISHED']],
      ]),
    );
    expect((before.tasks['completed_tasks'] as unknown[]).length).toBe(2);
    const directory = (await executors()).find(({ id }) => id === 't')?.directory ?? '';
    const texts = await Promise.all(
      [
        `${directory}/stdout`,
        join(directory, '../latest/stdout'),
        '/frameworks/fw-1/executors/t/runs/latest/stdout',
        '/frameworks/fw-1/executors/pod/runs/latest/tasks/m/stdout',
      ].map(async (path) => (await get(`/files/download?path=${encodeURIComponent(path)}`)).text),
    );
    expect(texts).toEqual(['from t\n', 'from t\n', 'from t\n', 'from m\n']);
  });

  it('shows nothing of the agent that it was under another id', async () => {
    await start();
    const command = taskInfo('t', { command: { value: 'true' } });
    master.send({ type: 'RUN_TASK', run_task: { framework_info: FRAMEWORK, task: command } });
    await ended('t');
    await expect.poll(async () => (await state()).completed_frameworks.length, { timeout: 30_000 }).toBe(1);
    await agent?.stop();
    await rm(join(folder, 'meta/agent.json'));
    await start();
    expect((await state()).completed_frameworks).toEqual([]);
    expect(await readdir(join(folder, 'meta/slaves'))).toEqual([]);
  });
});
