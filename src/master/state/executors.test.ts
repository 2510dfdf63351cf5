import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../mesos/index.ts';
import { scalarOf } from '../../mesos/index.ts';
import {
  customExecutor,
  defaultExecutor,
  executorDesk,
  groupOf,
  launchOf,
  resources,
} from '../testing/executor-desk.ts';
import type { ExecutorDesk } from '../testing/executor-desk.ts';
import { task } from '../testing/driver.ts';
import { executorsV1 } from '../views/lists-v1.ts';
import { offerV1, placeOfOffer } from '../views/v1.ts';
import * as machine from './index.ts';

const AWARE = { capabilities: [{ type: 'PARTITION_AWARE' }] };
/** The executors of GET_EXECUTORS. */
const shown = (state: machine.MasterState): unknown =>
  (JSON.parse(JSON.stringify(executorsV1(state))) as { executors: unknown }).executors;
const used = ({ agent, framework }: ExecutorDesk): unknown => ({
  agent: [scalarOf(agent.used, 'cpus'), scalarOf(agent.used, 'mem'), scalarOf(agent.used, 'disk')],
  framework: [
    scalarOf(framework.used, 'cpus'),
    scalarOf(framework.used, 'mem'),
    scalarOf(framework.used, 'disk'),
  ],
});
const both = (cpus: number, mem: number, disk: number): unknown => ({
  agent: [cpus, mem, disk],
  framework: [cpus, mem, disk],
});
const told = ({ d }: ExecutorDesk, stream = 'agent'): AgentEvent[] =>
  d.sent(stream) as unknown as AgentEvent[];

function exit(desk: ExecutorDesk, id: string, status = 256): void {
  desk.d.turn((step) =>
    machine.exitedExecutor(step, desk.agent, {
      framework_id: { value: desk.framework.id },
      executor_id: { value: id },
      status,
    }),
  );
}

/** The agent comes back on a new stream, with what it says it runs. */
function comeBack(
  desk: ExecutorDesk,
  runs: { readonly executors?: readonly string[]; readonly tasks?: readonly string[] },
): void {
  const framework_id = { value: desk.framework.id };
  const executor = customExecutor('e');
  desk.d.agent('again', {
    agent_info: { ...desk.agent.info, id: { value: desk.agentId } },
    frameworks: [desk.framework.info],
    executors: (runs.executors ?? []).map((id) => ({
      framework_id,
      executor_info: { ...executor, executor_id: { value: id } },
    })),
    tasks: (runs.tasks ?? []).map((id) => ({
      framework_id,
      task: desk.on(executor, id),
      state: 'TASK_RUNNING',
      executor_id: { value: 'e' },
    })),
  });
}

