import { describe, expect, it, onTestFinished } from 'vitest';
import { memoryStore } from '../store/index.ts';
import {
  agentInfo,
  getJson,
  operate,
  post,
  startMaster,
  task,
  TestAgent,
  TestScheduler,
  watchOperator,
} from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';
import { starter } from './testing/stage.ts';

const start = starter(onTestFinished);

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

/** A running task `t1` of a framework that checkpoints and waits a minute for its scheduler. */
async function withTask(master: RunningMaster): Promise<{ agent: TestAgent; scheduler: TestScheduler }> {
  const agent = await TestAgent.subscribe(master);
  const scheduler = await TestScheduler.subscribe(master, { failover_timeout: 60, checkpoint: true });
  master.clock.advance(1);
  const offer = await scheduler.offer();
  await scheduler.call('ACCEPT', {
    offer_ids: [offer.id],
    operations: [{ type: 'LAUNCH', launch: { task_infos: [task('t1', agent.id)] } }],
  });
  await agent.stream.next('RUN_TASK');
  await agent.update(scheduler.id, 't1', 'TASK_RUNNING');
  await scheduler.status();
  return { agent, scheduler };
}

describe('schedulers that come and go', () => {
  it('the new stream of a framework wins, the old one hears why', async () => {
    const master = await start();
    const { scheduler } = await withTask(master);
    const again = await TestScheduler.subscribe(master, {
      id: { value: scheduler.id },
      failover_timeout: 60,
    });
    expect(again.id).toBe(scheduler.id);
    expect(await scheduler.stream.next('ERROR')).toMatchObject({
      error: { message: 'Framework failed over' },
    });
    await scheduler.stream.end();
    expect((await scheduler.call('REVIVE')).status).toBe(400);
    again.stream.close();
    const disconnected = async (): Promise<unknown> =>
      ((await getJson(master, '/frameworks'))['frameworks'] as { connected: boolean }[])[0]?.connected;
    while ((await disconnected()) === true);
    expect((await again.call('REVIVE')).status).toBe(403);
    master.clock.advance(61_000);
    const { completed_frameworks: completed } = await getJson(master, '/state');
    expect(completed).toMatchObject([{ id: scheduler.id, completed_tasks: [{ state: 'TASK_KILLED' }] }]);
    const late = await TestScheduler.open(master, { id: { value: scheduler.id } });
    expect(await late.stream.next()).toEqual({
      type: 'ERROR',
      error: { message: 'Framework has been removed' },
    });
    await late.stream.end();
  });

  it('heartbeats go on, and one record is one chunk of ASCII', async () => {
    const master = await start({ config: { heartbeatSeconds: 2 } });
    const scheduler = await TestScheduler.subscribe(master, { name: 'Überwacht' });
    await scheduler.stream.next('HEARTBEAT');
    master.clock.advance(2000);
    await scheduler.stream.next('HEARTBEAT');
    const response = await post(master, '/api/v1/operator?_ts=1', { type: 'SUBSCRIBE' });
    for await (const bytes of response.body) {
      const chunk = new TextDecoder().decode(bytes);
      expect(chunk).toContain('\\u00dcberwacht');
      const [length, record = ''] = chunk.split('\n');
      expect(JSON.parse(record.slice(0, Number(length)))).toMatchObject({ type: 'SUBSCRIBED' });
      break;
    }
  });
});

