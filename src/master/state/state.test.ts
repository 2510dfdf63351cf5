import { describe, expect, it } from 'vitest';
import type { FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import { Driver, RESOURCES, task } from '../testing/driver.ts';
import * as machine from './index.ts';

/** A driver with one agent, one framework and an offer. */
function ready(info: Partial<FrameworkInfo> = {}): {
  d: Driver;
  agentId: string;
  framework: machine.FrameworkEntry;
} {
  const d = new Driver();
  const agentId = d.agent('agent');
  const framework = d.framework('fw', info);
  d.allocate();
  return { d, agentId, framework };
}
const AWARE = { capabilities: [{ type: 'PARTITION_AWARE' }] };

describe('ACCEPT', () => {
  it('launches what is right and says what is wrong with the rest, task by task', () => {
    const { d, agentId, framework } = ready();
    const cpus = (value: number): Partial<TaskInfo> => ({
      resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value } }],
    });
    d.launch(
      framework,
      task('good', agentId),
      task('a/b', agentId),
      task('good', agentId),
      task('elsewhere', 'other'),
      task('greedy', agentId, cpus(100)),
      task('negative', agentId, cpus(-1)),
      task('none', agentId, { resources: [] }),
      { ...task('bare', agentId), command: undefined } as unknown as TaskInfo,
      task('custom', agentId, { command: undefined as never, executor: { executor_id: { value: 'own' } } }),
      task('check', agentId, { health_check: { type: 'HTTP', http: { port: 1, path: 'x' } } }),
      task('also-good', agentId),
    );
    expect([...framework.tasks.keys()]).toEqual(['good', 'also-good']);
    const errors = d.statuses('fw');
    expect(errors.map((e) => e.split(' ')[0])).toEqual([
      'a/b',
      'good',
      'elsewhere',
      'greedy',
      'negative',
      'none',
      'bare',
      'custom',
      'check',
    ]);
    expect(errors.every((e) => e.endsWith('TASK_ERROR REASON_TASK_INVALID'))).toBe(true);
    const messages = d.sent('fw').flatMap((e) => (e.type === 'UPDATE' ? [e.update.status.message] : []));
    expect(messages).toContain('Task has duplicate ID: good');
    expect(messages).toContain(
      'Total resources cpus(allocated: *):100 required by task and its executor is more than available cpus(allocated: *):3.5; mem(allocated: *):1024; ports(allocated: *):[31000-31010]',
    );
  });

  it('refuses used and unknown offers, groups without a kind of executor and other operations', () => {
    const { d, agentId, framework } = ready(AWARE);
    const [offer = ''] = framework.offers;
    const accept = (operations: object[], ...ids: string[]): void =>
      d.turn((step) =>
        machine.accept(step, framework, { offer_ids: ids.map((value) => ({ value })), operations }),
      );
    accept([{ type: 'LAUNCH', launch: { task_infos: [task('t1', agentId)] } }], 'bogus', offer);
    expect(framework.offers.size).toBe(0);
    expect(d.statuses('fw')).toEqual(['t1 TASK_DROPPED REASON_INVALID_OFFERS']);
    framework.suppressed.clear();
    d.allocate();
    const group = {
      type: 'LAUNCH_GROUP',
      launch_group: {
        executor: { executor_id: { value: 'e' } },
        task_group: { tasks: [task('g', agentId)] },
      },
    };
    accept([group, { type: 'RESERVE', id: { value: 'op' } }], ...framework.offers);
    expect(d.statuses('fw').at(-1)).toBe('g TASK_ERROR REASON_TASK_GROUP_INVALID');
    expect(d.sent('fw').at(-1)).toMatchObject({
      type: 'UPDATE_OPERATION_STATUS',
      update_operation_status: { status: { operation_id: { value: 'op' }, state: 'OPERATION_ERROR' } },
    });
  });

  it('keeps quiet about the rest for as long as the framework refused it', () => {
    const { d, agentId, framework } = ready();
    const [offer = ''] = framework.offers;
    d.turn((step) => machine.decline(step, framework, { offer_ids: [{ value: offer }] }));
    d.now += 4999;
    d.allocate();
    expect(framework.offers.size).toBe(0);
    d.now += 1;
    d.allocate();
    expect(framework.offers.size).toBe(1);
    d.turn((step) => machine.suppressRoles(step, framework, []));
    d.launch(framework, task('t', agentId));
    d.allocate();
    expect(framework.offers.size).toBe(0);
    d.turn((step) => machine.revive(step, framework, ['not-mine']));
    d.allocate();
    expect(framework.offers.size).toBe(0);
    d.turn((step) => machine.revive(step, framework, []));
    d.allocate();
    expect(framework.offers.size).toBe(1);
  });
});

