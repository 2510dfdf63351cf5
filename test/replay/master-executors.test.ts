import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  agentInfo,
  getJson,
  operate,
  startMaster,
  task,
  TestAgent,
  TestScheduler,
  watchOperator,
} from '../../src/master/testing/peers.ts';
import type { Event, EventStream, RunningMaster, TestOffer } from '../../src/master/testing/peers.ts';
import { parseResources } from '../../src/mesos/index.ts';

// Calls about executors and task groups as they were made to a real Apache Mesos, and what it then said on its streams
// and showed to operators. The agent's part is said by a test agent, with the statuses that were recorded.
type Json = Readonly<Record<string, unknown>>;
interface Line {
  readonly step: string;
  readonly call?: Json;
  readonly events?: readonly Event[];
  readonly answer?: Json;
}
const FIXTURE = new URL('../fixtures/golden-master/executors.jsonl', import.meta.url);
const LINES = new Map(
  readFileSync(FIXTURE, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
    .map((line) => [line.step, line] as const),
);
function line(step: string): Line {
  const found = LINES.get(step);
  if (!found) throw new Error(`nothing recorded as ${step}`);
  return found;
}
const eventsOf = (step: string): readonly Event[] => line(step).events ?? [];

const ROLES = ['web', 'infra'];
const INFO = {
  name: 'marathon',
  roles: ROLES,
  checkpoint: true,
  failover_timeout: 604_800,
  capabilities: ['MULTI_ROLE', 'PARTITION_AWARE', 'TASK_KILLING_STATE', 'RESERVATION_REFINEMENT'].map(
    (type) => ({
      type,
    }),
  ),
};

describe('executors and task groups as recorded from Apache Mesos', () => {
  let master: RunningMaster;
  let agent: TestAgent;
  let scheduler: TestScheduler;
  let operator: EventStream;

  beforeAll(async () => {
    master = await startMaster();
    const parsed = parseResources('cpus:8;mem:8192;disk:10240;ports:[31000-32000]');
    agent = await TestAgent.subscribe(master, {
      info: agentInfo({ resources: parsed.ok ? parsed.value : [] }),
    });
    scheduler = await TestScheduler.subscribe(master, INFO);
    operator = await watchOperator(master);
    const offer = await offerIn('web');
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [task('web.instance-1', agent.id)] } }];
    await scheduler.call('ACCEPT', { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } });
    await operator.next('TASK_ADDED');
    await agent.stream.next('RUN_TASK');
  });
  afterAll(() => master.stop());

  /** What was recorded with the ids of here, and the other way round without times. */
  const ours = <T>(recorded: T): T =>
    JSON.parse(
      JSON.stringify(recorded).replaceAll('AGENT', agent.id).replaceAll('FRAMEWORK', scheduler.id),
    ) as T;
  const timeless = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value, (key, part: unknown) => (key === 'timestamp' ? undefined : part))) as T;
  const expected = (step: string): readonly Event[] => timeless(ours(eventsOf(step)));

  async function heard(stream: EventStream, step: string): Promise<Event[]> {
    const events: Event[] = [];
    for (const { type } of eventsOf(step)) events.push(timeless(await stream.next(type)));
    return events;
  }

  /** Everything of the agent, offered in this role. */
  async function offerIn(role: string): Promise<TestOffer> {
    await scheduler.call('SUPPRESS', { roles: ROLES.filter((other) => other !== role) });
    await scheduler.call('REVIVE', { roles: [role] });
    for (;;) {
      master.clock.advance(1000);
      const offer = await scheduler.offer();
      if ((offer['allocation_info'] as { role: string }).role === role) return offer;
      await scheduler.call('DECLINE', { offer_ids: [offer.id], filters: { refuse_seconds: 0 } });
    }
  }

  async function play(step: string, more: Json = {}): Promise<void> {
    const { type, framework_id, ...payload } = ours(line(step).call ?? {}) as Json & { type: string };
    const response = await scheduler.call(type, { ...(payload[type.toLowerCase()] as Json), ...more });
    expect(response.status).toBe(202);
  }

  it('LAUNCH: two tasks for one executor', async () => {
    const offer = await offerIn('infra');
    await play('call-025-ACCEPT-LAUNCH', { offer_ids: [offer.id] });
    expect(await heard(operator, 'custom tasks are added')).toEqual(expected('custom tasks are added'));
    const runs = [await agent.stream.next('RUN_TASK'), await agent.stream.next('RUN_TASK')];
    expect(runs.map((e) => [e.run_task.task.name, e.run_task.launch_executor])).toEqual([
      ['px', true],
      ['once', false],
    ]);
    expect(runs[0]?.run_task.task).toMatchObject({
      data: 'dGFzayBkYXRh',
      executor: { data: 'ZXhlYyBkYXRh', shutdown_grace_period: { nanoseconds: 4_000_000_000 } },
    });
  });

  it('LAUNCH_GROUP: a default executor', async () => {
    const offer = await offerIn('web');
    expect(offer['executor_ids']).toEqual([{ value: 'pyexec-1' }]);
    await play('call-033-ACCEPT-LAUNCH_GROUP', { offer_ids: [offer.id] });
    expect(await heard(operator, 'tasks of the group are added')).toEqual(
      expected('tasks of the group are added'),
    );
    const { run_task_group: group } = await agent.stream.next('RUN_TASK_GROUP');
    expect(group.tasks.map((t) => t.task_id.value)).toEqual(['pod.a', 'pod.b']);
  });

  it('updates of executors reach the scheduler as they are', async () => {
    for (const event of ours(eventsOf('updates of executors'))) {
      const { status } = event['update'] as { status: Json & { state: string } };
      const update = { framework_id: { value: scheduler.id }, status, latest_state: status.state };
      expect((await agent.call({ type: 'UPDATE', update })).status).toBe(202);
      expect(await scheduler.stream.next('UPDATE')).toEqual(event);
    }
  });

  it('MESSAGE both ways', async () => {
    await play('call-031-MESSAGE');
    const message = { framework_id: { value: scheduler.id }, executor_id: { value: 'pyexec-1' } };
    expect((await agent.stream.next('MESSAGE')).message).toEqual({ ...message, data: 'cGluZw==' });
    await agent.call({ type: 'MESSAGE', message: { ...message, data: 'ZWNobzpwaW5n' } });
    expect(await heard(scheduler.stream, 'message of an executor')).toEqual(
      expected('message of an executor'),
    );
  });

  it('GET_EXECUTORS and /state show them', async () => {
    const byId = (answer: unknown): unknown[] =>
      (
        answer as { get_executors: { executors: { executor_info: { executor_id: { value: string } } }[] } }
      ).get_executors.executors.toSorted((a, b) =>
        a.executor_info.executor_id.value < b.executor_info.executor_id.value ? -1 : 1,
      );
    const shown = await operate(master, { type: 'GET_EXECUTORS' });
    expect(byId(shown)).toEqual(byId(ours(line('GET_EXECUTORS').answer)));
    const state = await operate(master, { type: 'GET_STATE' });
    expect(byId(state['get_state'])).toEqual(byId(shown));
    const v0 = (await getJson(master, '/state'))['frameworks'] as {
      executors: { executor_id: string }[];
      tasks: { id: string; executor_id: string }[];
    }[];
    const theirs = ours(line('/state').answer) as unknown as (typeof v0)[number];
    const sorted = <T extends { executor_id: string }>(list: readonly T[]): T[] =>
      list.toSorted((a, b) => (a.executor_id < b.executor_id ? -1 : 1));
    expect(sorted(v0[0]?.executors ?? [])).toEqual(sorted(theirs.executors));
    const owners = (tasks: (typeof theirs)['tasks']): ReadonlyMap<string, string> =>
      new Map(tasks.map((t) => [t.id, t.executor_id]));
    const mine = owners(v0[0]?.tasks ?? []);
    for (const [id, executor] of owners(theirs.tasks)) expect([id, mine.get(id)]).toEqual([id, executor]);
    expect(mine.get('web.instance-1')).toBe('');
  });

  it('RECONCILE names the executors', async () => {
    await play('call-042-RECONCILE');
    const id = (event: Event): string =>
      (event['update'] as { status: { task_id: { value: string } } }).status.task_id.value;
    const mine: Event[] = [];
    for (let i = 0; i < 5; i++) mine.push(timeless(await scheduler.stream.next('UPDATE')));
    for (const event of expected('reconciled')) expect(mine.find((e) => id(e) === id(event))).toEqual(event);
  });

  it('bad tasks: the same words', async () => {
    const offer = await offerIn('infra');
    await play('call-056-ACCEPT-invalid-tasks', { offer_ids: [offer.id] });
    // how much was left on that agent is not how much is left here
    const cut = (events: readonly Event[]): unknown =>
      JSON.parse(JSON.stringify(events).replaceAll(/than available [^"]*/g, 'than available'));
    expect(cut(await heard(scheduler.stream, 'errors'))).toEqual(cut(expected('errors')));
  });

  it('operations that are not known', async () => {
    await play('call-079-RECONCILE_OPERATIONS');
    expect(await heard(scheduler.stream, 'operations')).toEqual(expected('operations'));
  });

  it('SHUTDOWN, and executors that are over', async () => {
    await play('call-082-SHUTDOWN');
    expect((await agent.stream.next('SHUTDOWN_EXECUTOR')).shutdown_executor).toEqual({
      framework_id: { value: scheduler.id },
      executor_id: { value: 'pyexec-1' },
    });
    for (const [id, step] of [
      ['de-1', 'group is over'],
      ['pyexec-1', 'executor is over'],
    ] as const) {
      const exited = { framework_id: { value: scheduler.id }, executor_id: { value: id }, status: 0 };
      await agent.call({ type: 'EXITED_EXECUTOR', exited_executor: exited });
      expect(await heard(scheduler.stream, step)).toEqual(expected(step));
    }
    expect(await operate(master, { type: 'GET_EXECUTORS' })).toMatchObject({
      get_executors: { executors: [] },
    });
  });
});
