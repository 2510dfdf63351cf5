import { describe, expect, it, onTestFinished } from 'vitest';
import type { May } from '../core/access.ts';
import { MAY_ALL } from '../core/access.ts';
import { parseResources } from '../mesos/index.ts';
import { quotaStatus, weightInfos } from './views/quota.ts';
import { ALLOCATION_WRITES } from './http/allocation-writes.ts';
import { agentInfo, getJson, operate, post, task, TestAgent, TestScheduler } from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';
import { answerOf, starter } from './testing/stage.ts';

const start = starter(onTestFinished);

// Quotas, weights and offers as operators and frameworks see them, over real sockets. The texts are those of Apache Mesos
// where it was seen to answer.

type Json = Readonly<Record<string, unknown>>;
const call = (master: RunningMaster, type: string, payload: Json): Promise<string> =>
  answerOf(master, '/api/v1', { type, [type.toLowerCase()]: payload });
async function v0(
  master: RunningMaster,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
) {
  const reply = await master.http.request({
    method,
    url: master.url + path,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return `${reply.status} ${await reply.text()}`;
}
const scalars = (amounts: Readonly<Record<string, number>>): Json =>
  Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, { value }]));
const config = (role: string, guarantees: Readonly<Record<string, number>>, limits = guarantees): Json => ({
  role,
  guarantees: scalars(guarantees),
  limits: scalars(limits),
});
const update = (master: RunningMaster, quota_configs: readonly Json[], force = false): Promise<string> =>
  call(master, 'UPDATE_QUOTA', { force, quota_configs });

describe('quota', () => {
  it('is kept, shown and in force after a restart', async () => {
    const master = await start();
    await TestAgent.subscribe(master);
    expect(await update(master, [config('web', { cpus: 1, mem: 128 }, { cpus: 3, mem: 2048 })])).toBe('200 ');
    expect(await update(master, [{ role: '*', limits: { cpus: { value: 1 } } }])).toBe('200 ');
    const web = {
      role: 'web',
      guarantees: { cpus: { value: 1 }, mem: { value: 128 } },
      limits: { cpus: { value: 3 }, mem: { value: 2048 } },
    };
    const star = { role: '*', limits: { cpus: { value: 1 } } };
    const infos = [
      { role: '*' },
      {
        role: 'web',
        guarantee: [
          { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } },
          { name: 'mem', type: 'SCALAR', scalar: { value: 128 } },
        ],
      },
    ];
    await master.stop();
    const next = await start({ store: master.store, seed: 2 });
    expect(await operate(next, { type: 'GET_QUOTA' })).toEqual({
      type: 'GET_QUOTA',
      get_quota: { status: { infos, configs: [star, web] } },
    });
    expect(await getJson(next, '/quota')).toEqual({ infos, configs: [star, web] });
    await TestAgent.subscribe(next);
    const scheduler = await TestScheduler.subscribe(next);
    next.clock.advance(1);
    const offer = await scheduler.offer();
    expect(offer.resources).toContainEqual(expect.objectContaining({ name: 'cpus', scalar: { value: 1 } }));
    const roles = (await getJson(next, '/roles'))['roles'];
    expect(roles).toContainEqual(
      expect.objectContaining({
        name: 'web',
        quota: { role: 'web', guarantee: { cpus: 1, mem: 128 }, limit: { cpus: 3, mem: 2048 }, consumed: {} },
      }),
    );
    expect(await update(next, [{ role: 'web' }, { role: '*' }])).toBe('200 ');
    expect(await getJson(next, '/quota')).toEqual({});
  });

  it.each([
    [
      config('infra', { cpus: 100_000 }),
      "total quota guarantees 'cpus:100001' exceed cluster capacity 'cpus:4; disk:10240; mem:4096' (use 'force' flag to bypass this check)",
    ],
    [config('web', { cpus: 2 }, { cpus: 1 }), "guarantees 'cpus:2' of role 'web' exceed its limits 'cpus:1'"],
    [
      config('a/b', { cpus: 1 }),
      "quota on the nested role 'a/b' is not supported: set it on its top-level role",
    ],
    [config('-x', { cpus: 1 }), "'-x' must not start with a dash"],
    [config('web', { cpus: -1 }), "guarantees of role 'web': 'cpus' must not be negative"],
    [{ role: 'web', limits: { cpus: 'many' } }, "limits of role 'web': 'cpus' has no number as its value"],
  ])('%j is refused', async (bad, why) => {
    const master = await start();
    await TestAgent.subscribe(master);
    const answer = await update(master, [config('ok', { cpus: 1 }), bad]);
    expect(answer).toMatch(/^400 Invalid QuotaConfig: /);
    expect(answer).toContain(why);
    // All or nothing.
    expect(await getJson(master, '/quota')).toEqual({});
  });

  it('may be forced beyond what there is', async () => {
    const master = await start();
    expect(await update(master, [config('web', { cpus: 1000 })], true)).toBe('200 ');
  });

  it('can be set and removed as it was before configurations', async () => {
    const master = await start();
    await TestAgent.subscribe(master);
    const cpus = (value: number, more: Json = {}): Json => ({
      name: 'cpus',
      type: 'SCALAR',
      scalar: { value },
      ...more,
    });
    const set = (quota_request: Json): Promise<string> => call(master, 'SET_QUOTA', { quota_request });
    expect(await set({ role: 'q', guarantee: [cpus(1)] })).toBe('200 ');
    expect(await getJson(master, '/quota')).toMatchObject({ configs: [config('q', { cpus: 1 })] });
    const invalid = 'Failed to validate set quota request: ';
    expect(await set({ role: 'q', guarantee: [cpus(1)] })).toBe(
      `400 ${invalid}Cannot set quota for role 'q' which already has quota`,
    );
    expect(await set({ role: 'p', guarantee: [] })).toBe(`400 ${invalid}QuotaInfo with empty 'guarantee'`);
    expect(await set({ role: '*', guarantee: [cpus(1)] })).toContain('must not specify the default');
    expect(await set({ role: 'p', guarantee: [cpus(1), cpus(1)] })).toContain('duplicate resource name');
    expect(await set({ role: 'p', guarantee: [cpus(1, { role: 'p' })] })).toContain('reserved resources');
    expect(await set({ role: 'p', guarantee: [cpus(100)] })).toMatch(/^409 Heuristic capacity check/);
    expect(await v0(master, 'POST', '/quota', { role: 'p', guarantee: [cpus(100)], force: true })).toBe(
      '200 ',
    );
    expect(await v0(master, 'POST', '/quota', 'bad')).toBe(
      "400 Failed to parse set quota request JSON 'bad': syntax error at line 1 near: bad",
    );
    expect(await call(master, 'REMOVE_QUOTA', { role: 'q' })).toBe('200 ');
    expect(await call(master, 'REMOVE_QUOTA', { role: 'q' })).toContain("Role 'q' has no quota set");
    expect(await v0(master, 'DELETE', '/master/quota/p')).toBe('200 ');
    expect(await v0(master, 'DELETE', '/quota')).toMatch(/^400 /);
    expect(await v0(master, 'PUT', '/quota')).toMatch(/^405 .*'GET', 'POST', 'DELETE'/);
  });
});

