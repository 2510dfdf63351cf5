import { afterEach, describe, expect, it } from 'vitest';
import {
  askedAt,
  changesOfSummary,
  ClusterModel,
  diffStates,
  stateFromV0,
  stateFromV1,
} from '../../src/cluster/model/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';
import { FakeClock } from '../../src/core/testing/fake-clock.ts';
import { recordedBody, recordedBytes, recordedEvents } from '../support/replay-captures.ts';
import { ReplayFollower } from '../support/replay-follower.ts';
import type { FollowerOptions } from '../support/replay-follower.ts';
import { ReplayMaster } from '../support/replay-master.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function master(host = '127.0.0.1', port = 0): Promise<ReplayMaster> {
  const m = await new ReplayMaster().listen(port, host);
  cleanups.push(() => m.close());
  return m;
}

/** A follower that ends with the test. */
class Follower extends ReplayFollower {
  constructor(options: FollowerOptions, clock: Clock = systemClock) {
    super(options, clock);
    cleanups.push(() => this.stop());
  }
}

const gate = async (test: () => boolean): Promise<void> => {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
};

function v1(situation: string): ClusterModel {
  const { get_state } = recordedBody(situation, 'v1_GET_STATE') as { readonly get_state: unknown };
  return stateFromV1(get_state, { masters: [], leader: undefined });
}

/** Compares all but leader and masters, which depend on the ports of the test. */
function same(a: ClusterModel, b: ClusterModel): boolean {
  return diffStates(a, b).every((c) => c.kind === 'leader');
}

const events = recordedEvents('operator-stream--json').map((e) => e.event);

describe('the watch on an event stream', () => {
  it('begins with a snapshot and follows a whole recorded history, in small pieces', async () => {
    const m = await master();
    m.pieceBytes = 11;
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    // All after the recorded SUBSCRIBED, byte for byte.
    const bytes = recordedBytes('operator-stream--json');
    m.sendBytes(bytes.subarray(4 + 296));
    m.send({
      type: 'FRAMEWORK_ADDED',
      framework_added: { framework: { framework_info: { id: { value: 'end' }, name: 'end' } } },
    });
    await f.until((x) => x.state.frameworks.has('end'));
    expect([f.state.tasks.size, f.state.frameworks.size]).toEqual([0, 1]);
    expect(f.kinds).toMatch(/^snapshot( delta)+$/);
  });

  it('names the leader by its own pid, else by where it was found', async () => {
    const m = await master();
    m.getMaster = { master_info: { pid: 'master@10.1.1.1:5050' } };
    const f = new Follower({ masters: [m.address, '10.2.2.2', 'name.example.com:5050'] });
    await f.until((x) => x.kinds === 'snapshot');
    expect(f.state.leader).toEqual({ ip: '10.1.1.1', port: 5050 });
    expect(f.state.masters).toEqual([
      { ip: '127.0.0.1', port: m.port },
      { ip: '10.2.2.2', port: 5050 },
    ]);
    m.getMaster = undefined;
    m.drop();
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
    expect(f.state.leader).toEqual({ ip: '127.0.0.1', port: m.port });
  });

  it('says stale once when the connection breaks, keeps the state, and comes back with a snapshot', async () => {
    const m = (await master()).situation('master-running');
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    m.mode = 'unavailable';
    m.drop();
    await f.until((x) => x.stale);
    expect(same(f.state, v1('master-running'))).toBe(true);
    const before = m.requests.length;
    await gate(() => m.requests.length > before + 4);
    expect(f.kinds).toBe('snapshot stale');
    m.situation('master-agent2-unreachable').mode = 'modern';
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
    expect(same(f.state, v1('master-agent2-unreachable'))).toBe(true);
  });

  it('takes silence for a loss', async () => {
    const m = await master();
    m.heartbeatSeconds = 0.1;
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    m.silent = true;
    await f.until((x) => x.stale);
    expect(f.events.at(-1)).toMatchObject({
      kind: 'stale',
      reason: expect.stringContaining('no heartbeat') as string,
    });
    await f.until((x) => x.kinds.endsWith('stale snapshot'));
  });

  it('asks the other masters first when the leader falls silent', async () => {
    const clock = new FakeClock();
    const [a, b] = [await master(), await master()];
    const f = new Follower({ masters: [a.address, b.address] }, clock);
    await f.until((x) => x.kinds === 'snapshot');
    await gate(() => a.requests.length === 3); // SUBSCRIBE, GET_MASTER, state-summary
    a.mode = 'stall';
    clock.advance(37_500);
    await f.until((x) => x.stale);
    clock.advance(100);
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
    expect([a.requests.length, f.state.leader?.port]).toEqual([3, b.port]);
  });

  it('reconnects when the master closes the stream cleanly', async () => {
    const m = await master();
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    m.endStreams();
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
  });

  it('takes a fresh snapshot when an event cannot follow on what is known, or is not JSON', async () => {
    const m = await master();
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    m.situation('master-running');
    m.send(events[20]); // TASK_UPDATED of a task that was never added
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
    expect(same(f.state, v1('master-running'))).toBe(true);
    m.sendBytes(Buffer.from('4\nnope'));
    await f.until((x) => x.kinds === 'snapshot stale snapshot stale snapshot');
    m.sendBytes(Buffer.from('not a length'));
    await f.until((x) => x.kinds.endsWith('stale snapshot stale snapshot stale snapshot'));
  });

  it('streams again as soon as a master that answered 503 has recovered', async () => {
    const m = (await master()).situation('master-running');
    m.mode = 'unavailable';
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.stale);
    m.mode = 'modern';
    await f.until((x) => x.kinds === 'stale snapshot');
    expect(m.streams).toBe(1);
    expect(m.requests.filter((r) => r.path.endsWith('/state'))).toEqual([]);
  });

  it('follows a redirect to the leader, and a change of leader', async () => {
    const a = await master();
    const b = (await master()).situation('master-running');
    a.mode = 'redirect';
    a.redirectTo = b.address;
    const f = new Follower({ masters: [a.address, b.address] });
    await f.until((x) => x.kinds === 'snapshot');
    expect([a.streams, b.streams]).toEqual([0, 1]);
    expect(f.state.leader?.port).toBe(b.port);
    a.situation('dns').mode = 'modern';
    b.mode = 'redirect';
    b.redirectTo = a.address;
    b.drop();
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
    expect(f.state.leader?.port).toBe(a.port);
    expect(same(f.state, v1('dns'))).toBe(true);
  });

  it('survives masters that redirect in a circle, and one that never answers', async () => {
    const clock = new FakeClock();
    const [a, b, c] = [await master(), await master(), await master()];
    a.mode = 'redirect';
    a.redirectTo = b.address;
    b.mode = 'redirect';
    b.redirectTo = a.address;
    c.mode = 'stall';
    const d = (await master()).situation('dns');
    const f = new Follower({ masters: [a.address, c.address, d.address] }, clock);
    // Neither to the stream nor to the poll; each is given time.
    await gate(() => c.requests.length === 1);
    clock.advance(15_000);
    await gate(() => c.requests.length === 2);
    clock.advance(15_000);
    await f.until((x) => x.kinds === 'snapshot');
    expect(f.state.leader?.port).toBe(d.port);
  });

  it('never takes a state that is not there for an empty cluster', async () => {
    const m = (await master()).situation('dns');
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    m.state = undefined;
    for (const broken of [undefined, null, 'x', {}, [], { get_agents: null }]) {
      m.getState = broken;
      const asked = m.requests.length;
      m.drop();
      await gate(() => m.requests.length > asked + 3);
    }
    expect([f.kinds, f.state.tasks.size]).toEqual(['snapshot stale', 13]);
    m.situation('dns');
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
  });

  it('says why at a cold start without a master, and begins when one appears', async () => {
    const m = await master();
    m.mode = 'unavailable';
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.stale);
    expect(f.events).toMatchObject([{ kind: 'stale', reason: expect.stringContaining('503') as string }]);
    m.mode = 'modern';
    await f.until((x) => x.kinds === 'stale snapshot');
  });

  it('sends credentials, fresh for each request', async () => {
    const m = await master();
    let n = 0;
    const credentials = async (): Promise<Record<string, string>> => ({ authorization: `token=${++n}` });
    const f = new Follower({ masters: [m.address], credentials });
    await f.until((x) => x.kinds === 'snapshot');
    expect(m.requests.slice(0, 2).map((r) => r.headers.authorization)).toEqual(['token=1', 'token=2']);
  });
});