describe('an executor of LAUNCH', () => {
  it('is charged once, for as long as it lives, and shared by the tasks that name it', () => {
    const desk = executorDesk();
    const executor = customExecutor('e');
    desk.accept(launchOf(desk.on(executor, 't1'), desk.on(executor, 't2')));
    expect(used(desk)).toEqual(both(1.1, 32, 0));
    desk.accept(launchOf(desk.on(executor, 't3')));
    expect(used(desk)).toEqual(both(1.6, 32, 0));
    const runs = told(desk).flatMap((e) => (e.type === 'RUN_TASK' ? [e.run_task] : []));
    expect(runs.map((run) => run.launch_executor)).toEqual([true, false, false]);
    expect(runs[0]?.task.executor).toMatchObject({
      framework_id: { value: desk.framework.id },
      resources: [{ name: 'cpus', allocation_info: { role: '*' } }, { name: 'mem' }],
    });
    for (const id of ['t1', 't2', 't3'])
      desk.d.update(desk.agentId, desk.framework.id, id, 'TASK_FINISHED', id);
    expect(used(desk)).toEqual(both(0.1, 32, 0));
    exit(desk, 'e');
    expect(used(desk)).toEqual(both(0, 0, 0));
    expect(desk.d.sent('fw').at(-1)).toEqual({
      type: 'FAILURE',
      failure: { agent_id: { value: desk.agentId }, executor_id: { value: 'e' }, status: 256 },
    });
  });

  it('is shown to operators, in offers and in what is said of its tasks', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e'), 't'), desk.task('plain')));
    const infos = shown(desk.d.state);
    expect(infos).toMatchObject([
      { agent_id: { value: desk.agentId }, executor_info: { executor_id: { value: 'e' } } },
    ]);
    desk.d.allocate();
    const other = desk.d.framework('other');
    desk.d.turn((step) => machine.suppressRoles(step, desk.framework, []));
    const [offer] = desk.d.state.offers.values();
    expect(offer && offerV1(offer, placeOfOffer(desk.d.state, offer)).executor_ids).toEqual([{ value: 'e' }]);
    desk.d.turn((step) => {
      if (offer) machine.decline(step, desk.framework, { offer_ids: [{ value: offer.id }] });
    });
    desk.d.allocate();
    const [theirs] = other.offers;
    const foreign = desk.d.state.offers.get(theirs ?? '');
    expect(foreign && offerV1(foreign, placeOfOffer(desk.d.state, foreign))).not.toHaveProperty(
      'executor_ids',
    );
    desk.d.turn((step) => machine.reconcile(step, desk.framework, []));
    const statuses = desk.d.sent('fw').flatMap((e) => (e.type === 'UPDATE' ? [e.update.status] : []));
    expect(statuses.map((s) => [s.task_id.value, s.executor_id?.value])).toEqual([
      ['t', 'e'],
      ['plain', undefined],
    ]);
  });

  it('is shown to who may view executors of its user', () => {
    const desk = executorDesk();
    const user = { command: { value: 'x', user: 'alice' } };
    desk.accept(launchOf(desk.on(customExecutor('a', user), 't1'), desk.on(customExecutor('u'), 't2')));
    const shownTo = (users: readonly string[]): unknown =>
      shown(
        machine.seenBy(desk.d.state, (action, one) => action !== 'view_executors' || users.includes(one)),
      );
    expect(shownTo(['alice'])).toMatchObject([{ executor_info: { executor_id: { value: 'a' } } }]);
    expect(shownTo(['u'])).toMatchObject([{ executor_info: { executor_id: { value: 'u' } } }]);
    expect(shownTo([])).toEqual([]);
    expect(desk.framework.executors.size).toBe(2);
  });

  it('must stay what it is while it lives', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e'), 't1')));
    // the same in another order, and with what the master fills in
    const same = customExecutor('e', {
      framework_id: { value: desk.framework.id },
      resources: [...resources('mem:32;cpus:0.1')],
    });
    desk.accept(launchOf(desk.on(same, 't2'), desk.on(customExecutor('e', { name: 'other' }), 't3')));
    expect([...desk.framework.tasks.keys()]).toEqual(['t1', 't2']);
    exit(desk, 'e');
    desk.accept(launchOf(desk.on(customExecutor('e', { name: 'other' }), 't3')));
    expect(desk.framework.tasks.has('t3')).toBe(true);
    expect(told(desk).at(-1)).toMatchObject({ run_task: { launch_executor: true } });
  });

  it('SHUTDOWN goes to its agent, MESSAGE both ways; an unknown one that exits is not news', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e'), 't')));
    const executor_id = { value: 'e' };
    const agent_id = { value: desk.agentId };
    const framework_id = { value: desk.framework.id };
    const before = desk.d.sent('fw').length;
    desk.d.turn((step) => machine.shutdownExecutor(step, desk.framework, { executor_id, agent_id }));
    expect(told(desk).at(-1)).toEqual({
      type: 'SHUTDOWN_EXECUTOR',
      shutdown_executor: { framework_id, executor_id },
    });
    desk.d.turn((step) =>
      machine.messageToExecutor(step, desk.framework, { agent_id, executor_id, data: 'aGk=' }),
    );
    expect(told(desk).at(-1)).toEqual({
      type: 'MESSAGE',
      message: { framework_id, executor_id, data: 'aGk=' },
    });
    desk.d.turn((step) =>
      machine.messageToFramework(step, desk.agent, { framework_id, executor_id, data: 'aG8=' }),
    );
    expect(desk.d.sent('fw').at(-1)).toEqual({
      type: 'MESSAGE',
      message: { agent_id, executor_id, data: 'aG8=' },
    });
    const said = told(desk).length;
    exit(desk, 'unknown');
    const away = { executor_id, agent_id: { value: 'away' } };
    desk.d.turn((step) => machine.shutdownExecutor(step, desk.framework, away));
    expect([desk.d.sent('fw').length, told(desk).length]).toEqual([before + 1, said]);
  });

  it('goes with its framework, which ends wherever it has an executor', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e'), 't')));
    desk.d.update(desk.agentId, desk.framework.id, 't', 'TASK_FINISHED', 'u');
    const end = { agent_id: { value: desk.agentId }, task_id: { value: 't' }, uuid: 'u' };
    desk.d.turn((step) => machine.acknowledge(step, desk.framework, end));
    expect(desk.agent.tasks.size).toBe(0);
    desk.d.turn((step) => machine.removeFramework(step, desk.framework));
    expect(told(desk).at(-1)).toMatchObject({ type: 'SHUTDOWN_FRAMEWORK' });
    expect(desk.agent.executors.size).toBe(0);
    expect(scalarOf(desk.agent.used, 'cpus')).toBe(0);
  });
});