describe('weights', () => {
  it('are kept and shown; one that is none is refused with all beside it', async () => {
    const master = await start();
    const set = (...weight_infos: Json[]): Promise<string> =>
      call(master, 'UPDATE_WEIGHTS', { weight_infos });
    expect(await set({ role: 'web', weight: 2.5 })).toBe('200 ');
    expect(await set({ role: 'x', weight: 2 }, { role: 'web', weight: -1 })).toBe(
      "400 Failed to validate update weights request JSON for role 'web': Invalid weight '-1': Weights must be positive",
    );
    expect(await set({ role: 'a//b', weight: 1 })).toMatch(/^400 .*Invalid role 'a\/\/b'/);
    expect(await v0(master, 'PUT', '/weights', [{ role: 'a/b', weight: 3 }])).toBe('200 ');
    await master.stop();
    const next = await start({ store: master.store, seed: 2 });
    const infos = [
      { weight: 3, role: 'a/b' },
      { weight: 2.5, role: 'web' },
    ];
    expect(await operate(next, { type: 'GET_WEIGHTS' })).toEqual({
      type: 'GET_WEIGHTS',
      get_weights: { weight_infos: infos },
    });
    expect(await v0(next, 'GET', '/weights')).toBe(`200 ${JSON.stringify(infos)}`);
    expect(await operate(next, { type: 'GET_ROLES' })).toMatchObject({
      get_roles: {
        roles: [
          { name: 'a', weight: 1 },
          { name: 'a/b', weight: 3 },
          { name: 'web', weight: 2.5 },
        ],
      },
    });
  });
});

describe('authorization', () => {
  const only =
    (...allowed: string[]): May =>
    (_action, object) =>
      allowed.includes(object);

  it('asks for each role that a call changes, and shows only what may be seen', async () => {
    const master = await start();
    const asked: string[] = [];
    const refuse: May = (action, object) => {
      asked.push(`${action} ${object}`);
      return false;
    };
    const calls: Readonly<Record<string, Json>> = {
      UPDATE_QUOTA: { update_quota: { quota_configs: [{ role: 'a' }] } },
      SET_QUOTA: { set_quota: { quota_request: { role: 'b' } } },
      REMOVE_QUOTA: { remove_quota: { role: 'c' } },
      UPDATE_WEIGHTS: { update_weights: { weight_infos: [{ role: 'd', weight: 1 }] } },
    };
    for (const [type, write] of ALLOCATION_WRITES)
      expect(write(undefined as never, { type, ...calls[type] }, refuse), type).toBeUndefined();
    expect(asked).toEqual(['update_quotas a', 'update_quotas b', 'update_quotas c', 'update_weights d']);
    await update(master, [config('a', { cpus: 1 }), config('b', { cpus: 1 })], true);
    await call(master, 'UPDATE_WEIGHTS', {
      weight_infos: [
        { role: 'a', weight: 2 },
        { role: 'b', weight: 2 },
      ],
    });
    const { state } = master.master;
    expect(quotaStatus(state, only('b'))).toMatchObject({ configs: [{ role: 'b' }] });
    expect(weightInfos(state, only('b'))).toEqual([{ weight: 2, role: 'b' }]);
    expect(weightInfos(state, MAY_ALL)).toHaveLength(2);
  });
});

