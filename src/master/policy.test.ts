import { describe, expect, it, onTestFinished } from 'vitest';
import type { Access } from '../core/http/guard.ts';
import { CompiledPolicy } from '../core/policy/compiled-policy.ts';
import type { Rule } from '../core/policy/types.ts';
import { getJson, operate, task, TestAgent, TestScheduler, watchOperator } from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';
import { answerOf, starter } from './testing/stage.ts';

const start = starter(onTestFinished);

/** Everybody is whom the test says, and may what it says. */
class Stage {
  /** The principal of whoever asks next. */
  who = 'admin';
  readonly access: Access;

  constructor(rules: readonly Rule[]) {
    this.access = {
      authenticator: {
        authenticate: async () => ({
          kind: 'subject',
          subject: { kind: 'principal', name: this.who, groups: [] },
        }),
      },
      authorizer: new CompiledPolicy({ version: 1, default: 'allow', rules }),
    };
  }
}

const deny = (who: string, action: string, on?: string): Rule => ({
  name: `${who}-${action}`,
  effect: 'deny',
  who: [`principal:${who}`],
  may: [action],
  ...(on !== undefined && { on: [on] }),
});

async function startWith(rules: readonly Rule[]): Promise<RunningMaster & { readonly stage: Stage }> {
  const stage = new Stage(rules);
  return { ...(await start({ access: stage.access })), stage };
}

describe('the master asks the policy', () => {
  it('which roles a framework may register with', async () => {
    const master = await startWith([deny('fw', 'register_frameworks', 'bad')]);
    master.stage.who = 'fw';
    const refused = await TestScheduler.open(master, { role: 'bad' });
    expect(await refused.stream.next()).toEqual({
      type: 'ERROR',
      error: { message: 'Not authorized to register framework  with roles { bad }' },
    });
    await refused.stream.end();
    const scheduler = await TestScheduler.subscribe(master, { role: 'ok' });
    const info = { user: 'root', name: 'test', id: { value: scheduler.id }, role: 'bad' };
    expect((await scheduler.call('UPDATE_FRAMEWORK', { framework_info: info })).status).toBe(403);
  });

  it('as whom tasks may run', async () => {
    const master = await startWith([deny('fw', 'run_tasks', 'root')]);
    const agent = await TestAgent.subscribe(master);
    master.stage.who = 'fw';
    const scheduler = await TestScheduler.subscribe(master);
    master.clock.advance(1);
    const offer = await scheduler.offer();
    const command = { value: 'true', user: 'nobody' };
    const infos = [task('as-root', agent.id), task('as-nobody', agent.id, { command })];
    await scheduler.call('ACCEPT', {
      offer_ids: [offer.id],
      operations: [{ type: 'LAUNCH', launch: { task_infos: infos } }],
    });
    expect(await scheduler.status()).toMatchObject({
      task_id: { value: 'as-root' },
      state: 'TASK_ERROR',
      reason: 'REASON_TASK_UNAUTHORIZED',
      message: "Not authorized to launch as user 'root'",
    });
    expect((await agent.stream.next('RUN_TASK')).run_task.task.task_id.value).toBe('as-nobody');
  });

  it('what whoever looks may see, also on the operator stream', async () => {
    const master = await startWith([
      deny('ro', 'view_frameworks', 'hidden'),
      deny('ro', 'view_tasks', 'root'),
      deny('ro', 'view_roles', 'secret'),
      deny('ro', 'view_flags'),
    ]);
    const { stage } = master;
    stage.who = 'ro';
    const seen = await watchOperator(master);
    await seen.next('SUBSCRIBED');
    stage.who = 'admin';
    const all = await watchOperator(master);
    await all.next('SUBSCRIBED');
    const agent = await TestAgent.subscribe(master);
    await TestScheduler.subscribe(master, { user: 'hidden', role: 'secret' });
    const shown = await TestScheduler.subscribe(master, { user: 'shown' });
    master.clock.advance(1_000);
    const offer = await shown.offer();
    const infos = [
      task('hidden-task', agent.id, { command: { value: 'x', user: 'root' } }),
      task('shown-task', agent.id),
    ];
    await shown.call('ACCEPT', {
      offer_ids: [offer.id],
      operations: [{ type: 'LAUNCH', launch: { task_infos: infos } }],
    });
    const toldTo = async (stream: typeof all): Promise<string[]> => {
      await stream.next('TASK_ADDED');
      const last = stream.seen.at(-1);
      if (!JSON.stringify(last).includes('shown-task')) await stream.next('TASK_ADDED');
      return stream.seen.filter(({ type }) => /TASK|FRAMEWORK/.test(type)).map(({ type }) => type);
    };
    expect(await toldTo(all)).toEqual(['FRAMEWORK_ADDED', 'FRAMEWORK_ADDED', 'TASK_ADDED', 'TASK_ADDED']);
    expect(await toldTo(seen)).toEqual(['FRAMEWORK_ADDED', 'TASK_ADDED']);

    stage.who = 'ro';
    const state = await getJson(master, '/state');
    expect(state['frameworks']).toMatchObject([{ user: 'shown', tasks: [{ id: 'shown-task' }] }]);
    expect(state['flags']).toBeUndefined();
    expect(await answerOf(master, '/flags')).toBe('403 403 Forbidden.');
    expect(await answerOf(master, '/api/v1', { type: 'GET_FLAGS' })).toBe('403 403 Forbidden.');
    const tasks = await operate(master, { type: 'GET_TASKS' });
    expect(tasks['get_tasks']).toMatchObject({ tasks: [{ name: 'shown-task' }] });
    expect((await getJson(master, '/roles'))['roles']).toMatchObject([{ name: '*' }]);
    const later = await watchOperator(master);
    const { subscribed } = (await later.next('SUBSCRIBED')) as unknown as { subscribed: object };
    expect(subscribed).toMatchObject({ get_state: { get_tasks: { tasks: [{ name: 'shown-task' }] } } });

    stage.who = 'admin';
    expect((await getJson(master, '/state'))['frameworks']).toHaveLength(2);
    expect((await getJson(master, '/roles'))['roles']).toHaveLength(2);
  });

  it('who may tear down, mark agents gone, add agents and read metrics', async () => {
    const master = await startWith([
      deny('ro', 'teardown_frameworks'),
      deny('ro', 'mark_agents_gone'),
      deny('ro', 'register_agents'),
      deny('ro', 'get_endpoints', '/metrics/snapshot'),
    ]);
    const scheduler = await TestScheduler.subscribe(master);
    const agent = await TestAgent.subscribe(master);
    master.stage.who = 'ro';
    const teardown = { type: 'TEARDOWN', teardown: { framework_id: { value: scheduler.id } } };
    const gone = { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: agent.id } } };
    expect(await answerOf(master, '/api/v1', teardown)).toBe('403 403 Forbidden.');
    expect(await answerOf(master, '/api/v1', gone)).toBe('403 403 Forbidden.');
    expect(await answerOf(master, '/metrics/snapshot')).toBe('403 403 Forbidden.');
    await expect(TestAgent.subscribe(master, { port: 5052 })).rejects.toThrow();
    master.stage.who = 'admin';
    expect(await answerOf(master, '/metrics/snapshot')).toMatch(/^200 /);
    expect(await answerOf(master, '/api/v1', gone)).toBe('200 ');
    expect(await answerOf(master, '/api/v1', teardown)).toBe('200 ');
  });
});
