import { afterEach, describe, expect, it } from 'vitest';
import { agentInfo, getJson, operate, startMaster, TestAgent } from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';

const masters: RunningMaster[] = [];
afterEach(async () => {
  for (const master of masters.splice(0)) await master.stop();
});

async function start(options?: Parameters<typeof startMaster>[0]): Promise<RunningMaster> {
  const master = await startMaster(options);
  masters.push(master);
  return master;
}

describe('/registrar(1)/registry', () => {
  it('names the agents that are there, awaited, unreachable and gone', async () => {
    const config = { pingIntervalSeconds: 1, maxPingTimeouts: 2 };
    const first = await start({ config });
    const registry = (master = first): Promise<unknown> => getJson(master, '/registrar(1)/registry');
    expect(await registry()).toEqual({
      master: { info: expect.objectContaining({ port: expect.any(Number) }) },
    });
    const agent = await TestAgent.subscribe(first, { info: agentInfo({ hostname: 'rack1-a' }) });
    const entry = { info: expect.objectContaining({ hostname: 'rack1-a', id: { value: agent.id } }) };
    expect(await registry()).toMatchObject({ slaves: { slaves: [{ ...entry, deactivated: false }] } });

    await first.stop();
    const second = await start({ store: first.store, seed: 2, config });
    expect(await registry(second)).toMatchObject({ slaves: { slaves: [entry] } });
    const back = await TestAgent.subscribe(second, {
      info: agentInfo({ hostname: 'rack1-a', id: { value: agent.id } }),
    });
    second.clock.advance(3000);
    await back.stream.end();
    const timestamp = { nanoseconds: expect.any(Number) };
    const away = await registry(second);
    expect(away).toMatchObject({ unreachable: { slaves: [{ id: { value: agent.id }, timestamp }] } });
    expect(away).not.toHaveProperty('slaves');

    await operate(second, { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: agent.id } } });
    expect(await registry(second)).toEqual({
      master: expect.anything(),
      gone: { slaves: [{ id: { value: agent.id }, timestamp }] },
    });
  });
});