describe('frameworks', () => {
  it('say with SUBSCRIBE and UPDATE_FRAMEWORK which agents they want; operators see it', async () => {
    const master = await start();
    await TestAgent.subscribe(master);
    const scheduler = await TestScheduler.subscribe(master, { failover_timeout: 60 });
    const predicate = { text_matches: { regex: 'other.*' } };
    const selector = { pseudoattribute_type: 'HOSTNAME' };
    const offer_constraints = {
      role_constraints: { '*': { groups: [{ attribute_constraints: [{ selector, predicate }] }] } },
    };
    const framework_info = { user: 'root', name: 'test', id: { value: scheduler.id }, failover_timeout: 60 };
    const change = async (more: Json): Promise<string> => {
      const body = {
        type: 'UPDATE_FRAMEWORK',
        framework_id: { value: scheduler.id },
        update_framework: { framework_info, ...more },
      };
      const reply = await post(master, '/api/v1/scheduler', body, {
        'mesos-stream-id': scheduler.stream.streamId,
      });
      return `${reply.status} ${await reply.text()}`;
    };
    expect(await change({ offer_constraints })).toBe('200 ');
    const shown = await operate(master, { type: 'GET_FRAMEWORKS' });
    expect(shown).toMatchObject({ get_frameworks: { frameworks: [{ offer_constraints }] } });
    expect(await getJson(master, '/frameworks')).toMatchObject({ frameworks: [{ offer_constraints }] });
    const [entry] = master.master.state.frameworks.values();
    master.clock.advance(2000);
    expect(entry?.offers.size).toBe(0);
    predicate.text_matches.regex = '(';
    expect(await change({ offer_constraints })).toMatch(
      /^400 Offer constraints are not valid: .* is not of RE2 syntax/,
    );
    expect(await change({ suppressed_roles: ['strange'] })).toMatch(/^400 .*Suppressed roles \{ strange \}/);
    expect(await change({})).toBe('200 ');
    master.clock.advance(2000);
    expect(await scheduler.offers()).toHaveLength(1);
  });

  it('get several offers of one cycle in one event, without what a task uses', async () => {
    const master = await start();
    const scheduler = await TestScheduler.subscribe(master);
    for (let port = 1; port <= 3; port++)
      await TestAgent.subscribe(master, { port, info: agentInfo({ hostname: `h${port}` }) });
    master.clock.advance(1);
    const offers = await scheduler.offers();
    expect(offers).toHaveLength(3);
    const [first] = offers;
    const agentId = first?.agent_id.value ?? '';
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [task('t', agentId)] } }];
    await scheduler.call('ACCEPT', { offer_ids: [first?.id], operations, filters: { refuse_seconds: 0 } });
    master.clock.advance(1000);
    const [again] = await scheduler.offers();
    expect(again?.resources).toContainEqual(
      expect.objectContaining({ name: 'cpus', scalar: { value: 3.9 } }),
    );
  });
});

it('an agent with a fault domain cannot join a master that has none, and can one that has', async () => {
  const parsed = parseResources('cpus:1;mem:64');
  const info = agentInfo({
    resources: parsed.ok ? parsed.value : [],
    domain: { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } },
  });
  const without = await start();
  const refused = await TestAgent.open(without, { info });
  expect(refused.response.status).toBe(400);
  expect(without.master.state.agents.size).toBe(0);
  const master = await start({ config: { domain: { region: 'us', zone: 'us-1' } } });
  await TestAgent.subscribe(master, { info });
  const domain = { fault_domain: { region: { name: 'us' }, zone: { name: 'us-1' } } };
  expect(await getJson(master, '/state')).toMatchObject({ domain, leader_info: { domain } });
  const aware = await TestScheduler.subscribe(master, { capabilities: [{ type: 'REGION_AWARE' }] });
  const near = await TestScheduler.subscribe(master);
  master.clock.advance(1);
  expect(await aware.offers()).toHaveLength(1);
  expect(master.master.state.frameworks.get(near.id)?.offers.size).toBe(0);
});
