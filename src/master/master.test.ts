import { afterEach, describe, expect, it } from 'vitest';
import {
  getJson,
  operate,
  startMaster,
  task,
  TestAgent,
  TestScheduler,
  watchOperator,
} from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';

const running: RunningMaster[] = [];
async function start(...args: Parameters<typeof startMaster>): Promise<RunningMaster> {
  const master = await startMaster(...args);
  running.push(master);
  return master;
}
afterEach(async () => {
  for (const master of running.splice(0)) await master.stop();
});

describe('a framework and an agent over real sockets', () => {
  it('launches, follows, kills and completes a task', async () => {
    const master = await start();
    const operator = await watchOperator(master);
    const agent = await TestAgent.subscribe(master);
    const scheduler = await TestScheduler.subscribe(master, { failover_timeout: 60, checkpoint: true });
    expect(await scheduler.stream.next()).toEqual({ type: 'HEARTBEAT' });
    master.clock.advance(1);
    const offer = await scheduler.offer();
    expect(offer).toMatchObject({
      agent_id: { value: agent.id },
      hostname: 'agent1.example.com',
      url: { scheme: 'http', address: { hostname: 'agent1.example.com', ip: '127.0.0.1', port: 5051 } },
    });
    expect(offer['allocation_info']).toBeUndefined();
    const accepted = await scheduler.call('ACCEPT', {
      offer_ids: [offer.id],
      operations: [{ type: 'LAUNCH', launch: { task_infos: [task('t1', agent.id)] } }],
    });
    expect(accepted.status).toBe(202);
    expect(accepted.headers['content-length']).toBe('0');
    const run = await agent.stream.next('RUN_TASK');
    expect(run.run_task.task.task_id.value).toBe('t1');
    expect(run.run_task.framework_info.id?.value).toBe(scheduler.id);

    const first = await agent.update(scheduler.id, 't1', 'TASK_RUNNING');
    expect(await scheduler.status()).toMatchObject({ state: 'TASK_RUNNING', uuid: first });
    await scheduler.call('ACKNOWLEDGE', {
      agent_id: { value: agent.id },
      task_id: { value: 't1' },
      uuid: first,
    });
    expect((await agent.stream.next('ACKNOWLEDGE')).acknowledge.uuid).toBe(first);

    const state = await getJson(master, '/master/state');
    expect(state['frameworks']).toMatchObject([
      { id: scheduler.id, tasks: [{ id: 't1', state: 'TASK_RUNNING' }] },
    ]);
    expect(state['slaves']).toMatchObject([{ used_resources: { cpus: 0.1, mem: 32 } }]);

    await scheduler.call('KILL', { task_id: { value: 't1' } });
    expect((await agent.stream.next('KILL_TASK')).kill_task.task_id.value).toBe('t1');
    const last = await agent.update(scheduler.id, 't1', 'TASK_KILLED');
    expect(await scheduler.status()).toMatchObject({ state: 'TASK_KILLED' });
    await scheduler.call('ACKNOWLEDGE', {
      agent_id: { value: agent.id },
      task_id: { value: 't1' },
      uuid: last,
    });
    await agent.stream.next('ACKNOWLEDGE');
    const tasks = await operate(master, { type: 'GET_TASKS' });
    expect(tasks['get_tasks']).toMatchObject({ tasks: [], completed_tasks: [{ state: 'TASK_KILLED' }] });

    expect((await scheduler.call('TEARDOWN')).status).toBe(202);
    await scheduler.stream.end();
    const events = operator.seen.map((e) => e.type);
    await operator.next('FRAMEWORK_REMOVED');
    expect(operator.seen.map((e) => e.type)).toEqual([
      'SUBSCRIBED',
      'HEARTBEAT',
      'AGENT_ADDED',
      'FRAMEWORK_ADDED',
      'TASK_ADDED',
      'TASK_UPDATED',
      'TASK_UPDATED',
      'FRAMEWORK_REMOVED',
    ]);
    expect(events.length).toBeGreaterThan(6);
  });
});
