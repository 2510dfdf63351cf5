import { describe, expect, it, onTestFinished } from 'vitest';
import { RimrockError } from '../core/errors.ts';
import { memoryStore } from '../store/index.ts';
import type { DrainConfig } from '../mesos/index.ts';
import { agentInfo, getJson, operate, TestAgent, TestScheduler, watchOperator } from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';
import { answerOf, starter, withTask } from './testing/stage.ts';

const start = starter(onTestFinished);

const AWARE = { capabilities: [{ type: 'PARTITION_AWARE' }] } as const;

type Json = Readonly<Record<string, unknown>>;
type Call = 'DRAIN_AGENT' | 'DEACTIVATE_AGENT' | 'REACTIVATE_AGENT' | 'MARK_AGENT_GONE';

async function order(master: RunningMaster, type: Call, agentId: string, more: Json = {}): Promise<string> {
  const call = { type, [type.toLowerCase()]: { agent_id: { value: agentId }, ...more } };
  return (await answerOf(master, '/api/v1', call)).trim();
}

/** The only agent as GET_AGENTS shows it, which /slaves and /state must agree with. */
async function shown(master: RunningMaster): Promise<Json> {
  const reply = (await operate(master, { type: 'GET_AGENTS' })) as { get_agents: { agents: Json[] } };
  const agent = reply.get_agents.agents[0] ?? {};
  const { active, deactivated, drain_info } = agent;
  const state = await getJson(master, '/state');
  for (const document of [state, await getJson(master, '/slaves')])
    expect(document['slaves']).toMatchObject([
      { active, deactivated, ...(drain_info ? { drain_info } : {}) },
    ]);
  expect([state['activated_slaves'], state['deactivated_slaves']]).toEqual(active === true ? [1, 0] : [0, 1]);
  return agent;
}

/** Wait until everything that an agent's last call has set off is written: writes are done in order. */
async function written(master: RunningMaster): Promise<void> {
  await order(master, 'REACTIVATE_AGENT', 'nobody');
}

const GRACE = { max_grace_period: { seconds: '5', nanos: 500_000_000 } };
const CONFIG: DrainConfig = { max_grace_period: { nanoseconds: 5_500_000_000 }, mark_gone: false };

async function endTask(agent: TestAgent, scheduler: TestScheduler): Promise<void> {
  const reason = { reason: 'REASON_AGENT_DRAINING' };
  const uuid = await agent.update(scheduler.id, 't1', 'TASK_KILLED', reason);
  expect(await scheduler.status()).toMatchObject({ state: 'TASK_KILLED', ...reason });
  await scheduler.call('ACKNOWLEDGE', { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid });
  await agent.stream.next('ACKNOWLEDGE');
}

