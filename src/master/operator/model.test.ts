import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import { letIn } from '../admission.ts';
import { Engine } from '../engine.ts';
import { recover } from '../recovery.ts';
import { Registry } from '../registry.ts';
import * as machine from '../state/index.ts';
import { Driver, RESOURCES, task } from '../testing/driver.ts';
import { SimAgent } from '../testing/sim-agent.ts';
import { deactivateAgent, drainAgent, markAgentGone, reactivateAgent } from './agents.ts';
import { startMaintenance, stopMaintenance, updateSchedule } from './maintenance.ts';

// Operators, agents, a framework and failovers in any order, against what little must be true of them: written down by
// hand, without any of the code that is tested.

const HOSTS = 3;
type Move = readonly [name: string, host: number, b: number];
const MOVES =
  `schedule schedule down down up up up drain drain drain-gone deactivate reactivate reactivate gone
  come come come come come-new leave silent launch launch launch end end end failover`.split(/\s+/);
const move: fc.Arbitrary<Move> = fc.tuple(fc.constantFrom(...MOVES), fc.nat(HOSTS - 1), fc.nat(7));

class Cluster {
  readonly clock = new FakeClock();
  readonly store = memoryStore();
  readonly agents = Array.from({ length: HOSTS }, (_, n) => new SimAgent(n));
  engine = this.#master('m0');
  masters = 1;
  tasks = 0;
  streams = 0;
  readonly told = new Map<string, number>();
  // the model
  scheduled = new Set<number>();
  down = new Set<number>();
  /** Agents that the registry has, by id; and which of them are deactivated, being drained, and to be gone after that. */
  readonly known = new Set<string>();
  readonly gone = new Set<string>();
  /** Where the agents run that have been seen by the master of now. */
  readonly seen = new Map<string, number>();
  readonly deactivated = new Set<string>();
  readonly draining = new Map<string, boolean>();

  #master(id: string): Engine {
    const { info, policy } = new Driver().state;
    return new Engine({
      state: machine.newState({ ...info, id }, policy),
      registry: new Registry(this.store),
      clock: this.clock,
      random: seededRandom(7),
      log: silentLogger,
    });
  }

  get state(): machine.MasterState {
    return this.engine.state;
  }

  async start(): Promise<void> {
    await recover(this.state, this.engine.registry, this.clock, 600_000);
    const info = { user: 'u', name: 'n', failover_timeout: 100, checkpoint: true, id: { value: 'fw' } };
    this.engine.turn((step) => machine.subscribeFramework(step, info, [], `fw${this.masters}`));
  }

  /** Until nothing is left to be written. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++) await this.engine.inOrder(async () => {});
  }

  async failover(): Promise<void> {
    await this.engine.stop();
    const before = persisted(this.state);
    for (const agent of this.agents) agent.streamId = undefined;
    this.seen.clear();
    this.engine = this.#master(`m${this.masters++}`);
    await this.start();
    expect(persisted(this.state)).toEqual(before);
  }

  async come(agent: SimAgent, host: number): Promise<void> {
    const { hostname, ip, id } = agent;
    const frameworks = [...new Map(Array.from(agent.tasks.values(), (t) => ['fw', t.framework])).values()];
    const streamId = `a${this.streams++}`;
    const admission = await letIn(
      this.engine,
      {
        agent_info: {
          hostname,
          port: 5051,
          resources: RESOURCES,
          ...(id === undefined ? {} : { id: { value: id } }),
        },
        address: { ip, port: 5051 },
        version: '1.11.0',
        capabilities: [{ type: 'AGENT_DRAINING' }],
        frameworks,
        tasks: agent.report(),
        ...(agent.drain && { drain_config: agent.drain }),
      },
      () => {
        this.engine.streams.add(streamId, agent.stream());
        return streamId;
      },
    );
    const wanted = this.down.has(host) || (id !== undefined && this.gone.has(id)) ? 'refused' : 'let in';
    expect(admission.kind === 'refused' ? 'refused' : 'let in').toBe(wanted);
    if (admission.kind === 'refused') return agent.forget();
    agent.streamId = streamId;
    if (admission.kind === 'admit' && admission.replaces !== undefined) this.forget(admission.replaces);
    this.known.add(agent.id ?? '');
    this.seen.set(agent.id ?? '', host);
  }

  forget(agentId: string): void {
    this.known.delete(agentId);
    this.seen.delete(agentId);
    this.deactivated.delete(agentId);
    this.draining.delete(agentId);
  }

  leave(agent: SimAgent): void {
    const { streamId } = agent;
    agent.streamId = undefined;
    if (streamId !== undefined) this.engine.streamClosed(streamId, machine.agentStreamClosed);
  }
}

/** What must outlive a master. */
function persisted(state: machine.MasterState): unknown {
  const { windows, machines } = state.maintenance;
  return {
    admitted: [...state.agents.keys(), ...state.recoveredAgents.keys()].sort(),
    unreachable: [...state.unreachableAgents.keys()].sort(),
    gone: [...state.goneAgents.keys()].sort(),
    orders: [...state.orders].sort(([a], [b]) => (a < b ? -1 : 1)),
    windows,
    machines: [...machines],
  };
}

