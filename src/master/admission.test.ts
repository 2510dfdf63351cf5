import { describe, expect, it } from 'vitest';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { silentLogger } from '../core/log.ts';
import { seededRandom } from '../core/random.ts';
import { memoryStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { letIn } from './admission.ts';
import { Engine } from './engine.ts';
import { agentSubscribe, decodeAgentCall } from './input/agent-call.ts';
import type { AgentSubscribe } from './input/agent-call.ts';
import { masterConfigSchema } from './config.ts';
import { masterInfo } from './master-info.ts';
import { recover } from './recovery.ts';
import { Registry } from './registry.ts';
import { newState } from './state/index.ts';
import { agentInfo } from './testing/peers.ts';

const POLICY = {
  heartbeatSeconds: 15,
  pingIntervalSeconds: 15,
  maxPingTimeouts: 5,
  allocationIntervalMs: 1000,
  offerTimeoutMs: undefined,
  maxCompletedFrameworks: 3,
  maxCompletedTasksPerFramework: 5,
  maxUnreachableTasksPerFramework: 5,
  minAllocatable: [],
  rootSubmissions: true,
  recoveryRemovalLimitPercent: 100,
  filterGpuResources: true,
  compileRegex: () => 'not needed',
};

/** A store that counts its writes, of which all wait until they are let go. */
function counted(store: Store): {
  readonly store: Store;
  readonly puts: string[];
  go: () => void;
  stuck: boolean;
} {
  const puts: string[] = [];
  let held: (() => void)[] = [];
  const self = {
    puts,
    stuck: false,
    go: () => {
      self.stuck = false;
      for (const f of held.splice(0)) f();
      held = [];
    },
    store: {
      ...store,
      get: (key: string) => store.get(key),
      list: (prefix: string) => store.list(prefix),
      delete: (key: string) => store.delete(key),
      async write(changes: Parameters<Store['write']>[0]) {
        for (const { key, value } of changes) if (value !== undefined) puts.push(key);
        if (self.stuck) await new Promise<void>((resolve) => held.push(resolve));
        return store.write(changes);
      },
    },
  };
  return self;
}

function engineOn(store: Store, id = 'M'): Engine {
  const info = masterInfo(masterConfigSchema.parse({}), id, 5050);
  return new Engine({
    state: newState(info, POLICY),
    registry: new Registry(store),
    clock: new FakeClock(),
    random: seededRandom(1),
    log: silentLogger,
  });
}

/** As it comes from the wire. */
function call(n: number, id?: string): AgentSubscribe {
  const info = agentInfo({ hostname: `agent${n}` });
  const subscribe = {
    agent_info: { ...info, ...(id === undefined ? {} : { id: { value: id } }) },
    address: { ip: `10.0.0.${n}`, port: 5051 },
    version: '1.11.0',
  };
  const decoded = decodeAgentCall({ type: 'SUBSCRIBE', subscribe });
  if (!decoded.ok) throw new Error(decoded.problem);
  return agentSubscribe(decoded.value);
}

describe('letting agents in', () => {
  it('those who ask meanwhile are written together, and hear of it after they are', async () => {
    const counting = counted(memoryStore());
    const engine = engineOn(counting.store);
    counting.stuck = true;
    const streams: string[] = [];
    const open = (name: string) => (): string => {
      streams.push(name);
      return name;
    };
    const all = Promise.all(Array.from({ length: 20 }, (_, n) => letIn(engine, call(n), open(`s${n}`))));
    const last = letIn(engine, call(20), open('s20'));
    while (counting.puts.length < 1) await Promise.resolve();
    for (let i = 0; i < 100; i++) await Promise.resolve();
    expect(counting.puts.length).toBeGreaterThanOrEqual(20);
    expect(streams).toEqual([]);
    counting.go();
    await all;
    await last;
    expect(streams).toHaveLength(21);
    expect(engine.state.agents.size).toBe(21);
    expect(new Set(counting.puts).size).toBe(21);
  });

  it('two at the same address are one after the other: the later one takes the place', async () => {
    const engine = engineOn(memoryStore());
    const first = letIn(engine, call(1), () => 'a');
    const other = { ...call(1), agent_info: agentInfo({ hostname: 'other' }) };
    const second = letIn(engine, other, () => 'b');
    expect((await first).kind).toBe('admit');
    expect(await second).toMatchObject({ kind: 'admit', replaces: 'M-S0' });
    expect([...engine.state.agents.keys()]).toEqual(['M-S1']);
    const registered = await engine.registry.recover();
    expect(registered.agents.map((a) => a.id?.value)).toEqual(['M-S1']);
  });

  it('one that leaves while it is written down is in and away, and the same when it asks again', async () => {
    const engine = engineOn(memoryStore());
    expect((await letIn(engine, call(1), () => undefined)).kind).toBe('admit');
    expect([...engine.state.agents.values()].map((a) => [a.id, a.streamId])).toEqual([['M-S0', undefined]]);
    expect((await letIn(engine, call(1), () => 's')).kind).toBe('welcome');
    expect([...engine.state.agents.values()].map((a) => [a.id, a.streamId])).toEqual([['M-S0', 's']]);
    const registered = await engine.registry.recover();
    expect(registered.agents.map((a) => a.id?.value)).toEqual(['M-S0']);
  });

  it('after a failover, agents that are what the registry says need no write; others do', async () => {
    const counting = counted(memoryStore());
    const before = engineOn(counting.store);
    await Promise.all([1, 2].map((n) => letIn(before, call(n), () => `s${n}`)));
    const after = engineOn(counting.store, 'N');
    await recover(after.state, after.registry, after.clock, 1000);
    counting.puts.length = 0;
    expect((await letIn(after, call(1, 'M-S0'), () => 's')).kind).toBe('welcome');
    expect(counting.puts).toEqual([]);
    const larger = call(2, 'M-S1');
    const port = { ...larger, agent_info: { ...larger.agent_info, port: 6000 } };
    expect((await letIn(after, port, () => 't')).kind).toBe('admit');
    expect(counting.puts).toEqual(['master/registry/agents/M-S1']);
    expect(after.state.recoveredAgents.size).toBe(0);
    expect(after.state.agents.size).toBe(2);
  });
});