describe('what the event stream does not tell', () => {
  const summary = (): { slaves: object[]; frameworks: { name: string; pid?: string; active: boolean }[] } =>
    structuredClone(recordedBody('master-running', 'GET_state-summary')) as ReturnType<typeof summary>;

  it('is looked up beside it: agents that went silently, pids and disconnected frameworks', async () => {
    const m = (await master()).situation('master-running');
    const said = summary();
    m.summary = said;
    const f = new Follower({ masters: [m.address], auditMs: 10 });
    const marathon = () => [...f.state.frameworks.values()].find((x) => x.name === 'marathon');
    await f.until((x) => x.kinds === 'snapshot');
    const asked = m.requests.length;
    await gate(() => m.requests.length > asked + 5);
    expect(f.kinds).toBe('snapshot'); // nothing to add
    said.frameworks = said.frameworks.map((x) =>
      x.name === 'marathon' ? { ...x, pid: 'scheduler-1@10.0.0.5:4000', active: false } : x,
    );
    await f.until(() => marathon()?.pid?.port === 4000);
    expect(marathon()?.active).toBe(false);
    said.slaves = said.slaves.slice(1);
    await f.until((x) => x.state.agents.size === 1);
    expect(f.stale).toBe(false);
    // An update on the stream does not show the pid, and neither does a new snapshot; both keep it.
    m.send(events[81]);
    await f.until(() => marathon()?.active === true);
    expect(marathon()?.pid?.port).toBe(4000);
    m.summary = undefined;
    m.drop();
    await f.until((x) => x.kinds.endsWith('stale snapshot'));
    expect(marathon()?.pid?.port).toBe(4000);
  });

  it('does not undo what the stream told while the answer was on its way', () => {
    const state = v1('master-running');
    const said = summary();
    const asked = askedAt(state);
    const [agent] = [...state.agents.values()];
    if (!agent) throw new Error('no agent');
    state.apply({ kind: 'agent', id: agent.id, value: { ...agent } });
    expect(changesOfSummary(state, asked, { ...said, slaves: [] }).map((c) => c.kind)).toEqual(['agent']);
    expect(changesOfSummary(state, asked, { slaves: {} })).toEqual([]);
    expect(changesOfSummary(state, asked, undefined)).toEqual([]);
  });
});