describe('a task group', () => {
  it('is launched as one, each task with the executor', () => {
    const desk = executorDesk();
    desk.accept(groupOf(defaultExecutor('e'), desk.task('a'), desk.task('b')));
    expect(used(desk)).toEqual(both(1.1, 32, 10));
    const run = told(desk).find((e) => e.type === 'RUN_TASK_GROUP')?.run_task_group;
    expect(run).toMatchObject({ launch_executor: true, executor_info: { type: 'DEFAULT' } });
    expect(run?.tasks.map((t) => t.executor)).toEqual([run?.executor_info, run?.executor_info]);
    expect([...desk.framework.tasks.values()].map((t) => [t.id, t.executorId, t.state])).toEqual([
      ['a', 'e', 'TASK_STAGING'],
      ['b', 'e', 'TASK_STAGING'],
    ]);
    // a second group of the same executor
    desk.accept(groupOf(defaultExecutor('e'), desk.task('c')));
    expect(told(desk).at(-1)).toMatchObject({ run_task_group: { launch_executor: false } });
    expect(used(desk)).toEqual(both(1.6, 32, 10));
  });

  it('one bad task spoils all, and every member hears why', () => {
    const desk = executorDesk();
    desk.accept(
      groupOf(defaultExecutor('e'), desk.task('a'), desk.task('b/c')),
      launchOf(desk.task('alone')),
    );
    expect([...desk.framework.tasks.keys()]).toEqual(['alone']);
    expect(desk.agent.executors.size).toBe(0);
    expect(desk.d.statuses('fw')).toEqual([
      'a TASK_ERROR REASON_TASK_GROUP_INVALID',
      'b/c TASK_ERROR REASON_TASK_GROUP_INVALID',
    ]);
    expect(told(desk).some((e) => e.type === 'RUN_TASK_GROUP')).toBe(false);
  });

  it('also when only the user of one task is not allowed', () => {
    const desk = executorDesk();
    desk.d.allocate();
    const tasks = [desk.task('a'), desk.task('b', { command: { value: 'true', user: 'root' } })];
    desk.d.turn((step) =>
      machine.accept(
        step,
        desk.framework,
        {
          offer_ids: [...desk.framework.offers].map((value) => ({ value })),
          operations: [groupOf(defaultExecutor('e'), ...tasks)],
        },
        (_action, user) => user !== 'root',
      ),
    );
    expect(desk.d.statuses('fw')).toEqual([
      'a TASK_ERROR REASON_TASK_GROUP_UNAUTHORIZED',
      'b TASK_ERROR REASON_TASK_GROUP_UNAUTHORIZED',
    ]);
    expect(desk.framework.used).toEqual([]);
  });

  it('an empty one is nothing: no executor either', () => {
    const desk = executorDesk();
    desk.accept(groupOf(defaultExecutor('e')));
    expect([desk.agent.executors.size, desk.d.statuses('fw')]).toEqual([0, []]);
  });

  it('a kill of one task goes to the agent, which knows the group', () => {
    const desk = executorDesk();
    desk.accept(groupOf(defaultExecutor('e'), desk.task('a'), desk.task('b')));
    desk.d.turn((step) => machine.kill(step, desk.framework, { task_id: { value: 'a' } }));
    const kills = told(desk).flatMap((e) => (e.type === 'KILL_TASK' ? [e.kill_task.task_id.value] : []));
    expect(kills).toEqual(['a']);
  });
});

