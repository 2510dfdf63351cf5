import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentEvent, Resource } from '../../mesos/index.ts';
import {
  addResources,
  containsResources,
  holdsResources,
  isTerminal,
  normalizeResources,
  scalarOf,
  TASK_STATES,
} from '../../mesos/index.ts';
import { Driver, task } from '../testing/driver.ts';
import { customExecutor, defaultExecutor, groupOf, launchOf, resources } from '../testing/executor-desk.ts';
import { executorKey } from './executor-books.ts';
import { freeOf } from './free.ts';
import * as machine from './index.ts';
import type { AgentEntry, MasterState } from './index.ts';
import type { TaskEntry } from './model.ts';
import { resourcesText } from './resource-format.ts';

const RESOURCES = resources('cpus:4;mem:1024;disk:100;ports:[31000-31010]');
const AWARE = { capabilities: [{ type: 'PARTITION_AWARE' }] };
type Action = readonly [name: string, a: number, b: number];
const ACTIONS = `agent drop-agent unreachable gone framework framework drop-framework teardown allocate
  launch launch launch launch custom custom group group update update update update ack ack ack kill exit return
  decline suppress revive quota weights time`.split(/\s+/);
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
      const role = ['*', 'web', 'web/shop'][b % 3] ?? '*';
      return void d.framework(`fw${n}`, {
        role,
        ...again,
        ...(b % 3 === 0 ? AWARE : {}),
        checkpoint: b % 4 !== 0,
      });
    }
    case 'drop-framework':
      return d.turn((step) => machine.frameworkStreamClosed(step, framework?.streamId ?? ''));
    case 'teardown':
      return framework && b < 3 ? d.turn((step) => machine.removeFramework(step, framework)) : undefined;
    case 'allocate':
      return allocateWithinLimits(d);
    case 'suppress':
      return framework && d.turn((step) => machine.suppressRoles(step, framework, []));
    case 'revive':
      return framework && d.turn((step) => machine.revive(step, framework, []));
    case 'quota': {
      const cpus = (millis: number): ReadonlyMap<string, number> => new Map(millis ? [['cpus', millis]] : []);
      const config = { role: a % 2 === 0 ? 'web' : '*', guarantees: cpus(a * 500), limits: cpus(b * 700) };
      return d.turn((step) => machine.applyQuotas(step, [config]));
    }
    case 'weights':
      return d.turn((step) => machine.applyWeights(step, [{ role: 'web', weight: b + 1 }]));
    case 'launch':
    case 'custom':
    case 'group':
      return launch(d, name, [a, b, n]);
    case 'exit': {
      const executor = agent && pick(agent.executors.values(), b);
      if (!executor) return undefined;
      return d.turn((step) =>
        machine.exitedExecutor(step, agent, {
          framework_id: { value: executor.frameworkId },
          executor_id: { value: executor.id },
          status: 0,
        }),
      );
    }
    case 'return':
      return agent && comeBack(d, agent, [b, n]);
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

/** No role is offered more than its limit leaves; what was too much before may stay. */
function allocateWithinLimits(d: Driver): void {
  const taken = (role: string): number => {
    const all = [...d.state.frameworks.values()].flatMap((f) => [...f.used, ...f.offered]);
    const own = all.filter((r) => (r.allocation_info?.role ?? '*').split('/')[0] === role);
    return Math.round(scalarOf(own, 'cpus') * 1000);
  };
  const before = new Map(Array.from(d.state.quotas.keys(), (role) => [role, taken(role)]));
  d.allocate();
  for (const [role, { limits }] of d.state.quotas)
    expect(taken(role)).toBeLessThanOrEqual(
      Math.max(limits.get('cpus') ?? Number.POSITIVE_INFINITY, before.get(role) ?? 0),
    );
}