/** What the model says of the agents that are being drained with nothing left on them. */
function noticeDrained(c: Cluster): void {
  for (const agent of c.agents) {
    const { id, streamId, former, tasks } = agent;
    const there = id !== undefined && streamId !== undefined && tasks.size === 0;
    const ended = there ? id : former?.idle === true ? former.id : undefined;
    if (ended !== undefined && c.draining.get(ended) === true) goneNow(c, ended);
  }
}

function goneNow(c: Cluster, agentId: string): void {
  c.forget(agentId);
  c.gone.add(agentId);
}

const idsOf = (c: Cluster, hosts: Iterable<number>): { hostname: string; ip: string }[] =>
  Array.from(hosts, (n) => ({ hostname: `HOST${n}`, ip: `10.0.0.${n + 1}` }));

async function act(c: Cluster, [name, host, b]: Move): Promise<void> {
  const agent = c.agents[host] ?? new SimAgent(host);
  const pool = [...c.known, ...c.gone, 'nobody'];
  const target = agent.id ?? pool[b % pool.length] ?? 'nobody';
  const { engine } = c;
  const tell = async (outcome: Promise<{ readonly status: number }>, wanted: number): Promise<boolean> => {
    const { status } = await outcome;
    expect(status, name).toBe(wanted);
    c.told.set(`${name} ${status}`, (c.told.get(`${name} ${status}`) ?? 0) + 1);
    return status === 200;
  };
  const knows = c.known.has(target) ? 200 : 400;
  switch (name) {
    case 'schedule': {
      const hosts = [0, 1, 2].filter((n) => (b >> n) % 2 === 1);
      const windows = hosts.map((n) => ({
        machine_ids: idsOf(c, [n]),
        unavailability: { start: { nanoseconds: b } },
      }));
      const fits = [...c.down].every((n) => hosts.includes(n));
      if (await tell(updateSchedule(engine, windows), fits ? 200 : 400)) c.scheduled = new Set(hosts);
      return;
    }
    case 'down': {
      const able = c.scheduled.has(host) && !c.down.has(host);
      if (!(await tell(startMaintenance(engine, idsOf(c, [host])), able ? 200 : 400))) return;
      c.down.add(host);
      // Those that this master has not seen are not known by their address; they are refused when they come.
      for (const [agentId, where] of c.seen) if (where === host) c.forget(agentId);
      return;
    }
    case 'up':
      if (!(await tell(stopMaintenance(engine, idsOf(c, [host])), c.down.has(host) ? 200 : 400))) return;
      c.down.delete(host);
      c.scheduled.delete(host);
      return;
    case 'drain':
    case 'drain-gone': {
      const config = { max_grace_period: { nanoseconds: b * 1e9 }, mark_gone: name === 'drain-gone' };
      if (!(await tell(drainAgent(engine, target, config), knows))) return;
      c.deactivated.add(target);
      c.draining.set(target, config.mark_gone);
      return;
    }
    case 'deactivate':
      if (await tell(deactivateAgent(engine, target), knows)) c.deactivated.add(target);
      return;
    case 'reactivate':
      if (!(await tell(reactivateAgent(engine, target), knows))) return;
      c.deactivated.delete(target);
      c.draining.delete(target);
      return;
    case 'gone':
      if (b < 4) return;
      if (await tell(markAgentGone(engine, target), c.known.has(target) || c.gone.has(target) ? 200 : 404))
        goneNow(c, target);
      return;
    case 'come':
      return agent.streamId === undefined || b === 0 ? c.come(agent, host) : undefined;
    case 'come-new':
      c.leave(agent);
      agent.forget();
      return c.come(agent, host);
    case 'leave':
      return c.leave(agent);
    case 'silent': {
      const entry = agent.id === undefined ? undefined : c.state.agents.get(agent.id);
      if (!entry) return;
      entry.unansweredPings = 99;
      c.seen.delete(entry.id);
      engine.turn((step) => step.effects.push({ kind: 'give-up-agent', agentId: entry.id }));
      return;
    }
    case 'launch':
      return launch(c);
    case 'end':
      return endOne(c, agent);
    default:
      return c.failover();
  }
}

