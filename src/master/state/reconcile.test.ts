import { describe, expect, it } from 'vitest';
import type { TaskStatus } from '../../mesos/index.ts';
import { Driver, RESOURCES, task } from '../testing/driver.ts';
import * as machine from './index.ts';

// The table of mesos-api.md §1.12, row by row, for frameworks that know partitions and for those that do not.
const AWARE = { capabilities: [{ type: 'PARTITION_AWARE' }] };

/** A framework of each kind, and agents in every state there is. */
function world(): {
  readonly d: Driver;
  readonly here: string;
  readonly lost: string;
  readonly gone: string;
} {
  const d = new Driver();
  const agent = (stream: string, port: number): string =>
    d.agent(stream, { address: { ip: '10.0.0.1', port } });
  const [here, lost, gone] = [agent('here', 1), agent('lost', 2), agent('gone', 3)];
  d.framework('aware', AWARE);
  d.framework('plain');
  d.now = 1_000_000;
  d.turn((step) => machine.markUnreachable(step, lost));
  d.turn((step) => machine.markGone(step, gone));
  d.effects = [];
  return { d, here, lost, gone };
}

/** What a framework is told of a task that nobody knows on this agent. */
function answer(d: Driver, stream: string, agentId: string | undefined): TaskStatus | undefined {
  const framework = [...d.state.frameworks.values()].find((f) => f.streamId === stream);
  if (!framework) throw new Error('no framework');
  d.effects = [];
  const ref = { task_id: { value: 'x' }, ...(agentId === undefined ? {} : { agent_id: { value: agentId } }) };
  d.turn((step) => machine.reconcile(step, framework, [ref]));
  const [status] = d.sent(stream).flatMap((e) => (e.type === 'UPDATE' ? [e.update.status] : []));
  return status;
}

describe('RECONCILE of a task that nobody knows', () => {
  const none = 'nowhere' as const;
  it.each([
    ['on an agent that is there', 'here', 'TASK_GONE', 'unknown to the agent'],
    ['on an unreachable agent', 'lost', 'TASK_UNREACHABLE', 'unreachable'],
    ['on an agent that is gone', 'gone', 'TASK_GONE_BY_OPERATOR', 'gone'],
    ['on an agent that nobody knows', 'strange', 'TASK_UNKNOWN', 'unknown'],
    ['without an agent', none, 'TASK_UNKNOWN', 'unknown'],
  ] as const)('%s', (_row, where, state, text) => {
    const { d, ...ids } = world();
    const agentId = where === none ? undefined : where === 'strange' ? 'strange' : ids[where];
    const expected = {
      task_id: { value: 'x' },
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
      message: `Reconciliation: Task is ${text}`,
      timestamp: d.now / 1000,
      ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
      ...(where === 'lost' ? { unreachable_time: { nanoseconds: 1_000_000 * 1e6 } } : {}),
    };
    expect(answer(d, 'aware', agentId)).toEqual({ ...expected, state });
    expect(answer(d, 'plain', agentId)).toEqual({ ...expected, state: 'TASK_LOST' });
  });

  it.each(['aware', 'plain'])('%s: silence while its agent may yet bring it', (stream) => {
    const { d, here } = world();
    d.state.recoveredAgents.set('awaited', { hostname: 'h', port: 1, resources: [] });
    expect(answer(d, stream, 'awaited')).toBeUndefined();
    // it may be on that one
    expect(answer(d, stream, undefined)).toBeUndefined();
    expect(answer(d, stream, here)).toMatchObject({
      message: 'Reconciliation: Task is unknown to the agent',
    });
    expect(answer(d, stream, 'strange')).toMatchObject({ message: 'Reconciliation: Task is unknown' });
  });
});