describe('draining an agent', () => {
  it('takes back its offers, has it end its tasks, and is over when the last end was acknowledged', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master, AWARE);
    expect(await order(master, 'DRAIN_AGENT', agent.id, GRACE)).toBe('200');
    expect((await agent.stream.next('DRAIN')).drain.config).toEqual(CONFIG);
    await scheduler.stream.next('RESCIND');
    expect(await shown(master)).toMatchObject({
      active: false,
      deactivated: true,
      drain_info: { state: 'DRAINING', config: CONFIG },
      estimated_drain_start_time: { nanoseconds: Math.floor(master.clock.now() / 1000) * 1e9 },
    });
    const operator = await watchOperator(master);
    expect((await operator.next('SUBSCRIBED'))['subscribed']).toMatchObject({
      get_state: { get_agents: { agents: [{ deactivated: true, drain_info: { state: 'DRAINING' } }] } },
    });
    const uuid = await agent.update(scheduler.id, 't1', 'TASK_KILLED');
    await scheduler.status();
    expect((await shown(master))['drain_info']).toEqual({ state: 'DRAINING', config: CONFIG });
    await scheduler.call('ACKNOWLEDGE', { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid });
    await written(master);
    expect((await shown(master))['drain_info']).toEqual({ state: 'DRAINED', config: CONFIG });
    master.clock.advance(5000);
    expect(scheduler.stream.seen.filter((e) => e.type === 'OFFERS')).toHaveLength(2);

    expect(await order(master, 'REACTIVATE_AGENT', agent.id)).toBe('200');
    await agent.stream.next('CANCEL_DRAIN');
    master.clock.advance(1000);
    await scheduler.offer();
    const again = await shown(master);
    expect(again).toMatchObject({ active: true, deactivated: false });
    expect(Object.keys(again)).not.toContain('drain_info');
    expect(Object.keys(again)).not.toContain('estimated_drain_start_time');
  });

  it('marks it gone in the end, if so ordered', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master, AWARE);
    await order(master, 'DRAIN_AGENT', agent.id, { mark_gone: true });
    expect((await agent.stream.next('DRAIN')).drain.config).toEqual({ mark_gone: true });
    await endTask(agent, scheduler);
    expect((await agent.stream.next('SHUTDOWN')).shutdown.message).toBe('Agent has been marked gone');
    await agent.stream.end();
    const refused = await TestAgent.open(master, { info: agentInfo({ id: { value: agent.id } }) });
    expect(await refused.next()).toMatchObject({ type: 'SHUTDOWN' });
    expect(await order(master, 'DRAIN_AGENT', agent.id)).toBe('400 Unknown agent');
    expect(await order(master, 'MARK_AGENT_GONE', agent.id)).toBe('200');
  });

  it('is heard by an agent that was away, whoever is the master then', async () => {
    const master = await start();
    const agent = await TestAgent.subscribe(master);
    await master.stop();
    const next = await start({ store: master.store, seed: 2 });
    expect(await order(next, 'DRAIN_AGENT', agent.id, GRACE)).toBe('200');
    await next.stop();
    const last = await start({ store: master.store, seed: 3 });
    const info = agentInfo({ id: { value: agent.id } });
    const back = await TestAgent.subscribe(last, { info });
    expect((await back.stream.next('DRAIN')).drain.config).toEqual(CONFIG);
    await written(last);
    expect(await shown(last)).toMatchObject({ drain_info: { state: 'DRAINED' }, deactivated: true });
    back.stream.close();
    const again = await TestAgent.subscribe(last, { info, drain_config: CONFIG });
    await again.stream.next('DRAIN');
    expect(await shown(last)).toMatchObject({ drain_info: { state: 'DRAINED' }, deactivated: true });
  });

  it('that was ended while the agent was away is cancelled when it comes back', async () => {
    const master = await start();
    const { agent } = await withTask(master, AWARE);
    await order(master, 'DRAIN_AGENT', agent.id);
    agent.stream.close();
    await order(master, 'REACTIVATE_AGENT', agent.id);
    const info = agentInfo({ id: { value: agent.id } });
    const back = await TestAgent.subscribe(master, { info, drain_config: { mark_gone: false } });
    await back.stream.next('CANCEL_DRAIN');
    expect(await shown(master)).toMatchObject({ active: true, deactivated: false });
  });

  it('is refused for whom it is no use', async () => {
    const master = await start();
    const agent = await TestAgent.subscribe(master, { capabilities: [{ type: 'MULTI_ROLE' }] });
    expect(await order(master, 'DRAIN_AGENT', agent.id)).toContain('400 Agent is not capable of draining');
    expect(await order(master, 'DRAIN_AGENT', 'nobody')).toBe('400 Unknown agent');
    const able = await TestAgent.subscribe(master, { info: agentInfo({ port: 5052 }), port: 5052 });
    expect(await order(master, 'DRAIN_AGENT', able.id, { max_grace_period: { seconds: -1 } })).toContain(
      "400 'max_grace_period' must not be negative",
    );
    expect(await order(master, 'DRAIN_AGENT', able.id, { max_grace_period: '5s' })).toBe(
      "400 Failed to convert JSON into Call protobuf: Not expecting a JSON string for field 'max_grace_period'",
    );
  });
});

describe('deactivating an agent', () => {
  it('leaves its tasks alone, holds over a reconnection, and survives a failover', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master, AWARE);
    expect(await order(master, 'DEACTIVATE_AGENT', agent.id)).toBe('200');
    await scheduler.stream.next('RESCIND');
    expect(await shown(master)).toMatchObject({ active: false, deactivated: true });
    await agent.update(scheduler.id, 't1', 'TASK_RUNNING');
    await scheduler.status();
    expect(agent.stream.seen.map((e) => e.type)).not.toContain('DRAIN');
    await master.stop();
    const next = await start({ store: master.store, seed: 2 });
    const back = await TestAgent.subscribe(next, { info: agentInfo({ id: { value: agent.id } }) });
    expect(await shown(next)).toMatchObject({ active: false, deactivated: true });
    expect(await order(next, 'REACTIVATE_AGENT', back.id)).toBe('200');
    expect(await order(next, 'REACTIVATE_AGENT', back.id)).toBe('200');
    expect(await shown(next)).toMatchObject({ active: true, deactivated: false });
    expect(await order(next, 'DEACTIVATE_AGENT', 'nobody')).toBe('400 Unknown agent');
  });

  it('of one that is drained already changes nothing', async () => {
    const master = await start();
    const agent = await TestAgent.subscribe(master);
    await order(master, 'DRAIN_AGENT', agent.id);
    await order(master, 'DEACTIVATE_AGENT', agent.id);
    expect(await shown(master)).toMatchObject({ drain_info: { state: 'DRAINED' } });
  });
});

