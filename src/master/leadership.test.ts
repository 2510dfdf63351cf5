import { afterEach, describe, expect, it } from 'vitest';
import type { Access } from '../core/http/guard.ts';
import { memoryStore } from '../store/index.ts';
import type { LeadsAlong, Leadership, Store } from '../store/index.ts';
import {
  getJson,
  operate,
  post,
  startMaster,
  TestAgent,
  TestScheduler,
  watchOperator,
} from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';

const running: RunningMaster[] = [];
async function start(
  store: Store,
  config = {},
  more: { readonly access?: Access; readonly along?: LeadsAlong } = {},
): Promise<RunningMaster> {
  const master = await startMaster({ store, config, seed: running.length + 1, ...more });
  running.push(master);
  return master;
}
afterEach(async () => {
  for (const master of running.splice(0)) await master.stop();
});

/** A store whose leader can be made to be too late, as after a pause of its process. */
function lapsing(store: Store): { readonly store: Store; lapse(): void } {
  let late = false;
  const elect: Store['elect'] = async function* (election, name, signal): AsyncGenerator<Leadership> {
    for await (const { term, ...news } of store.elect(election, name, signal))
      yield term ? { ...news, term: { ...term, holds: () => !late && term.holds() } } : news;
  };
  const bound = new Proxy(store, {
    get: (target, key) => {
      if (key === 'elect') return elect;
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { store: bound, lapse: () => (late = true) };
}

const LEADERS_ONLY = [
  '/state',
  '/master/state-summary?jsonp=x',
  '/slaves',
  '/frameworks',
  '/tasks',
  '/roles',
  '/teardown',
  '/api/v1',
  '/api/v1/scheduler',
  '/api/v1/agent',
];

describe('two masters with one store', () => {
  it('sends from the standby to the leader, before anything else is looked at', async () => {
    const store = memoryStore();
    const leader = await start(store, { hostname: 'leader.example.com' });
    const standby = await start(store);
    const there = `//leader.example.com:${leader.master.address.port}`;
    for (const path of LEADERS_ONLY) {
      const response = await standby.http.request({ method: 'GET', url: standby.url + path });
      await response.text();
      expect([path, response.status, response.headers['location']]).toEqual([path, 307, there + path]);
    }
    const redirect = await standby.http.request({ method: 'GET', url: `${standby.url}/redirect` });
    expect([redirect.status, redirect.headers['location']]).toEqual([307, there]);
    for (const path of ['/health', '/version', '/flags', '/metrics/snapshot'])
      expect((await standby.http.request({ method: 'GET', url: standby.url + path })).status).toBe(200);
    expect(await getJson(standby, '/metrics/snapshot')).toMatchObject({ 'master/elected': 0 });
    expect(await getJson(leader, '/metrics/snapshot')).toMatchObject({ 'master/elected': 1 });
    expect(standby.health.report().conditions['registry']).toMatchObject({
      ok: true,
      detail: `stands by; leader.example.com:${leader.master.address.port} leads`,
    });
  });

  it('sends on before it asks who somebody is where only the leader knows, and asks for what it answers by itself', async () => {
    const store = memoryStore();
    const nobody = { authenticate: async () => ({ kind: 'refused', code: 'unknown' }) as const };
    const access = {
      authenticator: nobody,
      authorizer: { decide: () => ({ allowed: true, rule: 'default', version: 0 }) },
    };
    const along = { port: 7, begin: async () => {}, end: () => {} };
    const leader = await start(store, {}, { access, along });
    const standby = await start(store, {}, { access, along });
    const ofMesos = await start(store, {}, { access });
    const statusOf = async ({ http, url }: RunningMaster, path: string): Promise<number> =>
      (await http.request({ method: 'GET', url: url + path })).status;
    for (const path of LEADERS_ONLY)
      expect([
        path,
        await statusOf(standby, path),
        await statusOf(leader, path),
        await statusOf(ofMesos, path),
      ]).toEqual([path, 307, 401, 401]);
    expect(await statusOf(standby, '/flags')).toBe(401);
  });

  it('has what leads along begin before it, with its term, and end with it', async () => {
    const told: string[] = [];
    let fails = false;
    const along = (name: string): LeadsAlong => ({
      port: 7,
      begin: async (term) => {
        if (fails) throw new Error('not now');
        told.push(`${name} begins, ${term.holds()}`);
      },
      end: () => told.push(`${name} ends`),
    });
    const shared = lapsing(memoryStore());
    const { store } = shared;
    const first = await start(store, { hostname: 'a.example.com' }, { along: along('first') });
    const second = await start(store, {}, { along: along('second') });
    expect(told.filter((t) => t.includes('begins'))).toEqual(['first begins, true']);
    expect(second.master.standing()).toMatchObject({
      kind: 'stands-by',
      leader: { hostname: 'a.example.com', along_port: 7 },
    });
    told.length = 0;
    shared.lapse();
    expect(first.master.standing().kind).toBe('stands-by');
    expect(told).toEqual(['first ends']);
    fails = true;
    await expect(start(memoryStore(), {}, { along: along('third') })).rejects.toThrow('not now');
    expect(told).toEqual(['first ends', 'third ends']);
  });

  it('takes over with the registry of the other, under an id of its own', async () => {
    const store = memoryStore();
    const first = await start(store);
    const second = await start(store);
    const agent = await TestAgent.subscribe(first);
    await first.stop();
    running.shift();
    const state = await getJson(second, '/state');
    expect(state['recovered_slaves']).toMatchObject([{ id: agent.id }]);
    expect(state['leader']).toBe(state['pid']);
    expect(agent.id.startsWith(String(state['id']))).toBe(false);
  });

  it('knows at once that it is too late: no answer, no event, no write, and all streams end', async () => {
    const late = lapsing(memoryStore());
    const { store } = late;
    const master = await start(store);
    const operator = await watchOperator(master);
    await operator.next('HEARTBEAT');
    const agent = await TestAgent.subscribe(master);
    const scheduler = await TestScheduler.subscribe(master);
    const told = operator.seen.length;
    late.lapse();
    // What the timers would say is not said any more.
    master.clock.advance(60_000);
    const answers = [
      await post(master, '/api/v1', { type: 'GET_STATE' }),
      await post(master, '/api/v1/agent', { type: 'UNREGISTER', agent_id: { value: agent.id } }),
      await master.http.request({ method: 'GET', url: `${master.url}/redirect` }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(await answer.text()).toBe('No leader elected');
    }
    await Promise.all([operator.end(), agent.stream.end(), scheduler.stream.end()]);
    expect(
      operator.seen.slice(told).filter((e) => e.type !== 'AGENT_ADDED' && e.type !== 'FRAMEWORK_ADDED'),
    ).toEqual([]);
    expect(await store.list('master/registry/agents/')).toHaveLength(1);
  });

  it('says that it has not finished recovery while it reads the registry', async () => {
    const store = memoryStore();
    const reading = Promise.withResolvers<void>();
    const slow = new Proxy(store, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as (...given: unknown[]) => unknown;
        if (key === 'elect')
          return async function* (...given: Parameters<Store['elect']>): AsyncGenerator<Leadership> {
            for await (const news of target.elect(...given))
              yield news.term ? { ...news, term: { ...news.term, store: slow } } : news;
          };
        if (key === 'list') return async (prefix: string) => reading.promise.then(() => target.list(prefix));
        return value.bind(target);
      },
    });
    const first = await start(store);
    const second = await start(slow);
    const stopping = first.stop();
    running.shift();
    await expect
      .poll(async () => (await post(second, '/api/v1/scheduler', { type: 'SUBSCRIBE' })).text())
      .toBe('Master has not finished recovery');
    reading.resolve();
    await expect
      .poll(async () => operate(second, { type: 'GET_HEALTH' }).catch(() => undefined))
      .toBeDefined();
    await stopping;
  });
});

describe('a master that finds itself elected from an earlier life', () => {
  it('sends nobody to itself', async () => {
    const store = memoryStore();
    const before: Store['elect'] = async function* (_election, name): AsyncGenerator<Leadership> {
      yield { leader: name, isSelf: false };
    };
    const master = await start({ ...store, elect: before, close: () => store.close() });
    const response = await master.http.request({ method: 'GET', url: `${master.url}/state` });
    expect([response.status, await response.text()]).toEqual([503, 'No leader elected']);
  });
});

describe('a master whose registry was empty', () => {
  it('says so until agents had the time to come back', async () => {
    const store = memoryStore();
    const first = await start(store);
    const said = async (master: RunningMaster): Promise<unknown[]> => {
      const state = await master.http.request({ method: 'GET', url: `${master.url}/state` });
      const agents = await post(master, '/api/v1', { type: 'GET_AGENTS' });
      await Promise.all([state.text(), agents.text()]);
      return [state, agents].map((r) => r.headers['rimrock-registry']);
    };
    expect(await said(first)).toEqual(['empty', 'empty']);
    first.clock.advance(60_000);
    expect(await said(first)).toEqual([undefined, undefined]);
    await TestAgent.open(first);
    await first.stop();
    expect(await said(await start(store))).toEqual([undefined, undefined]);
  });
});