function launch(c: Cluster): void {
  const framework = c.state.frameworks.get('fw');
  if (!framework) return;
  c.engine.turn((step) => {
    machine.runAllocation(step, (items) => items);
    machine.offerInversely(step);
  });
  checkOffers(c);
  const [offerId] = framework.offers;
  const agentId = c.state.offers.get(offerId ?? '')?.agentId ?? '';
  const launched = task(`t${c.tasks++}`, agentId);
  c.engine.turn((step) =>
    machine.accept(step, framework, {
      offer_ids: offerId === undefined ? [] : [{ value: offerId }],
      operations: [{ type: 'LAUNCH', launch: { task_infos: [launched] } }],
      filters: { refuse_seconds: 0 },
    }),
  );
}

/** A task of the agent ends, and the framework acknowledges it at once. */
function endOne(c: Cluster, agent: SimAgent): void {
  const entry = agent.streamId === undefined ? undefined : c.state.agents.get(agent.id ?? '');
  const framework = c.state.frameworks.get('fw');
  const [taskId] = agent.tasks.keys();
  if (!entry || !framework || taskId === undefined) return;
  agent.tasks.delete(taskId);
  const task_id = { value: taskId };
  const uuid = Buffer.from(`the end of ${taskId}`.padEnd(16)).toString('base64');
  const status = { task_id, state: 'TASK_KILLED' as const, uuid };
  c.engine.turn((step) =>
    machine.statusUpdate(step, entry, { framework_id: { value: 'fw' }, status, latest_state: 'TASK_KILLED' }),
  );
  c.engine.turn((step) =>
    machine.acknowledge(step, framework, { agent_id: { value: entry.id }, task_id, uuid: status.uuid }),
  );
}

function checkOffers(c: Cluster): void {
  for (const { agentId } of c.state.offers.values()) {
    expect(c.deactivated.has(agentId), `${agentId} is offered`).toBe(false);
    expect(c.gone.has(agentId)).toBe(false);
  }
}

function checkAll(c: Cluster): void {
  const { state } = c;
  checkOffers(c);
  const ids = [...state.agents.keys(), ...state.recoveredAgents.keys(), ...state.unreachableAgents.keys()];
  expect(ids.sort()).toEqual([...c.known].sort());
  expect([...state.goneAgents.keys()].sort()).toEqual([...c.gone].sort());
  expect([...state.orders.keys()].sort()).toEqual([...c.deactivated].sort());
  for (const [agentId, { drain }] of state.orders) {
    expect([agentId, drain?.config.mark_gone]).toEqual([agentId, c.draining.get(agentId)]);
    const entry = state.agents.get(agentId);
    if (entry === undefined || drain === undefined) continue;
    expect(entry.deactivated).toBe(true);
    // DRAINED holds exactly when nothing is left, as soon as the agent is there to say so.
    if (drain.state === 'DRAINED') expect(entry.tasks.size).toBe(0);
    else if (entry.streamId !== undefined) expect(entry.tasks.size).toBeGreaterThan(0);
  }
  for (const entry of state.agents.values()) {
    expect(c.down.has(Number(entry.info.hostname.slice('host'.length))), 'an agent of a DOWN machine').toBe(
      false,
    );
    expect(c.gone.has(entry.id)).toBe(false);
    expect(entry.deactivated).toBe(c.deactivated.has(entry.id));
  }
  for (const agent of c.agents) {
    expect(agent.offended, 'a task for an agent that is being drained').toBe(false);
    if (agent.streamId === undefined) continue;
    expect(agent.drain !== undefined).toBe(c.draining.has(agent.id ?? ''));
  }
  const modes = [...state.maintenance.machines.values()].map((m) => `${m.id.hostname} ${m.mode}`);
  const wanted = [...c.scheduled].map((n) => `HOST${n} ${c.down.has(n) ? 'DOWN' : 'DRAINING'}`);
  expect(modes.sort()).toEqual(wanted.sort());
}

describe('whatever operators, agents and failovers do', () => {
  it('the promises about machines and agents hold', async () => {
    const told = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 50, size: 'max' }), async (moves) => {
        const c = new Cluster();
        await c.start();
        for (const [n, agent] of c.agents.entries()) await c.come(agent, n);
        for (const one of moves) {
          await act(c, one);
          await c.settle();
          noticeDrained(c);
          checkAll(c);
        }
        for (const [what, times] of c.told) told.set(what, (told.get(what) ?? 0) + times);
        await c.engine.stop();
      }),
      { numRuns: 300 },
    );
    // A run in which nothing succeeds, or nothing is refused, would prove nothing.
    for (const what of [
      'schedule 200',
      'down 200',
      'down 400',
      'up 200',
      'drain 200',
      'drain-gone 200',
      'reactivate 200',
      'gone 200',
    ])
      expect(told.get(what) ?? 0, what).toBeGreaterThan(20);
  });
});
