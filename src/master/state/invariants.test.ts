import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../mesos/index.ts';
import {
  addResources,
  containsResources,
  holdsResources,
  isTerminal,
  normalizeResources,
  TASK_STATES,
} from '../../mesos/index.ts';
import { Driver, RESOURCES, task } from '../testing/driver.ts';
import * as machine from './index.ts';
import type { MasterState } from './index.ts';

const AWARE = { capabilities: [{ type: 'PARTITION_AWARE' }] };
type Action = readonly [name: string, a: number, b: number];
const ACTIONS = `agent drop-agent unreachable gone framework framework drop-framework teardown allocate
  launch launch launch launch update update update update ack ack ack kill decline time`.split(/\s+/);
/** What an agent may say of a task. */
const REPORTED = TASK_STATES.filter(
  (s) => !['TASK_UNREACHABLE', 'TASK_UNKNOWN', 'TASK_GONE_BY_OPERATOR'].includes(s),
);
const action: fc.Arbitrary<Action> = fc.tuple(
  fc.constantFrom(...ACTIONS),
  fc.nat(3),
  fc.nat(REPORTED.length - 1),
);

function pick<T>(items: Iterable<T>, n: number): T | undefined {
  const all = [...items];
  return all[n % Math.max(1, all.length)];
}

function act(d: Driver, [name, a, b]: Action, n: number): void {
  const { state } = d;
  const agent = pick(state.agents.values(), a);
  const framework = pick(state.frameworks.values(), a);
  const some = framework && pick(framework.tasks.values(), b);
  switch (name) {
    case 'agent': {
      const lost = pick(state.unreachableAgents.keys(), a);
      const id = b % 2 === 0 ? lost : undefined;
      const agent_info = {
        hostname: 'h',
        port: 5051,
        resources: RESOURCES,
        ...(id ? { id: { value: id } } : {}),
      };
      return void d.agent(`agent${n}`, { agent_info, address: { ip: `10.0.0.${n % 250}`, port: 1 } });
    }
    case 'drop-agent':
      return d.turn((step) => machine.agentStreamClosed(step, agent?.streamId ?? ''));
    case 'unreachable':
      return agent && d.turn((step) => machine.markUnreachable(step, agent.id));
    case 'gone':
      return agent && b === 0 ? d.turn((step) => machine.markGone(step, agent.id)) : undefined;
    case 'framework': {
      const again = framework && b % 2 === 0 ? { id: { value: framework.id } } : {};
      return void d.framework(`fw${n}`, { ...again, ...(b % 3 === 0 ? AWARE : {}), checkpoint: b % 4 !== 0 });
    }
    case 'drop-framework':
      return d.turn((step) => machine.frameworkStreamClosed(step, framework?.streamId ?? ''));
    case 'teardown':
      return framework && b < 3 ? d.turn((step) => machine.removeFramework(step, framework)) : undefined;
    case 'allocate':
      return d.allocate();
    case 'launch': {
      if (state.offers.size === 0) d.allocate();
      const offer = pick(state.offers.values(), a);
      const owner = offer && state.frameworks.get(offer.frameworkId);
      if (!owner) return undefined;
      const tasks = [task(`t${n}`, offer.agentId), task(`t${b}`, offer.agentId)];
      return d.turn((step) =>
        machine.accept(step, owner, {
          offer_ids: [{ value: offer.id }],
          operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }],
        }),
      );
    }
    case 'update':
      return (
        some && d.update(some.agentId, some.frameworkId, some.id, REPORTED[b] ?? 'TASK_RUNNING', `u${n}`)
      );
    case 'ack':
      if (!framework || !some) return undefined;
      return d.turn((step) =>
        machine.acknowledge(step, framework, {
          agent_id: { value: some.agentId },
          task_id: { value: some.id },
          uuid: some.updateUuid ?? '',
        }),
      );
    case 'kill':
      return (
        framework && d.turn((step) => machine.kill(step, framework, { task_id: { value: some?.id ?? 'x' } }))
      );
    case 'decline':
      if (!framework) return undefined;
      return d.turn((step) =>
        machine.decline(step, framework, { offer_ids: [...framework.offers].map((value) => ({ value })) }),
      );
    default:
      d.now += a * 40_000;
      return d.turn((step) => machine.tick(step));
  }
}

const sorted = (r: readonly Resource[]): string =>
  JSON.stringify(
    normalizeResources(r)
      .map((x) => JSON.stringify(x))
      .sort(),
  );
const total = (lists: Iterable<readonly Resource[]>): readonly Resource[] =>
  [...lists].reduce<readonly Resource[]>((a, b) => addResources(a, b), []);

function checkInvariants(state: MasterState): void {
  for (const agent of state.agents.values()) {
    const live = [...agent.tasks].filter((t) => holdsResources(t.state));
    const offers = [...agent.offers].flatMap((id) => state.offers.get(id) ?? []);
    expect(sorted(agent.used)).toBe(sorted(total(live.map((t) => t.info.resources))));
    expect(sorted(agent.offered)).toBe(sorted(total(offers.map((o) => o.resources))));
    const all = total([agent.used, agent.offered]).map(({ allocation_info, ...r }) => r);
    expect(containsResources(agent.total, all)).toBe(true);
    if (agent.streamId === undefined) expect(agent.offers.size).toBe(0);
    for (const t of agent.tasks) expect(state.frameworks.get(t.frameworkId)?.tasks.get(t.id)).toBe(t);
  }
  for (const framework of state.frameworks.values()) {
    const live = [...framework.tasks.values()].filter((t) => holdsResources(t.state));
    expect(sorted(framework.used)).toBe(sorted(total(live.map((t) => t.info.resources))));
    for (const t of framework.tasks.values()) expect(state.agents.get(t.agentId)?.tasks.has(t)).toBe(true);
    for (const t of framework.completedTasks) expect(isTerminal(t.state)).toBe(true);
    if (framework.streamId === undefined) expect(framework.offers.size).toBe(0);
  }
  for (const offer of state.offers.values()) {
    expect(state.agents.get(offer.agentId)?.offers.has(offer.id)).toBe(true);
    expect(state.frameworks.get(offer.frameworkId)?.offers.has(offer.id)).toBe(true);
  }
}

describe('whatever happens', () => {
  it('no resource is given twice and every sum is right', () => {
    let launched = 0;
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const d = new Driver();
        d.agent('a0');
        d.framework('f0');
        for (const [n, a] of actions.entries()) {
          act(d, a, n);
          checkInvariants(d.state);
        }
        launched += d.effects.filter((e) => e.kind === 'operators' && e.event.type === 'TASK_ADDED').length;
      }),
      { numRuns: 500 },
    );
    expect(launched).toBeGreaterThan(200);
  });
});