describe('the watch where there is no event stream', () => {
  it.each(['old', 'static'] as const)('polls (%s), telling only what changed', async (mode) => {
    const m = (await master()).situation('master-running');
    m.mode = mode;
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    const expected = stateFromV0(recordedBody('master-running', 'GET_state'), []);
    expect(same(f.state, expected)).toBe(true);
    const polls = m.requests.length;
    await gate(() => m.requests.length > polls + 4);
    expect(f.kinds).toBe('snapshot');
    m.situation('master-agent2-unreachable');
    await f.until((x) => x.kinds === 'snapshot delta');
    expect(f.task('web.instance-2')).toBe('TASK_UNREACHABLE');
    m.situation('master-end');
    await f.until((x) => x.state.tasks.size === 0);
    expect(f.kinds).toBe('snapshot delta delta');
  });

  it('keeps the last state through an outage, and begins again with a snapshot', async () => {
    const m = (await master()).situation('dns');
    m.mode = 'old';
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.kinds === 'snapshot');
    m.mode = 'unavailable';
    await f.until((x) => x.stale);
    expect(f.state.tasks.size).toBe(13);
    m.mode = 'old';
    await f.until((x) => x.kinds === 'snapshot stale snapshot');
  });

  it('does not take garbage for a state', async () => {
    const m = await master();
    m.mode = 'static';
    m.state = '{"slaves": [';
    const f = new Follower({ masters: [m.address] });
    await f.until((x) => x.stale);
    m.state = { slaves: [], frameworks: [] };
    const polls = m.requests.length;
    await gate(() => m.requests.length > polls + 8);
    expect(f.kinds).toBe('stale');
    m.state = { slaves: [], frameworks: [], leader: `master@${m.address}` };
    await f.until((x) => x.kinds === 'stale snapshot');
  });

  it('asks the leader that a state names, at the port just used', async () => {
    const follower = await master('127.0.0.1');
    const leader = (await master('127.0.0.2', follower.port)).situation('dns');
    leader.mode = 'old';
    leader.state = {
      ...(leader.state as object),
      leader: 'master@127.0.0.2:5050',
      pid: 'master@127.0.0.2:5050',
    };
    follower.mode = 'old';
    follower.state = {
      slaves: [],
      frameworks: [],
      leader: 'master@127.0.0.2:5050',
      pid: 'master@127.0.0.1:5050',
    };
    const f = new Follower({ masters: [follower.address], mode: 'poll' });
    await f.until((x) => x.kinds === 'snapshot');
    expect(f.state.leader).toEqual({ ip: '127.0.0.2', port: 5050 });
    expect(f.state.tasks.size).toBe(13);
  });

  it('follows redirects of the state, and believes a leader whatever its address', async () => {
    const standby = await master();
    const m = (await master()).situation('dns');
    m.mode = 'old';
    m.state = { ...(m.state as object), leader: 'master@10.9.9.9:5050', pid: 'master@10.9.9.9:5050' };
    standby.mode = 'redirect';
    standby.redirectTo = m.address;
    const f = new Follower({ masters: [standby.address], mode: 'poll' });
    await f.until((x) => x.kinds === 'snapshot');
    expect(f.state.leader).toEqual({ ip: '10.9.9.9', port: 5050 });
  });

  it('takes a leader that is named by a host name, and says what that costs', async () => {
    const m = (await master()).situation('dns');
    m.mode = 'old';
    m.state = {
      ...(m.state as object),
      leader: 'master@master-1.example:5050',
      pid: 'master@master-1.example:5050',
    };
    const f = new Follower({ masters: [m.address], mode: 'poll' });
    await f.until((x) => x.kinds === 'snapshot');
    expect(f.state.tasks.size).toBe(13);
    expect(f.state.leader).toBeUndefined();
    expect(f.state.rejected.get('master leader')?.reason).toContain("'master-1.example'");
  });

  it('goes back to the stream when there is one', async () => {
    const m = (await master()).situation('dns');
    m.mode = 'old';
    const f = new Follower({ masters: [m.address], streamRetryMs: 50 });
    await f.until((x) => x.kinds === 'snapshot');
    m.mode = 'modern';
    await f.until((x) => x.kinds === 'snapshot snapshot');
    expect(m.streams).toBe(1);
  });

  it('never polls in mode stream', async () => {
    const m = (await master()).situation('dns');
    m.mode = 'old';
    const f = new Follower({ masters: [m.address], mode: 'stream' });
    await f.until((x) => x.stale);
    expect(m.requests.every((r) => r.method === 'POST')).toBe(true);
  });
});