describe('agents that come and go', () => {
  it('a silent agent is unreachable, and welcome when it is back', async () => {
    const master = await start({ config: { pingIntervalSeconds: 1, maxPingTimeouts: 2 } });
    const { agent, scheduler } = await withTask(master);
    master.clock.advance(3000);
    expect(await scheduler.status()).toMatchObject({ state: 'TASK_LOST', reason: 'REASON_AGENT_REMOVED' });
    expect(await scheduler.stream.next('FAILURE')).toMatchObject({
      failure: { agent_id: { value: agent.id } },
    });
    await agent.stream.end();
    expect(await master.store.list('master/registry/')).toMatchObject([
      { key: `master/registry/unreachable/${agent.id}` },
    ]);
    const info = {
      id: { value: scheduler.id },
      user: 'root',
      name: 'test',
      failover_timeout: 60,
      checkpoint: true,
    };
    const back = await TestAgent.subscribe(master, {
      info: agentInfo({ id: { value: agent.id } }),
      frameworks: [info],
      tasks: [
        {
          framework_id: { value: scheduler.id },
          task: task('t1', agent.id) as never,
          state: 'TASK_RUNNING',
        },
      ],
    });
    expect(back.id).toBe(agent.id);
    expect(await scheduler.status()).toMatchObject({
      state: 'TASK_RUNNING',
      reason: 'REASON_AGENT_REREGISTERED',
    });
    expect(await master.store.list('master/registry/')).toMatchObject([
      { key: `master/registry/agents/${agent.id}` },
    ]);
  });

  it('a master that stops leaves agents and tasks alone; its successor gets them back', async () => {
    const store = memoryStore();
    const first = await startMaster({ store });
    const { agent, scheduler } = await withTask(first);
    await first.stop();
    await agent.stream.end();
    expect(agent.stream.seen.map((e) => e.type)).not.toContain('SHUTDOWN_FRAMEWORK');
    expect(first.health.report().ready).toBe(false);

    const master = await start({ store, seed: 2 });
    expect(await getJson(master, '/state')).toMatchObject({
      recovered_slaves: [{ id: agent.id }],
      slaves: [],
    });
    const framework = {
      id: { value: scheduler.id },
      user: 'root',
      name: 'test',
      failover_timeout: 60,
      checkpoint: true,
    };
    const lost = await TestScheduler.subscribe(master, { id: { value: 'another' } });
    await lost.call('RECONCILE', { tasks: [{ task_id: { value: 'x' }, agent_id: { value: agent.id } }] });
    const operator = await watchOperator(master);
    const back = await TestAgent.subscribe(master, {
      info: agentInfo({ id: { value: agent.id } }),
      frameworks: [framework],
      tasks: [
        { framework_id: { value: scheduler.id }, task: task('t1', agent.id) as never, state: 'TASK_RUNNING' },
      ],
    });
    await operator.next('AGENT_ADDED');
    expect(operator.seen.map((e) => e.type)).toEqual([
      'SUBSCRIBED',
      'HEARTBEAT',
      'FRAMEWORK_ADDED',
      'TASK_ADDED',
      'AGENT_ADDED',
    ]);
    expect(await getJson(master, '/frameworks?framework_id=' + scheduler.id)).toMatchObject({
      frameworks: [
        { recovered: true, connected: false, active: false, tasks: [{ id: 't1', state: 'TASK_RUNNING' }] },
      ],
    });
    const again = await TestScheduler.subscribe(master, framework);
    await back.stream.next('UPDATE_FRAMEWORK');
    await again.call('RECONCILE', { tasks: [] });
    expect(await again.status()).toMatchObject({ state: 'TASK_RUNNING', reason: 'REASON_RECONCILIATION' });
    expect(lost.stream.seen.some((e) => e.type === 'UPDATE')).toBe(false);
  });

  it('agents of the registry that stay away are given up', async () => {
    const store = memoryStore();
    const first = await startMaster({ store });
    const agent = await TestAgent.subscribe(first);
    await first.stop();
    const master = await start({ store, seed: 2 });
    master.clock.advance(601_000);
    for (;;) {
      const state = await getJson(master, '/state');
      if (state['unreachable_slaves'] === 1) break;
    }
    expect((await store.list('master/registry/')).map((e) => e.key)).toEqual([
      `master/registry/unreachable/${agent.id}`,
    ]);
  });

  it('a new agent at the address of one that the registry awaits stands for it: nobody waits on', async () => {
    const store = memoryStore();
    const first = await startMaster({ store });
    const lost = await TestAgent.subscribe(first);
    const other = await TestAgent.subscribe(first, { port: 5052, info: agentInfo({ port: 5052 }) });
    await first.stop();
    const master = await start({ store, seed: 2 });
    const agent = await TestAgent.subscribe(master);
    expect(agent.id).not.toBe(lost.id);
    expect(await getJson(master, '/slaves')).toMatchObject({
      slaves: [{ id: agent.id }],
      recovered_slaves: [{ id: other.id }],
    });
    expect((await store.list('master/registry/agents/')).map((e) => e.key).sort()).toEqual(
      [`master/registry/agents/${agent.id}`, `master/registry/agents/${other.id}`].sort(),
    );
    const scheduler = await TestScheduler.subscribe(master);
    await scheduler.call('RECONCILE', {
      tasks: [{ task_id: { value: 't1' }, agent_id: { value: lost.id } }],
    });
    expect(await scheduler.status()).toMatchObject({ task_id: { value: 't1' }, state: 'TASK_LOST' });
  });

  it('goodbye and gone', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master);
    const second = await TestAgent.subscribe(master, { port: 5052 });
    expect((await second.call({ type: 'UNREGISTER' })).status).toBe(202);
    await second.stream.end();
    expect(
      await operate(master, { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: agent.id } } }),
    ).toEqual({});
    expect((await agent.stream.next('SHUTDOWN')).shutdown.message).toBe('Agent has been marked gone');
    expect(await scheduler.status()).toMatchObject({
      state: 'TASK_LOST',
      message: 'Agent has been marked gone',
    });
    const back = await TestAgent.open(master, { info: agentInfo({ id: { value: agent.id } }) });
    expect(await back.next()).toMatchObject({ type: 'SHUTDOWN' });
    await back.end();
    expect((await second.call({ type: 'PONG' })).status).toBe(400);
  });

  it('a new agent takes the place of one at the same address; the same one asking again keeps its id', async () => {
    const master = await start();
    const agent = await TestAgent.subscribe(master);
    const same = await TestAgent.subscribe(master);
    expect(same.id).toBe(agent.id);
    const other = await TestAgent.subscribe(master, { info: agentInfo({ hostname: 'another' }) });
    expect(other.id).not.toBe(agent.id);
    expect((await getJson(master, '/slaves'))['slaves']).toMatchObject([
      { id: other.id, hostname: 'another' },
    ]);
  });
});

