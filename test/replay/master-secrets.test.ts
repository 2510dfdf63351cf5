import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secretExecutor, secretTask, tellsSecret } from '../support/secret-task.ts';
import { post, startMaster, task, TestAgent, TestScheduler } from '../../src/master/testing/peers.ts';
import type { RunningMaster } from '../../src/master/testing/peers.ts';

const READS = ['GET_STATE', 'GET_TASKS', 'GET_EXECUTORS', 'GET_FRAMEWORKS', 'GET_AGENTS', 'GET_FLAGS'];
const PATHS = ['state', 'state-summary', 'tasks?limit=1000', 'frameworks', 'slaves', 'roles', 'flags'];

let master: RunningMaster;
beforeAll(async () => {
  master = await startMaster();
});
afterAll(() => master.stop());

const bytes = async (answer: Awaited<ReturnType<typeof post>>): Promise<Buffer> => {
  expect(answer.status).toBe(200);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Everything that can be read of the master, in every form. */
async function allReads(): Promise<Buffer[]> {
  const read = await Promise.all(
    PATHS.map(async (path) =>
      bytes(await master.http.request({ method: 'GET', url: `${master.url}/${path}` })),
    ),
  );
  for (const type of READS)
    for (const accept of ['application/json', 'application/x-protobuf'])
      read.push(await bytes(await post(master, '/api/v1', { type }, { accept })));
  return read;
}

describe('the values of secrets', () => {
  it('are in no document and no event of the master, wherever a task or an executor has them', async () => {
    const agent = await TestAgent.subscribe(master);
    const scheduler = await TestScheduler.subscribe(master);
    const watcher = await post(master, '/api/v1', { type: 'SUBSCRIBE' });
    const heard: Uint8Array[] = [];
    const listening = (async () => {
      for await (const chunk of watcher.body) heard.push(chunk);
    })().catch(() => {});
    const given = fc.record({ own: secretTask, ofExecutor: secretTask, executor: secretExecutor });
    const small = { resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.01 } }] };
    const task_infos = fc.sample(given, 40).flatMap(({ own, ofExecutor, executor }, i) => {
      const custom = { type: 'CUSTOM', executor_id: { value: `e${i}` }, ...executor };
      const { command: _none, ...rest } = { ...task(`of-executor-${i}`, agent.id), ...ofExecutor, ...small };
      return [task(`of-command-${i}`, agent.id, { ...own, ...small }), { ...rest, executor: custom }];
    });
    master.clock.advance(1);
    const offer = await scheduler.offer();
    const accepted = await scheduler.call('ACCEPT', {
      offer_ids: [offer.id],
      operations: [{ type: 'LAUNCH', launch: { task_infos } }],
    });
    expect(accepted.status).toBe(202);
    expect(tellsSecret(Buffer.from(JSON.stringify(task_infos)))).toBe(true);
    const reads = await allReads();
    for (const id of ['of-command-0', 'of-executor-0', 'of-command-39', 'of-executor-39'])
      expect(reads.filter((read) => read.includes(id)).length).toBe(7);
    expect(reads.filter(tellsSecret)).toEqual([]);
    await expect
      .poll(() => Buffer.concat(heard).includes('"of-executor-39"'), { timeout: 30_000 })
      .toBe(true);
    expect(tellsSecret(Buffer.concat(heard))).toBe(false);
    watcher.cancel();
    await listening;
  });
});
