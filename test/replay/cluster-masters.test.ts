import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MasterDirectory } from '../../src/cluster/detect/index.ts';
import { clusterConfigSchema, createCluster } from '../../src/cluster/index.ts';
import type { Catalog } from '../../src/cluster/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { seededRandom } from '../../src/core/random.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { ReplayFollower } from '../support/replay-follower.ts';
import { ReplayMaster } from '../support/replay-master.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function masterWith(situation: string): Promise<ReplayMaster> {
  const master = await new ReplayMaster().listen();
  cleanups.push(() => master.close());
  return master.situation(situation);
}

interface Room {
  readonly catalog: Catalog;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly failures: Error[];
  stop(): Promise<void>;
}

async function room(config: object): Promise<Room> {
  const [health, metrics, failures] = [new Health(), new Metrics(), [] as Error[]];
  const cluster = createCluster({
    config: clusterConfigSchema.parse({ masters: [], refreshSeconds: 0.02, ...config }),
    clock: systemClock,
    random: seededRandom(2),
    log: silentLogger,
    metrics,
    health,
    fail: (error) => void failures.push(error),
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= cluster.stop());
  cleanups.push(stop);
  await cluster.start();
  return { catalog: cluster.catalog, health, metrics, failures, stop };
}

describe('the watch and a directory of masters that changes', () => {
  const follow = (directory: MasterDirectory): ReplayFollower => {
    const f = new ReplayFollower({ masters: [] }, systemClock, directory);
    cleanups.push(() => f.stop());
    return f;
  };

  it('goes to the new leader while the old one still streams, and stays where it already is', async () => {
    const [a, b] = [await masterWith('master-running'), await masterWith('master-empty')];
    const directory = new MasterDirectory([], false);
    const f = follow(directory);
    directory.update({ leader: a.address, others: [] });
    await f.until((x) => x.state.tasks.size > 0);
    directory.update({ leader: b.address, others: [a.address] });
    await f.until((x) => x.state.tasks.size === 0);
    await eventually('the old stream to be closed', () => a.streams === 0);
    expect(f.stale).toBe(false);
    directory.update({ leader: undefined, others: [b.address, a.address] });
    directory.update({ leader: b.address, others: [a.address] });
    b.send({ type: 'HEARTBEAT' });
    expect([b.streams, b.requests.filter((r) => r.body.includes('SUBSCRIBE')).length]).toEqual([1, 1]);
  });

  it('tells of other masters without a new snapshot', async () => {
    const a = await masterWith('master-running');
    const directory = new MasterDirectory([a.address], false);
    const f = follow(directory);
    await f.until((x) => x.state.masters.length === 1);
    const snapshots = (): number => f.events.filter((e) => e.kind === 'snapshot').length;
    const before = snapshots();
    directory.update({ leader: a.address, others: ['10.0.0.7:5050'] });
    await f.until((x) => x.state.masters.length === 2);
    expect(f.state.masters).toEqual([
      { ip: '127.0.0.1', port: a.port },
      { ip: '10.0.0.7', port: 5050 },
    ]);
    expect(snapshots()).toBe(before);
  });

  it('does not wait out its pause when a master turns up', async () => {
    const a = await masterWith('master-running');
    const directory = new MasterDirectory([], false);
    const f = follow(directory);
    await f.until((x) => x.stale);
    directory.update({ leader: undefined, others: [a.address] });
    await f.until((x) => x.state.tasks.size > 0);
  });
});

describe('an outage', () => {
  it('is told with its newest reason, once, since its begin', async () => {
    const a = await masterWith('master-running');
    const { catalog, metrics } = await room({ masters: [a.address] });
    await eventually('a state', () => catalog.current.version > 0);
    a.mode = 'unavailable';
    a.drop();
    const reason = (): string => catalog.current.stale?.reason ?? '';
    await eventually('the first reason', () => reason() !== '');
    const since = catalog.current.stale?.sinceMs;
    await eventually('the second reason', () => reason().includes('503'));
    expect(catalog.current.stale?.sinceMs).toBe(since);
    expect(await metrics.text()).toContain('rimrock_cluster_outages_total 1\n');
  });
});

describe('credentials', () => {
  it('do not go where a redirect leads, unless that is a master we know', async () => {
    const [standby, leader] = [await masterWith('master-running'), await masterWith('master-running')];
    standby.mode = 'redirect';
    standby.redirectTo = `localhost:${leader.port}`;
    const basic = { principal: 'p', secret: 's' };
    const one = await room({ masters: [standby.address], ...basic });
    await eventually('the leader to be followed', () => one.catalog.current.version > 0);
    expect(standby.requests[0]?.headers.authorization).toBe('Basic cDpz');
    expect(leader.requests.map((r) => r.headers.authorization).filter(Boolean)).toEqual([]);
    await one.stop();
    leader.requests.length = 0;
    const two = await room({ masters: [standby.address, `localhost:${leader.port}`], ...basic });
    await eventually('the leader to be followed', () => two.catalog.current.version > 0);
    expect(leader.requests[0]?.headers.authorization).toBe('Basic cDpz');
  });

  it('of a service account are a token, got again when a master refuses it', async () => {
    let good = 0;
    let logins = 0;
    let accepted = 0;
    const server = createServer((request, response) => {
      if (request.url === '/login') return void response.end(JSON.stringify({ token: `T${++logins}` }));
      const allowed = request.headers.authorization === `token=T${good}`;
      if (allowed && good === 2) accepted++;
      const state = { slaves: [], frameworks: [], leader: `master@127.0.0.1:${port()}` };
      return void response.writeHead(allowed ? 200 : 401).end(allowed ? JSON.stringify(state) : 'no');
    }).listen(0, '127.0.0.1');
    const port = (): number => (server.address() as AddressInfo).port;
    await once(server, 'listening');
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    good = 1;
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const iam = {
      uid: 'dns',
      privateKey: key.export({ type: 'pkcs1', format: 'pem' }).toString(),
      loginEndpoint: `http://127.0.0.1:${port()}/login`,
    };
    const { catalog } = await room({ masters: [`127.0.0.1:${port()}`], mode: 'poll', iam });
    await eventually('a state', () => catalog.current.version > 0);
    expect(logins).toBe(1);
    good = 2;
    // A token that is refused right after it was given is not renewed at once, so there may be an outage before.
    await eventually('a new token', () => logins === 2);
    await eventually('a state by it', () => accepted > 0 && catalog.current.stale === undefined);
    expect(logins).toBe(2);
  });
});

describe('a master that is asked who leads', () => {
  it('is followed to the leader that it names', async () => {
    const leader = await masterWith('master-running');
    const asked = await new ReplayMaster().listen();
    cleanups.push(() => asked.close());
    asked.mode = 'static';
    asked.state = { leader: `master@${leader.address}`, pid: `master@${asked.address}` };
    const { catalog, health } = await room({ zk: asked.address });
    await eventually('the leader to be followed', () => catalog.current.tasks.size > 0);
    expect(health.report().conditions['masters']?.detail).toBe(`the leader is http://${leader.address}`);
  });
});

describe('the detection timeout', () => {
  it('ends what was told to end, and says why', async () => {
    const [nobody] = await freePorts(1);
    const zk = `zk://user:sesame@127.0.0.1:${nobody}/mesos`;
    const timeout = { zkDetectionTimeoutSeconds: 1, exitWithoutLeader: true };
    const patient = await room({ zk, ...timeout, exitWithoutLeader: false });
    const { failures } = await room({ zk, ...timeout });
    const error = await eventually('the end', () => failures[0]);
    expect(error.message).toBe('master detection timed out after 1s');
    expect(String((error as Error & { hint?: string }).hint)).toContain('ECONNREFUSED');
    expect(patient.failures).toEqual([]);
    expect(patient.health.report().conditions['masters']).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/no leader is known, \d+ s after start; .*ECONNREFUSED/) as string,
    });
    expect(JSON.stringify(patient.health.report())).not.toContain('sesame');
  });

  it('does not end what serves a state that a configured master gave', async () => {
    const a = await masterWith('master-running');
    const [nobody] = await freePorts(1);
    const zk = `zk://127.0.0.1:${nobody}/mesos`;
    const one = await room({
      masters: [a.address],
      zk,
      zkDetectionTimeoutSeconds: 1,
      exitWithoutLeader: true,
    });
    const two = await room({ zk, zkDetectionTimeoutSeconds: 1, exitWithoutLeader: true });
    await eventually('the one without a master to end', () => two.failures.length === 1);
    expect([one.failures, one.catalog.current.version > 0]).toEqual([[], true]);
    expect(one.health.report().ready).toBe(true);
  });
});