/** Tasks by command, for an executor, or as a group; some of them too large or with an id that is taken. */
function launch(d: Driver, how: string, [a, b, n]: readonly [number, number, number]): void {
  const { state } = d;
  if (state.offers.size === 0) d.allocate();
  const offer = pick(state.offers.values(), a);
  const owner = offer && state.frameworks.get(offer.frameworkId);
  if (!owner) return;
  const more = b === 1 ? { resources: resources('cpus:9') } : {};
  const tasks = [task(`t${n}`, offer.agentId), task(`t${b}`, offer.agentId, more)];
  const executor = customExecutor(`e${b % 2}`);
  const operation =
    how === 'launch'
      ? launchOf(...tasks)
      : how === 'group'
        ? groupOf(defaultExecutor(`g${b % 2}`), ...tasks)
        : launchOf(...tasks.map(({ command, ...t }) => ({ ...t, executor })));
  const before = new Set(owner.tasks.keys());
  d.turn((step) =>
    machine.accept(step, owner, { offer_ids: [{ value: offer.id }], operations: [operation] }),
  );
  const added = tasks.filter((t) => !before.has(t.task_id.value) && owner.tasks.has(t.task_id.value));
  if (how === 'group') expect([0, new Set(tasks.map((t) => t.task_id.value)).size]).toContain(added.length);
}

/** An agent comes back with some of what it had: what it does not have any more it has lost on the way. */
function comeBack(d: Driver, agent: AgentEntry, [b, n]: readonly [number, number]): void {
  const infos = [...d.state.frameworks.values()].map((f) => f.info);
  const known = new Set(infos.map((info) => info.id?.value));
  const executors = [...agent.executors.values()].filter(
    (e, i) => i % 2 === b % 2 && known.has(e.frameworkId),
  );
  const tasks = [...agent.tasks].filter((t, i) => i % 3 !== b % 3 && known.has(t.frameworkId));
  if (b % 2 === 0) d.turn((step) => machine.agentStreamClosed(step, agent.streamId ?? ''));
  d.agent(`back${n}`, {
    agent_info: { ...agent.info, id: { value: agent.id } },
    address: agent.address,
    frameworks: infos,
    executors: executors.map((e) => ({ framework_id: { value: e.frameworkId }, executor_info: e.info })),
    tasks: tasks.map((t) => ({
      framework_id: { value: t.frameworkId },
      task: { ...t.info, task_id: { value: t.id }, agent_id: { value: t.agentId } },
      state: isTerminal(t.state) ? t.state : 'TASK_RUNNING',
    })),
  });
}

const sorted = (r: readonly Resource[]): string =>
  normalizeResources(r)
    .map((one) => resourcesText([one]))
    .sort()
    .join('; ');
const total = (lists: Iterable<readonly Resource[]>): readonly Resource[] =>
  [...lists].reduce<readonly Resource[]>((a, b) => addResources(a, b), []);

function checkInvariants(state: MasterState): void {
  for (const agent of state.agents.values()) {
    const live = [...agent.tasks].filter((t) => holdsResources(t.state));
    const offers = [...agent.offers].flatMap((id) => state.offers.get(id) ?? []);
    const executors = [...agent.executors.values()];
    const charged = [...live, ...executors].map((one) => one.info.resources ?? []);
    expect(sorted(agent.used)).toBe(sorted(total(charged)));
    for (const [key, e] of agent.executors) {
      expect(key).toBe(executorKey(e.frameworkId, e.id));
      expect(e.agentId).toBe(agent.id);
      expect(state.frameworks.get(e.frameworkId)?.executors.has(e)).toBe(true);
    }
    expect(sorted(agent.offered)).toBe(sorted(total(offers.map((o) => o.resources))));
    const all = total([agent.used, agent.offered]).map(({ allocation_info, ...r }) => r);
    expect(containsResources(agent.total, all)).toBe(true);
    expect(sorted([...all, ...freeOf(agent)])).toBe(sorted(agent.total));
    if (agent.streamId === undefined) expect(agent.offers.size).toBe(0);
    for (const t of agent.tasks) expect(state.frameworks.get(t.frameworkId)?.tasks.get(t.id)).toBe(t);
  }
  for (const framework of state.frameworks.values()) {
    const live = [...framework.tasks.values()].filter((t) => holdsResources(t.state));
    const charged = [...live, ...framework.executors].map((one) => one.info.resources ?? []);
    expect(sorted(framework.used)).toBe(sorted(total(charged)));
    for (const e of framework.executors)
      expect(state.agents.get(e.agentId)?.executors.get(executorKey(framework.id, e.id))).toBe(e);
    for (const t of framework.tasks.values()) expect(state.agents.get(t.agentId)?.tasks.has(t)).toBe(true);
    for (const t of framework.completedTasks) expect(isTerminal(t.state)).toBe(true);
    if (framework.streamId === undefined) expect(framework.offers.size).toBe(0);
    const offers = [...framework.offers].flatMap((id) => state.offers.get(id)?.resources ?? []);
    expect(sorted(framework.offered)).toBe(sorted(total([offers])));
  }
  for (const offer of state.offers.values()) {
    expect(state.agents.get(offer.agentId)?.offers.has(offer.id)).toBe(true);
    expect(state.frameworks.get(offer.frameworkId)?.offers.has(offer.id)).toBe(true);
  }
}