describe('an agent that comes back', () => {
  it('keeps the executors it has, and those it does not have are over', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e'), 't'), desk.on(customExecutor('gone'), 'g')));
    expect(used(desk)).toEqual(both(1.2, 64, 0));
    desk.d.turn((step) => machine.agentStreamClosed(step, 'agent'));
    comeBack(desk, { executors: ['e'], tasks: ['t'] });
    expect([...desk.agent.executors.values()].map((e) => e.id)).toEqual(['e']);
    // the task of the other is still counted until the agent says what became of it
    expect(used(desk)).toEqual(both(1.1, 32, 0));
    const subscribed = told(desk, 'again').find((e) => e.type === 'SUBSCRIBED');
    expect(subscribed).toMatchObject({ subscribed: { unknown_tasks: [{ task_id: { value: 'g' } }] } });
  });

  it('after a failover brings executors and frameworks, charged as they were', () => {
    const desk = executorDesk();
    desk.d.turn((step) => machine.markUnreachable(step, desk.agentId));
    const other = { ...desk.framework.info, id: { value: 'F' } };
    desk.d.agent('again', {
      agent_info: { ...desk.agent.info, id: { value: desk.agentId } },
      frameworks: [other],
      executors: [{ framework_id: { value: 'F' }, executor_info: customExecutor('e') }],
    });
    const framework = desk.d.state.frameworks.get('F');
    expect(framework).toMatchObject({ recovered: true });
    expect(scalarOf(framework?.used ?? [], 'mem')).toBe(32);
    expect(framework?.used.every((r) => r.allocation_info?.role === '*')).toBe(true);
  });

  it('unreachable in between: its executors are counted again, its tasks are announced with theirs', () => {
    const desk = executorDesk(AWARE);
    desk.accept(launchOf(desk.on(customExecutor('e'), 't')));
    desk.d.turn((step) => machine.markUnreachable(step, desk.agentId));
    expect(desk.framework.used).toEqual([]);
    expect(desk.framework.executors.size).toBe(0);
    comeBack(desk, { executors: ['e'], tasks: ['t'] });
    expect(scalarOf(desk.framework.used, 'cpus')).toBe(0.6);
    const last = desk.d.sent('fw').findLast((e) => e.type === 'UPDATE');
    expect(last).toMatchObject({
      update: {
        status: { state: 'TASK_RUNNING', executor_id: { value: 'e' }, reason: 'REASON_AGENT_REREGISTERED' },
      },
    });
  });

  it('without checkpoint: what was declared lost is ended, and stays lost', () => {
    const desk = executorDesk({ checkpoint: false });
    desk.accept(launchOf(desk.on(customExecutor('e'), 't')));
    desk.d.turn((step) => machine.agentStreamClosed(step, 'agent'));
    expect(desk.d.statuses('fw')).toEqual(['t TASK_LOST REASON_AGENT_DISCONNECTED']);
    expect(desk.framework.used).toEqual([]);
    comeBack(desk, { executors: ['e'], tasks: ['t'] });
    expect(told(desk, 'again').map((e) => e.type)).toEqual(['SUBSCRIBED', 'SHUTDOWN_EXECUTOR', 'KILL_TASK']);
    expect([desk.framework.tasks.size, desk.framework.executors.size]).toEqual([0, 0]);
  });

  it('with a task whose id runs elsewhere by now: that one ends, the other is untouched', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.task('t')));
    desk.d.turn((step) => machine.removeAgent(step, desk.agent, 'test'));
    const other = desk.d.agent('other', { address: { ip: '127.0.0.2', port: 5051 } });
    desk.d.allocate();
    desk.d.launch(desk.framework, task('t', other));
    comeBack(desk, { tasks: ['t'] });
    expect(desk.framework.tasks.get('t')?.agentId).toBe(other);
    expect(told(desk, 'again').map((e) => e.type)).toEqual(['SUBSCRIBED', 'KILL_TASK']);
  });

  it('with executors of a framework that is over: told to shut it down', () => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e'), 't')));
    desk.d.turn((step) => machine.agentStreamClosed(step, 'agent'));
    desk.d.turn((step) => machine.removeFramework(step, desk.framework));
    comeBack(desk, { executors: ['e'] });
    expect(told(desk, 'again').map((e) => e.type)).toEqual(['SUBSCRIBED', 'SHUTDOWN_FRAMEWORK']);
    expect(scalarOf(desk.agent.used, 'cpus')).toBe(0);
  });
});