describe('an agent that is lost', () => {
  it('unreachable: aware frameworks may get their tasks back, the others hear LOST', () => {
    const { d, agentId, framework } = ready(AWARE);
    d.launch(framework, task('t', agentId));
    const old = d.framework('old');
    d.allocate();
    d.launch(old, task('o', agentId));
    for (let i = 0; i < 6; i++) d.turn((step) => machine.pingAgents(step));
    expect(d.effects).toContainEqual({ kind: 'give-up-agent', agentId });
    d.turn((step) => machine.markUnreachable(step, agentId));
    expect(d.statuses('fw')).toEqual(['t TASK_UNREACHABLE REASON_AGENT_REMOVED']);
    expect(d.statuses('old')).toEqual(['o TASK_LOST REASON_AGENT_REMOVED']);
    expect(framework.used).toEqual([]);
    d.turn((step) => machine.reconcile(step, framework, [{ task_id: { value: 't' } }]));
    expect(d.statuses('fw').at(-1)).toBe('t TASK_UNREACHABLE REASON_RECONCILIATION');

    const known = { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES };
    const info = task('t', agentId);
    d.agent('agent2', {
      agent_info: known,
      frameworks: [framework.info, old.info],
      tasks: [
        { framework_id: { value: framework.id }, task: info, state: 'TASK_RUNNING' },
        { framework_id: { value: old.id }, task: task('o', agentId), state: 'TASK_RUNNING' },
      ],
    });
    expect(d.statuses('fw').at(-1)).toBe('t TASK_RUNNING REASON_AGENT_REREGISTERED');
    expect(d.statuses('old').at(-1)).toBe('o TASK_RUNNING REASON_AGENT_REREGISTERED');
    expect(old.tasks.get('o')?.state).toBe('TASK_RUNNING');
    const types = d.effects.flatMap((e) => (e.kind === 'operators' ? [e.event.type] : []));
    expect(types.slice(-4)).toEqual(['TASK_UPDATED', 'TASK_ADDED', 'TASK_ADDED', 'AGENT_ADDED']);
  });

  it('disconnected: offers go, tasks of frameworks without checkpoint are lost at once, kills are repeated', () => {
    const { d, agentId, framework } = ready();
    d.launch(framework, task('t', agentId));
    const hasty = d.framework('hasty', { checkpoint: false });
    d.allocate();
    d.launch(hasty, task('h', agentId));
    d.allocate();
    d.turn((step) => machine.agentStreamClosed(step, 'agent'));
    expect(d.state.offers.size).toBe(0);
    expect(d.statuses('hasty')).toEqual(['h TASK_LOST REASON_AGENT_DISCONNECTED']);
    expect(framework.tasks.get('t')?.state).toBe('TASK_STAGING');
    d.turn((step) => machine.kill(step, framework, { task_id: { value: 't' } }));
    d.agent('again', {
      agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
      frameworks: [framework.info],
      tasks: [{ framework_id: { value: framework.id }, task: task('t', agentId), state: 'TASK_RUNNING' }],
    });
    const sent = d.effects.flatMap((e) => (e.kind === 'send' && e.streamId === 'again' ? [e.event] : []));
    expect(sent.map((e) => e.type)).toEqual(['SUBSCRIBED', 'KILL_TASK']);
    expect(framework.tasks.get('t')?.state).toBe('TASK_RUNNING');
  });

  it('tells the agent which tasks it has forgotten', () => {
    const { d, agentId, framework } = ready();
    d.launch(framework, task('t', agentId));
    d.agent('again', {
      agent_info: { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES },
    });
    const subscribed = d.effects.flatMap((e) =>
      e.kind === 'send' && e.streamId === 'again' && e.event.type === 'SUBSCRIBED'
        ? [e.event.subscribed]
        : [],
    );
    expect(subscribed).toMatchObject([{ unknown_tasks: [{ task_id: { value: 't' } }] }]);
  });

  it('gone: for good', () => {
    const { d, agentId, framework } = ready(AWARE);
    d.launch(framework, task('t', agentId));
    d.turn((step) => machine.markGone(step, agentId));
    expect(d.statuses('fw')).toEqual(['t TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR']);
    const agent_info = { id: { value: agentId }, hostname: 'h', port: 5051, resources: RESOURCES };
    expect(() => d.agent('back', { agent_info })).toThrow('marked gone');
  });
});

describe('frameworks', () => {
  it.each([
    [
      { role: 'a/../b' },
      "'FrameworkInfo.role' is not a valid role: Role 'a/../b' cannot include '..' as a component",
    ],
    [{ roles: ['a'] }, 'not MULTI_ROLE capable'],
    [{ failover_timeout: Number.POSITIVE_INFINITY }, 'failover_timeout'],
    [{ id: { value: 'a/b' } }, 'invalid characters'],
  ])('%j is refused on the stream', (bad, message) => {
    const d = new Driver();
    expect(() => d.framework('s', bad)).toThrow('refused');
    expect(d.effects).toMatchObject([
      {
        kind: 'send',
        event: { type: 'ERROR', error: { message: expect.stringContaining(message) as string } },
      },
      { kind: 'end', streamId: 's' },
    ]);
  });

  it('are removed when they do not come back in time, and never return', () => {
    const { d, agentId, framework } = ready({ failover_timeout: 10 });
    d.launch(framework, task('t', agentId));
    d.turn((step) => machine.frameworkStreamClosed(step, 'fw'));
    d.now += 9_999;
    d.turn((step) => machine.tick(step));
    expect(d.state.frameworks.size).toBe(1);
    d.now += 1;
    d.turn((step) => machine.tick(step));
    expect(d.state.frameworks.size).toBe(0);
    expect(d.state.agents.get(agentId)?.used).toEqual([]);
    expect(d.sent('agent').at(-1)).toMatchObject({ type: 'SHUTDOWN_FRAMEWORK' });
    expect(() => d.framework('late', { id: { value: framework.id } })).toThrow('refused');
    expect(d.sent('late')).toEqual([{ type: 'ERROR', error: { message: 'Framework has been removed' } }]);
  });
});