describe('RECONCILE of tasks that the master has', () => {
  it('the state that the framework was last told, else the latest; with what was said of health and checks', () => {
    const d = new Driver();
    const agentId = d.agent('agent');
    const framework = d.framework('fw');
    d.allocate();
    d.launch(framework, task('staging', agentId), task('running', agentId), task('ended', agentId));
    const agent = d.state.agents.get(agentId);
    const more = {
      healthy: false,
      check_status: { type: 'TCP', tcp: { succeeded: true } },
      container_status: { container_id: { value: 'c' } },
      data: 'aGk=',
      labels: { labels: [{ key: 'k' }] },
    } as const;
    if (agent)
      d.turn((step) =>
        machine.statusUpdate(step, agent, {
          framework_id: { value: framework.id },
          status: { task_id: { value: 'running' }, state: 'TASK_RUNNING', uuid: 'u', ...more },
          // the agent knows more than it has told so far
          latest_state: 'TASK_FINISHED',
        }),
      );
    d.update(agentId, framework.id, 'ended', 'TASK_FAILED', 'v');
    d.effects = [];
    d.turn((step) => machine.reconcile(step, framework, []));
    const common = {
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
      message: 'Reconciliation: Latest task state',
      agent_id: { value: agentId },
      timestamp: d.now / 1000,
    };
    const { data, labels, ...kept } = more;
    const statuses = d.sent('fw').flatMap((e) => (e.type === 'UPDATE' ? [e.update.status] : []));
    expect(statuses).toEqual([
      { ...common, task_id: { value: 'staging' }, state: 'TASK_STAGING' },
      { ...common, ...kept, task_id: { value: 'running' }, state: 'TASK_RUNNING' },
      // not acknowledged yet, so it is still on the list
      { ...common, task_id: { value: 'ended' }, state: 'TASK_FAILED' },
    ]);
    d.effects = [];
    d.turn((step) => machine.reconcile(step, framework, [{ task_id: { value: 'ended' } }]));
    expect(d.statuses('fw')).toEqual(['ended TASK_FAILED REASON_RECONCILIATION']);
  });

  it('one that nothing was told of is staging, though its agent knows that it is over', () => {
    const d = new Driver();
    const agentId = d.agent('agent');
    const framework = d.framework('fw');
    d.allocate();
    d.launch(framework, task('t', agentId));
    const framework_id = { value: framework.id };
    const last_status = { task_id: { value: 't' }, state: 'TASK_STARTING', uuid: 'u' } as const;
    d.agent('agent', {
      agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
      frameworks: [framework.info],
      tasks: [{ framework_id, task: task('t', agentId), state: 'TASK_KILLED', last_status }],
    });
    d.effects = [];
    d.turn((step) => machine.reconcile(step, framework, []));
    d.update(agentId, framework.id, 't', 'TASK_STARTING', 'u');
    expect(d.statuses('fw').map((text) => text.split(' ')[1])).toEqual(['TASK_STAGING', 'TASK_STARTING']);
  });

  it('an unreachable one is unreachable, also for who does not say where it was', () => {
    const d = new Driver();
    const agentId = d.agent('agent', { agent_info: { hostname: 'h', port: 5051, resources: RESOURCES } });
    const framework = d.framework('fw', AWARE);
    d.allocate();
    d.launch(framework, task('t', agentId));
    d.turn((step) => machine.markUnreachable(step, agentId));
    d.effects = [];
    d.turn((step) => machine.reconcile(step, framework, [{ task_id: { value: 't' } }]));
    expect(d.statuses('fw')).toEqual(['t TASK_UNREACHABLE REASON_RECONCILIATION']);
  });
});

describe('operations that this master does not carry out', () => {
  const told = (d: Driver): unknown[] =>
    d
      .sent('aware')
      .map((e) => (e.type === 'UPDATE_OPERATION_STATUS' ? e.update_operation_status.status : e.type));

  it.each([
    ['here', 'OPERATION_UNKNOWN', 'Operation is unknown'],
    ['lost', 'OPERATION_UNREACHABLE', 'Agent is unreachable'],
    ['gone', 'OPERATION_GONE_BY_OPERATOR', 'Agent marked gone by operator'],
    ['awaited', 'OPERATION_RECOVERING', 'Agent is recovered but has not re-registered'],
    ['strange', 'OPERATION_UNKNOWN', 'Both operation and agent are unknown'],
    ['nowhere', 'OPERATION_UNKNOWN', "Operation is unknown and no 'agent_id' was provided"],
  ] as const)('RECONCILE_OPERATIONS, agent %s: %s', (where, state, text) => {
    const { d, ...ids } = world();
    d.state.recoveredAgents.set('awaited', { hostname: 'h', port: 1, resources: [] });
    const known: Readonly<Record<string, string>> = ids;
    const agent_id = where === 'nowhere' ? {} : { agent_id: { value: known[where] ?? where } };
    const [framework] = d.state.frameworks.values();
    const operation_id = { value: 'op' };
    if (framework)
      d.turn((step) => {
        machine.reconcileOperations(step, framework, [{ operation_id, ...agent_id }]);
        machine.reconcileOperations(step, framework, []);
      });
    expect(told(d)).toEqual([{ operation_id, state, message: `Reconciliation: ${text}`, ...agent_id }]);
  });

  const TYPES = `RESERVE UNRESERVE CREATE DESTROY GROW_VOLUME SHRINK_VOLUME CREATE_DISK DESTROY_DISK UNKNOWN`;
  it.each(TYPES.split(' '))(
    '%s: OPERATION_ERROR for who gave it an id, silence else; launches go on',
    (type) => {
      const { d, here } = world();
      const [framework] = d.state.frameworks.values();
      if (!framework) throw new Error('no framework');
      d.allocate();
      d.effects = [];
      const offer_ids = [...framework.offers].map((value) => ({ value }));
      const launch = { type: 'LAUNCH', launch: { task_infos: [task('t', here)] } };
      const operations = [{ type, id: { value: 'op' } }, { type }, launch];
      d.turn((step) => machine.accept(step, framework, { offer_ids, operations }));
      expect(told(d)).toEqual([
        {
          operation_id: { value: 'op' },
          state: 'OPERATION_ERROR',
          message: `Operation ${type} is not supported by this master: only LAUNCH and LAUNCH_GROUP are`,
        },
      ]);
      expect(framework.tasks.has('t')).toBe(true);
    },
  );

  it('an operation with an id on offers that are over: the same reason as tasks hear', () => {
    const { d, here } = world();
    const [framework] = d.state.frameworks.values();
    const operations = [
      { type: 'RESERVE', id: { value: 'op' } },
      { type: 'LAUNCH', launch: { task_infos: [task('t', here)] } },
    ];
    if (framework)
      d.turn((step) => machine.accept(step, framework, { offer_ids: [{ value: 'over' }], operations }));
    const message = 'Task launched with invalid offers: Offer over is no longer valid';
    expect(told(d)).toEqual([{ operation_id: { value: 'op' }, state: 'OPERATION_ERROR', message }, 'UPDATE']);
    expect(d.statuses('aware')).toEqual(['t TASK_DROPPED REASON_INVALID_OFFERS']);
  });
});