/** Of everything that agents were given to run for an executor: whether it was to be started. */
function started(d: Driver): (boolean | undefined)[] {
  return orders(d).flatMap((e) => {
    if (e.type === 'RUN_TASK')
      return e.run_task.launch_executor === undefined ? [] : [e.run_task.launch_executor];
    return e.type === 'RUN_TASK_GROUP' ? [e.run_task_group.launch_executor] : [];
  });
}

function orders(d: Driver): AgentEvent[] {
  return d.effects.flatMap((e) => (e.kind === 'send' ? [e.event as AgentEvent] : []));
}

/** No executor without reason: each that the master lists was asked for by a launch, and every group was sent as a whole. */
function checkReasons(d: Driver): void {
  const asked = new Set<string | undefined>();
  for (const order of orders(d)) {
    if (order.type === 'RUN_TASK') asked.add(order.run_task.task.executor?.executor_id.value);
    if (order.type !== 'RUN_TASK_GROUP') continue;
    asked.add(order.run_task_group.executor_info.executor_id.value);
    expect(order.run_task_group.tasks).toHaveLength(2);
  }
  for (const framework of d.state.frameworks.values())
    for (const executor of framework.executors) expect(asked).toContain(executor.id);
}

function allTasks({ state }: Driver): TaskEntry[] {
  const frameworks = [...state.frameworks.values(), ...state.completedFrameworks.values()];
  return frameworks.flatMap((f) => [
    ...f.tasks.values(),
    ...f.unreachableTasks.values(),
    ...f.completedTasks,
  ]);
}

/** As the engine does after a while: tasks are texts from now on. */
function keepTasks(d: Driver): void {
  d.state.texts.beginWalk();
  for (const one of allTasks(d)) one.keep(d.state.texts);
}

/** What operators see of tasks. */
function shown(d: Driver): unknown {
  return allTasks(d).map((one) => JSON.parse(one.written()) as unknown);
}

describe('whatever happens', () => {
  it('tasks that are kept as texts make no difference to anybody', () => {
    let told = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(action, fc.boolean()), { maxLength: 60 }), (actions) => {
        const [plain, keeping] = [new Driver(), new Driver()];
        for (const d of [plain, keeping]) {
          d.agent('a0');
          d.framework('f0');
        }
        for (const [n, [a, keeps]] of actions.entries()) {
          act(plain, a, n);
          act(keeping, a, n);
          if (keeps) keepTasks(keeping);
        }
        checkInvariants(keeping.state);
        expect(keeping.effects).toEqual(plain.effects);
        expect(shown(keeping)).toEqual(shown(plain));
        told += plain.effects.filter((e) => e.kind === 'send' && e.event.type === 'UPDATE').length;
      }),
      { numRuns: 900 },
    );
    expect(told).toBeGreaterThan(200);
  });

  it('no resource is given twice and every sum is right', () => {
    let launched = 0;
    let shared = 0;
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const d = new Driver();
        d.agent('a0');
        d.framework('f0');
        for (const [n, a] of actions.entries()) {
          act(d, a, n);
          checkInvariants(d.state);
        }
        checkReasons(d);
        shared += started(d).filter((one) => one === false).length;
        launched += d.effects.filter((e) => e.kind === 'operators' && e.event.type === 'TASK_ADDED').length;
      }),
      { numRuns: 500 },
    );
    expect(launched).toBeGreaterThan(200);
    expect(shared).toBeGreaterThan(20);
  });
});