describe('marking an agent gone', () => {
  it('is refused while it is under way, and done once', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master, AWARE);
    const answers = await Promise.all([1, 2, 3].map(() => order(master, 'MARK_AGENT_GONE', agent.id)));
    // Whichever comes while the first is being written is refused; what comes after it finds the agent gone.
    for (const answer of answers)
      expect(['200', '503 Agent is currently being marked gone']).toContain(answer);
    expect(answers).toContain('200');
    expect(await scheduler.status()).toMatchObject({
      state: 'TASK_GONE_BY_OPERATOR',
      reason: 'REASON_AGENT_REMOVED_BY_OPERATOR',
    });
    expect(await order(master, 'MARK_AGENT_GONE', agent.id)).toBe('200');
    expect(await order(master, 'MARK_AGENT_GONE', 'nobody')).toBe("404 Agent 'nobody' not found");
    expect(await order(master, 'REACTIVATE_AGENT', agent.id)).toBe('400 Unknown agent');
  });

  it('excludes other orders until it is written', async () => {
    const store = memoryStore();
    const master = await start({ store });
    const agent = await TestAgent.subscribe(master);
    let write = (): void => {};
    const writeAll = store.write.bind(store);
    const begun = new Promise<void>((begin) => {
      store.write = async (changes) => {
        begin();
        await new Promise<void>((resolve) => {
          write = resolve;
        });
        return writeAll(changes);
      };
    });
    const gone = order(master, 'MARK_AGENT_GONE', agent.id);
    await begun;
    expect(await order(master, 'MARK_AGENT_GONE', agent.id)).toBe('503 Agent is currently being marked gone');
    expect((await shown(master))['active']).toBe(true);
    write();
    expect(await gone).toBe('200');
    expect(await getJson(master, '/slaves')).toMatchObject({ slaves: [] });
  });

  it('is not believed when the registry could not be written', async () => {
    const store = memoryStore();
    const master = await start({ store });
    const agent = await TestAgent.subscribe(master);
    store.put = () => Promise.reject(new Error('disk full'));
    store.write = () => Promise.reject(new Error('disk full'));
    for (const type of ['MARK_AGENT_GONE', 'DRAIN_AGENT', 'DEACTIVATE_AGENT'] as const)
      expect(await order(master, type, agent.id)).toBe('503 The registry cannot be written');
    expect(await shown(master)).toMatchObject({ active: true, deactivated: false });
  });
});

describe('agents that do not answer', () => {
  const silence = async (master: RunningMaster, answering: TestAgent, rounds: number): Promise<void> => {
    for (let i = 0; i < rounds; i++) {
      master.clock.advance(15_000);
      await answering.call({ type: 'PONG' });
    }
  };
  const metrics = async (master: RunningMaster): Promise<number[]> => {
    const all = await getJson(master, '/metrics/snapshot');
    return ['scheduled', 'canceled', 'completed'].map(
      (what) => all[`master/slave_unreachable_${what}`] as number,
    );
  };

  it('are given up at the rate that is configured; one that answers meanwhile stays', async () => {
    const master = await start({ config: { agentRemovalRateLimit: '1/10mins' } });
    const at = (port: number): Promise<TestAgent> =>
      TestAgent.subscribe(master, { info: agentInfo({ port }), port });
    const [answering, first, second] = [await at(1), await at(2), await at(3)];
    await silence(master, answering, 6);
    await first.stream.end();
    expect(await metrics(master)).toEqual([2, 0, 1]);
    await second.call({ type: 'PONG' });
    expect(await metrics(master)).toEqual([2, 1, 1]);
    master.clock.advance(1);
    await silence(master, answering, 6);
    expect(await metrics(master)).toEqual([3, 1, 1]);
    expect((await getJson(master, '/state'))['activated_slaves']).toBe(2);
    await silence(master, answering, 40);
    await second.stream.end();
    expect(await metrics(master)).toEqual([3, 1, 2]);
  });

  it('after a failover: the master ends rather than give up more of them than it may', async () => {
    const master = await start();
    for (const port of [1, 2, 3, 4]) await TestAgent.subscribe(master, { info: agentInfo({ port }), port });
    const ids = ((await getJson(master, '/slaves')) as { slaves: { id: string; port: number }[] }).slaves;
    await master.stop();
    const limited = async (backAgain: number): Promise<{ failed: unknown[]; next: RunningMaster }> => {
      const failed: unknown[] = [];
      const next = await start({
        store: master.store,
        seed: 2 + backAgain,
        config: { recoveryAgentRemovalLimitPercent: 50, pingIntervalSeconds: 1000 },
        fail: (error) => void failed.push(error),
      });
      for (const { id, port } of ids.slice(0, backAgain))
        await TestAgent.subscribe(next, { info: agentInfo({ port, id: { value: id } }), port });
      next.clock.advance(601_000);
      await written(next);
      return { failed, next };
    };
    const few = await limited(1);
    expect(few.failed).toHaveLength(1);
    expect(few.failed[0]).toBeInstanceOf(RimrockError);
    expect(few.failed[0]).toMatchObject({
      code: 'MASTER_TOO_MANY_AGENTS_LOST',
      message: expect.stringContaining('3 of the 4 agents'),
    });
    expect((await getJson(few.next, '/state'))['unreachable_slaves']).toBe(0);
    await few.next.stop();
    const half = await limited(2);
    expect(half.failed).toEqual([]);
    expect((await getJson(half.next, '/state'))['unreachable_slaves']).toBe(2);
  });
});
