import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { recordedBody } from '../support/replay-captures.ts';
import { ReplayFollower } from '../support/replay-follower.ts';
import { ReplayMaster } from '../support/replay-master.ts';

interface Agent {
  readonly agent_info: { readonly id: { readonly value: string } };
}
interface GetState {
  readonly get_agents: { readonly agents: readonly Agent[] };
  readonly get_tasks: { readonly tasks: readonly { readonly agent_id: { readonly value: string } }[] };
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(mode: ReplayMaster['mode']): Promise<{ m: ReplayMaster; f: ReplayFollower }> {
  const m = (await new ReplayMaster().listen()).situation('dns');
  cleanups.push(() => m.close());
  m.mode = mode;
  const f = new ReplayFollower({ masters: [m.address], auditMs: 10 });
  cleanups.push(() => f.stop());
  await f.until((x) => x.kinds === 'snapshot');
  return { m, f };
}

describe('a new leader that has yet to see its agents', () => {
  const { get_state } = recordedBody('dns', 'v1_GET_STATE') as { readonly get_state: GetState };
  const [one, two] = get_state.get_agents.agents as readonly [Agent, Agent];
  const tasksOn = (agent: Agent): readonly unknown[] =>
    get_state.get_tasks.tasks.filter((t) => t.agent_id.value === agent.agent_info.id.value);

  it('does not empty the catalog: what ran stays until its agent is back or given up (stream)', async () => {
    const { m, f } = await start('modern');
    const recovered = [one.agent_info, two.agent_info];
    // What a leader knows right after a fail-over: the agents of its registry, and nothing else.
    m.getState = {
      get_agents: { agents: [], recovered_agents: recovered },
      get_frameworks: {},
      get_tasks: {},
    };
    m.getAgents = { agents: [], recovered_agents: recovered };
    m.summary = { slaves: [], frameworks: [] };
    m.drop();
    await f.until((x) => x.kinds.startsWith('snapshot stale snapshot'));
    expect([f.state.agents.size, f.state.frameworks.size, f.state.tasks.size]).toEqual([2, 3, 13]);
    // One agent returns with a single task, which was all that still ran there.
    const [task] = tasksOn(one);
    m.getAgents = { agents: [one], recovered_agents: [two.agent_info] };
    m.summary = { slaves: [{ id: one.agent_info.id.value }], frameworks: [] };
    m.send(
      { type: 'TASK_ADDED', task_added: { task } },
      { type: 'AGENT_ADDED', agent_added: { agent: one } },
    );
    await f.until((x) => x.state.tasks.size === 1 + tasksOn(two).length);
    expect(f.state.agents.size).toBe(2);
    // The other one never does.
    m.getAgents = { agents: [one], recovered_agents: [] };
    await f.until((x) => x.state.agents.size === 1);
    expect(f.state.tasks.size).toBe(1);
    await f.until((x) => x.state.frameworks.size === 1);
  });

  it('does not empty the catalog when its registry was empty, for as long as it says so (stream)', async () => {
    const { m, f } = await start('modern');
    m.getState = { get_agents: { agents: [] }, get_frameworks: {}, get_tasks: {} };
    m.getAgents = { agents: [] };
    m.getMaster = {};
    m.summary = { slaves: [], frameworks: [] };
    m.beganEmpty = true;
    m.drop();
    await f.until((x) => x.kinds.startsWith('snapshot stale snapshot'));
    expect([f.state.agents.size, f.state.frameworks.size, f.state.tasks.size]).toEqual([2, 3, 13]);
    const [task] = tasksOn(one);
    m.send(
      { type: 'TASK_ADDED', task_added: { task } },
      { type: 'AGENT_ADDED', agent_added: { agent: one } },
    );
    m.getAgents = { agents: [one] };
    m.summary = { slaves: [{ id: one.agent_info.id.value }], frameworks: [] };
    await f.until((x) => x.state.tasks.size === 1 + tasksOn(two).length);
    // two looks at what it knows change nothing
    const looks = (): number => m.requests.filter((r) => r.body.includes('GET_AGENTS')).length;
    const before = looks();
    await eventually('two looks', () => looks() >= before + 2);
    expect(f.state.agents.size).toBe(2);
    m.beganEmpty = false;
    await f.until((x) => x.state.agents.size === 1);
    expect(f.state.tasks.size).toBe(1);
  });

  it('does not empty the catalog when its registry was empty (polled)', async () => {
    const { m, f } = await start('old');
    const full = recordedBody('dns', 'GET_state') as object;
    m.beganEmpty = true;
    m.state = { ...full, slaves: [], frameworks: [], recovered_slaves: [] };
    await f.until((x) => [...x.state.frameworks.values()].every((framework) => !framework.active));
    expect([f.state.agents.size, f.state.tasks.size]).toEqual([2, 13]);
    m.beganEmpty = false; // and the document is the same as before
    await f.until((x) => x.state.agents.size === 0);
    expect(f.state.tasks.size).toBe(0);
  });

  it('does not empty the catalog (polled)', async () => {
    const { m, f } = await start('old');
    const full = recordedBody('dns', 'GET_state') as { readonly slaves: readonly { readonly id: string }[] };
    m.state = {
      ...full,
      slaves: [],
      frameworks: [],
      recovered_slaves: full.slaves.map(({ id }) => ({ id })),
    };
    await f.until((x) => [...x.state.frameworks.values()].every((framework) => !framework.active));
    expect([f.state.agents.size, f.state.tasks.size]).toEqual([2, 13]);
    m.state = { ...full, slaves: [], frameworks: [], recovered_slaves: [{ id: full.slaves[0]?.id }] };
    await f.until((x) => x.state.agents.size === 1);
    expect(f.state.tasks.size).toBe(tasksOn(one).length);
    m.state = full;
    await f.until((x) => x.state.tasks.size === 13);
  });
});