describe('operators', () => {
  it('beyond the limit the oldest stream is closed', async () => {
    const master = await start({ config: { maxOperatorSubscribers: 2 } });
    const streams = [await watchOperator(master), await watchOperator(master), await watchOperator(master)];
    await streams[0]?.end();
    await streams[2]?.next('HEARTBEAT');
    expect(streams.map((s) => s.ended)).toEqual([true, false, false]);
  });

  it('tear frameworks down, by form and by call', async () => {
    const master = await start();
    const one = await TestScheduler.subscribe(master);
    const two = await TestScheduler.subscribe(master);
    const form = await post(master, '/master/teardown', `frameworkId=${one.id}`, {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(form.status).toBe(200);
    await form.text();
    await one.stream.end();
    await operate(master, { type: 'TEARDOWN', teardown: { framework_id: { value: two.id } } });
    await two.stream.end();
    expect((await getJson(master, '/state'))['frameworks']).toEqual([]);
  });

  it('/ready and /metrics tell how it is', async () => {
    const master = await start();
    expect(await getJson(master, '/ready')).toMatchObject({ ready: true });
    await withTask(master);
    const response = await master.http.request({ method: 'GET', url: `${master.url}/metrics` });
    expect(await response.text()).toContain('rimrock_master_tasks{state="TASK_RUNNING"} 1');
    expect(await getJson(master, '/metrics/snapshot')).toMatchObject({
      'master/tasks_running': 1,
      'master/cpus_used': 0.1,
      'master/valid_status_updates': 1,
    });
  });
});

describe('start', () => {
  it('says which registry entry is broken', async () => {
    const store = memoryStore();
    await store.put('master/registry/agents/x', '{"hostname":');
    await expect(startMaster({ store })).rejects.toMatchObject({ code: 'MASTER_REGISTRY_CORRUPT' });
  });

  it('says that the port is taken', async () => {
    const { port } = (await start()).master.address;
    await expect(startMaster({ config: { port } })).rejects.toMatchObject({ code: 'MASTER_LISTEN_FAILED' });
  });
});
