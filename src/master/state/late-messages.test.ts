import { describe, expect, it } from 'vitest';
import type { FrameworkInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import { Driver, RESOURCES, task } from '../testing/driver.ts';
import * as machine from './index.ts';

const AWARE: Partial<FrameworkInfo> = { capabilities: [{ type: 'PARTITION_AWARE' }] };

/** A framework with the task `t` on an agent, which has said that it starts and then that it runs. */
function running(info: Partial<FrameworkInfo> = AWARE) {
  const d = new Driver();
  const agentId = d.agent('agent');
  const framework = d.framework('fw', info);
  d.allocate();
  const [offer = ''] = framework.offers;
  const accept = (): void =>
    d.turn((step) =>
      machine.accept(step, framework, {
        offer_ids: [{ value: offer }],
        operations: [{ type: 'LAUNCH', launch: { task_infos: [task('t', agentId)] } }],
      }),
    );
  accept();
  d.update(agentId, framework.id, 't', 'TASK_STARTING', 'u1');
  d.update(agentId, framework.id, 't', 'TASK_RUNNING', 'u2');
  return { d, agentId, framework, accept };
}

/** The agent subscribes again, with the task as it knows it. */
function comesBack(
  d: Driver,
  agentId: string,
  info: FrameworkInfo,
  state: TaskState,
  last_status: TaskStatus,
): void {
  const framework_id = { value: info.id?.value ?? '' };
  d.agent('agent', {
    agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
    frameworks: [info],
    tasks: [{ framework_id, task: task('t', agentId), state, last_status }],
  });
}

const heard = (d: Driver): string[] => d.statuses('fw').map((text) => text.split(' ')[1] ?? '');

describe('what comes twice or late', () => {
  it('an ACCEPT of a task that the first copy has launched does not declare it dropped', () => {
    const { d, framework, accept } = running();
    accept();
    expect(framework.tasks.get('t')?.state).toBe('TASK_RUNNING');
    expect(heard(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  it('an update that newer ones have overtaken changes nothing, and nobody hears it', () => {
    const { d, agentId, framework } = running();
    d.update(agentId, framework.id, 't', 'TASK_STARTING', 'u1');
    expect(framework.tasks.get('t')?.state).toBe('TASK_RUNNING');
    expect(heard(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  it('its agent is told that it is acknowledged: it may have lost that, and then say nothing more', () => {
    const { d, agentId, framework } = running();
    d.update(agentId, framework.id, 't', 'TASK_STARTING', 'u1');
    expect(d.sent('agent')).toContainEqual({
      type: 'ACKNOWLEDGE',
      acknowledge: { framework_id: { value: framework.id }, task_id: { value: 't' }, uuid: 'u1' },
    });
    d.update(agentId, framework.id, 't', 'TASK_GONE', 'u3');
    expect(heard(d).at(-1)).toBe('TASK_GONE');
  });

  it('so it is after the end of the task; its end is said again as often as the agent asks for an acknowledgement', () => {
    const { d, agentId, framework } = running();
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    const names = { agent_id: { value: agentId }, task_id: { value: 't' } };
    d.turn((step) => machine.acknowledge(step, framework, { ...names, uuid: 'u3' }));
    expect(framework.tasks.size).toBe(0);
    d.update(agentId, framework.id, 't', 'TASK_RUNNING', 'u2');
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    expect(heard(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED', 'TASK_FINISHED']);
  });

  it('so it is when its agent comes back with the task, as its disk has lost all acknowledgements', () => {
    const { d, agentId, framework } = running();
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    const names = { agent_id: { value: agentId }, task_id: { value: 't' } };
    d.turn((step) => machine.acknowledge(step, framework, { ...names, uuid: 'u3' }));
    comesBack(d, agentId, framework.info, 'TASK_FINISHED', {
      task_id: { value: 't' },
      state: 'TASK_STARTING',
      uuid: 'u1',
    });
    d.update(agentId, framework.id, 't', 'TASK_STARTING', 'u1');
    d.update(agentId, framework.id, 't', 'TASK_RUNNING', 'u2');
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    expect(framework.tasks.size).toBe(0);
    expect(framework.completedTasks).toHaveLength(1);
    expect(heard(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED', 'TASK_FINISHED']);
  });

  it('one of whose end nobody was told is brought by its agent, which was given up meanwhile', () => {
    const { d, agentId, framework } = running();
    const status: TaskStatus = { task_id: { value: 't' }, state: 'TASK_RUNNING', uuid: 'u2' };
    comesBack(d, agentId, framework.info, 'TASK_FINISHED', status);
    d.turn((step) => machine.markUnreachable(step, agentId));
    comesBack(d, agentId, framework.info, 'TASK_FINISHED', status);
    expect(framework.tasks.get('t')?.state).toBe('TASK_FINISHED');
    d.effects = [];
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    expect(heard(d)).toEqual(['TASK_FINISHED']);
  });

  it('another task of the same id is brought by its agent, however the one before ended', () => {
    const { d, agentId, framework } = running();
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    const names = { agent_id: { value: agentId }, task_id: { value: 't' } };
    d.turn((step) => machine.acknowledge(step, framework, { ...names, uuid: 'u3' }));
    comesBack(d, agentId, framework.info, 'TASK_FAILED', {
      task_id: { value: 't' },
      state: 'TASK_FAILED',
      uuid: 'v1',
    });
    expect(framework.tasks.get('t')?.state).toBe('TASK_FAILED');
  });
});

describe('a state that is said again', () => {
  it('is news for operators when it says something else, as where the task is, and not when it is the same', () => {
    const { d, agentId, framework } = running();
    const agent = d.state.agents.get(agentId);
    const say = (status: TaskStatus): void =>
      d.turn((step) => {
        const framework_id = { value: framework.id };
        if (agent) machine.statusUpdate(step, agent, { framework_id, status, latest_state: status.state });
      });
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', timestamp: 5 } as const;
    d.effects = [];
    say({ ...status, uuid: 'u3' });
    say({ ...status, uuid: 'u3' });
    say({ ...status, uuid: 'u4' });
    const network = [{ ip_addresses: [{ ip_address: '10.1.2.3' }] }];
    say({ ...status, uuid: 'u5', container_status: { network_infos: network } });
    const told = d.effects.flatMap((e) =>
      e.kind === 'operators' && e.event.type === 'TASK_UPDATED'
        ? [(e.event.task_updated as { status: TaskStatus }).status.uuid]
        : [],
    );
    expect(told).toEqual(['u3', 'u5']);
  });
});

describe('a task whose framework has not heard of its end', () => {
  const states = (d: Driver): unknown[] =>
    d.effects.flatMap((e) =>
      e.kind === 'operators' && e.event.type === 'TASK_UPDATED'
        ? [(e.event.task_updated as { state: unknown }).state]
        : [],
    );

  it('is over for operators as soon as its agent mentions it', () => {
    const { d, agentId, framework } = running();
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', uuid: 'u2' } as const;
    const again = (): void => {
      const agent = d.state.agents.get(agentId);
      const framework_id = { value: framework.id };
      if (agent)
        d.turn((step) =>
          machine.statusUpdate(step, agent, { framework_id, status, latest_state: 'TASK_FAILED' }),
        );
    };
    again();
    again();
    expect(framework.tasks.get('t')?.state).toBe('TASK_FAILED');
    expect(states(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
  });

  it.each([
    ['TASK_FAILED', ['TASK_FAILED']],
    ['TASK_KILLING', []],
  ] as const)(
    'is over for operators when its agent subscribes again, not when it lives (%s)',
    (state, said) => {
      const { d, agentId, framework } = running();
      const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', uuid: 'u2' } as const;
      comesBack(d, agentId, framework.info, state, status);
      expect(framework.tasks.get('t')?.state).toBe(state);
      expect(states(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING', ...said]);
      expect(heard(d)).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    },
  );
});

describe('an agent that was unreachable and comes back without a task', () => {
  it.each([
    [AWARE, 'TASK_UNREACHABLE', 'TASK_GONE'],
    [{}, 'TASK_LOST', 'TASK_LOST'],
  ] as const)('ends it, and its framework hears so (%o)', (info, away, end) => {
    const { d, agentId, framework } = running(info);
    d.turn((step) => machine.markUnreachable(step, agentId));
    expect([...framework.unreachableTasks.keys()]).toEqual(['t']);
    d.agent('agent', {
      agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
    });
    expect(framework.unreachableTasks.size).toBe(0);
    expect(framework.completedTasks.map((t) => [t.id, t.state])).toEqual([['t', end]]);
    expect(heard(d).slice(2)).toEqual(away === end ? [away] : [away, end]);
  });

  it('brings one that has said nothing yet: being told of its loss, its framework still takes its end', () => {
    const d = new Driver();
    const agentId = d.agent('agent');
    const framework = d.framework('fw', {});
    d.allocate();
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [task('t', agentId)] } } as const];
    const offer_ids = [...framework.offers].map((value) => ({ value }));
    d.turn((step) => machine.accept(step, framework, { offer_ids, operations }));
    d.turn((step) => machine.markUnreachable(step, agentId));
    d.agent('agent', {
      agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
      frameworks: [framework.info],
      tasks: [{ framework_id: { value: framework.id }, task: task('t', agentId), state: 'TASK_STAGING' }],
    });
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u1');
    const names = { agent_id: { value: agentId }, task_id: { value: 't' } };
    d.turn((step) => machine.acknowledge(step, framework, { ...names, uuid: 'u1' }));
    expect(framework.tasks.size).toBe(0);
    expect(framework.completedTasks.map((t) => [t.id, t.state])).toEqual([['t', 'TASK_FINISHED']]);
  });

  it('brings one that has ended: its framework hears of the end in its turn', () => {
    const { d, agentId, framework } = running();
    d.turn((step) => machine.markUnreachable(step, agentId));
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', uuid: 'u2' } as const;
    d.agent('agent', {
      agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
      frameworks: [framework.info],
      tasks: [
        {
          framework_id: { value: framework.id },
          task: task('t', agentId),
          state: 'TASK_FINISHED',
          last_status: status,
        },
      ],
    });
    d.update(agentId, framework.id, 't', 'TASK_RUNNING', 'u2');
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u3');
    expect(heard(d).slice(3)).toEqual(['TASK_RUNNING', 'TASK_RUNNING', 'TASK_FINISHED']);
  });

  it.each(['the master that gave it up', 'another master'])(
    'brings a task to %s: its history ends with what the agent says of it, and operators hear no more than that it is there',
    (who) => {
      const { d: before, agentId, framework } = running();
      before.turn((step) => machine.markUnreachable(step, agentId));
      const d = who === 'another master' ? new Driver() : before;
      d.state.unreachableAgents.set(agentId, d.now);
      d.effects = [];
      const container_status = { container_id: { value: 'c' } };
      const last_status = {
        task_id: { value: 't' },
        state: 'TASK_RUNNING',
        uuid: 'u2',
        container_status,
      } as const;
      d.agent('agent', {
        agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
        frameworks: [{ ...framework.info, id: { value: framework.id } }],
        tasks: [
          {
            framework_id: { value: framework.id },
            task: task('t', agentId),
            state: 'TASK_RUNNING',
            last_status,
          },
        ],
      });
      const back = d.state.frameworks.get(framework.id)?.tasks.get('t');
      expect(back?.statuses.map((s) => s.state)).not.toContain('TASK_UNREACHABLE');
      expect(back?.statuses.at(-1)).toMatchObject({ state: 'TASK_RUNNING', uuid: 'u2', container_status });
      const said = d.effects.flatMap((e) =>
        e.kind === 'operators' && e.event.type.startsWith('TASK') ? [e.event] : [],
      );
      expect(said).toMatchObject([
        { type: 'TASK_ADDED', task_added: { task: { statuses: back?.statuses ?? [] } } },
      ]);
      if (who !== 'another master') expect(heard(d)).toEqual(['TASK_RUNNING']);
    },
  );

  it('has nothing of a framework that was removed meanwhile', () => {
    const { d, agentId, framework } = running();
    d.turn((step) => machine.markUnreachable(step, agentId));
    d.turn((step) => machine.removeFramework(step, framework));
    expect(framework.unreachableTasks.size).toBe(0);
    expect(framework.completedTasks.map((t) => t.state)).toEqual(['TASK_KILLED']);
  });
});