describe('the state of an earlier life', () => {
  let keepFile: string;
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), 'rimrock-keep-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    keepFile = join(folder, 'state');
  });

  it('is served as stale while no master answers, and gives way to the first that does', async () => {
    const a = await masterWith('master-running');
    const first = await room({ masters: [a.address], keepFile });
    await eventually('a state', () => first.catalog.current.version > 0);
    const { tasks, services, agents, frameworks } = first.catalog.current;
    const before = structuredClone({ tasks, services, agents, frameworks });
    await first.stop();

    a.mode = 'unavailable';
    const second = await room({ masters: [a.address], keepFile });
    await eventually('the kept state', () => second.catalog.current.version > 0);
    const { current } = second.catalog;
    const now = { tasks: current.tasks, services: current.services };
    expect(structuredClone(now)).toEqual({ tasks: before.tasks, services: before.services });
    expect(current.stale?.reason).toMatch(/^the state is from .*state, \d+ s old; .*503/);
    expect(second.health.report().ready).toBe(true);
    expect(second.health.report().conditions['watch']?.detail).toContain('stale');
    await second.stop(); // an old state does not become a new one by being served

    const third = await room({ masters: [a.address], keepFile });
    await eventually('the kept state', () => third.catalog.current.stale?.sinceMs === current.stale?.sinceMs);
    a.situation('master-empty').mode = 'modern';
    await eventually('the master to be followed', () => third.catalog.current.stale === undefined);
    expect(third.catalog.current.tasks.size).toBe(0);
  });

  it('is not looked at while a master answers, and not believed when it is damaged', async () => {
    const a = await masterWith('master-running');
    writeFileSync(keepFile, 'rimrock-cluster-state 1\n{}\n');
    const first = await room({ masters: [a.address], keepFile });
    await eventually('a state', () => first.catalog.current.version > 0);
    expect(first.catalog.current.stale).toBeUndefined();
    await first.stop();
    writeFileSync(keepFile, 'rimrock-cluster-state 1\n{}\n');
    a.mode = 'unavailable';
    const second = await room({ masters: [a.address], keepFile });
    await eventually('an outage', () => second.catalog.current.stale !== undefined);
    a.mode = 'modern';
    await eventually('a state', () => second.catalog.current.version > 0);
    expect(second.catalog.current.stale).toBeUndefined();
  });
});
