import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getJson, operate, post, startMaster, task, TestScheduler } from '../../src/master/testing/peers.ts';
import type { RunningMaster } from '../../src/master/testing/peers.ts';
import { eventually } from '../support/eventually.ts';
import { realAgent } from '../../src/agent/testing/real-agent.ts';
import type { Agent } from '../../src/agent/testing/real-agent.ts';

// Our master and our agent, over real sockets, with real processes: an operator drains a machine, and either of them is
// restarted on the way.

type Json = Readonly<Record<string, unknown>>;

let folder: string;
let master: RunningMaster;
let agent: Agent;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drain-'));
  master = await startMaster();
  agent = await startAgent();
});
afterEach(async () => {
  await agent.stop();
  agent = await startAgent('kill');
  await agent.stop();
  await master.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 20 });
});

async function startAgent(onStop = 'leave'): Promise<Agent> {
  const one = realAgent({
    master: master.url,
    workDir: folder,
    hostname: 'agent.example.test',
    onStop,
  });
  await one.start();
  return one;
}

async function agentState(): Promise<Json> {
  const { port } = agent.address;
  const reply = await master.http.request({ method: 'GET', url: `http://127.0.0.1:${port}/state` });
  return JSON.parse(await reply.text()) as Json;
}

async function registered(): Promise<string> {
  return eventually('the agent to be registered', async () => {
    const { slaves } = (await getJson(master, '/slaves')) as { slaves: { id: string; active: boolean }[] };
    return slaves[0]?.id;
  });
}

async function order(type: string, agentId: string, more: Json = {}): Promise<void> {
  const payload = { agent_id: { value: agentId }, ...more };
  const reply = await post(master, '/api/v1', { type, [type.toLowerCase()]: payload });
  expect([type, reply.status, await reply.text()]).toEqual([type, 200, '']);
}

async function drainState(): Promise<unknown> {
  const reply = (await operate(master, { type: 'GET_AGENTS' })) as {
    get_agents: { agents: { drain_info?: { state: string } }[] };
  };
  return reply.get_agents.agents[0]?.drain_info?.state;
}

/** The next status of a task that is in this state; all are acknowledged. */
async function reached(scheduler: TestScheduler, state: string): Promise<Json> {
  for (;;) {
    const status = await scheduler.status();
    const { agent_id, task_id, uuid } = status;
    if (uuid !== undefined) await scheduler.call('ACKNOWLEDGE', { agent_id, task_id, uuid });
    if (status.state === state) return status;
  }
}

async function launch(scheduler: TestScheduler, agentId: string, value: string): Promise<void> {
  master.clock.advance(1000);
  const offer = await scheduler.offer();
  const kill_policy = { grace_period: { nanoseconds: 600e9 } };
  const info = task('t1', agentId, { command: { value }, kill_policy });
  await scheduler.call('ACCEPT', {
    offer_ids: [offer.id],
    operations: [{ type: 'LAUNCH', launch: { task_infos: [info] } }],
  });
  await reached(scheduler, 'TASK_RUNNING');
}

const FRAMEWORK = {
  failover_timeout: 600,
  checkpoint: true,
  capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
};

describe('draining a machine', () => {
  it('ends what runs there in the time that is given, and keeps it empty until it is reactivated', async () => {
    const agentId = await registered();
    const scheduler = await TestScheduler.subscribe(master, FRAMEWORK);
    await launch(scheduler, agentId, 'trap "" TERM; while :; do sleep 1; done');
    await order('DRAIN_AGENT', agentId, { max_grace_period: { nanos: 300_000_000 } });
    expect(await reached(scheduler, 'TASK_KILLING')).toMatchObject({ reason: 'REASON_AGENT_DRAINING' });
    expect(await agentState()).toMatchObject({
      drain_config: { max_grace_period: { nanoseconds: 300_000_000 }, mark_gone: false },
      estimated_drain_start_time_seconds: expect.any(Number),
      capabilities: expect.arrayContaining(['AGENT_DRAINING']),
    });
    const url = `http://127.0.0.1:${agent.address.port}`;
    const own = await post({ http: master.http, url }, '/api/v1', { type: 'GET_AGENT' });
    expect(JSON.parse(await own.text())).toMatchObject({
      get_agent: {
        drain_config: { mark_gone: false },
        estimated_drain_start_time: { nanoseconds: expect.any(Number) },
      },
    });
    expect(await reached(scheduler, 'TASK_KILLED')).toMatchObject({ reason: 'REASON_AGENT_DRAINING' });
    await eventually('the agent to be drained', async () => (await drainState()) === 'DRAINED');
    await order('REACTIVATE_AGENT', agentId);
    await eventually('the agent to know', async () => !Object.hasOwn(await agentState(), 'drain_config'));
    // the same id, whose end has just been acknowledged
    await launch(scheduler, agentId, 'sleep 1000');
  });

  it('goes on over a restart of the agent and of the master, to the end that was ordered', async () => {
    const agentId = await registered();
    const scheduler = await TestScheduler.subscribe(master, FRAMEWORK);
    await launch(scheduler, agentId, 'trap "" TERM; while :; do sleep 1; done');
    await agent.stop();
    await eventually('the agent to be away', async () => {
      const { slaves } = (await getJson(master, '/slaves')) as { slaves: { active: boolean }[] };
      return slaves[0]?.active === false;
    });
    await order('DRAIN_AGENT', agentId, { max_grace_period: { seconds: 600 }, mark_gone: true });
    agent = await startAgent();
    await reached(scheduler, 'TASK_KILLING');
    await agent.stop();

    const { port } = master.master.address;
    await master.stop();
    master = await startMaster({ store: master.store, seed: 2, config: { port } });
    const back = await TestScheduler.subscribe(master, { ...FRAMEWORK, id: { value: scheduler.id } });
    agent = await startAgent();
    expect(await registered()).toBe(agentId);
    expect(await drainState()).toBe('DRAINING');
    // Less time than before: what the agent does with it comes nearer.
    await order('DRAIN_AGENT', agentId, { max_grace_period: { nanos: 100_000_000 }, mark_gone: true });
    expect(await reached(back, 'TASK_KILLED')).toMatchObject({ reason: 'REASON_AGENT_DRAINING' });
    await eventually('the agent to be gone', async () => {
      const { slaves } = (await getJson(master, '/slaves')) as { slaves: unknown[] };
      return slaves.length === 0;
    });
    await back.stream.next('FAILURE');
  });
});
