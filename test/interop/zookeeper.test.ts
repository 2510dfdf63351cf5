import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clusterConfigSchema, createCluster } from '../../src/cluster/index.ts';
import type { Catalog } from '../../src/cluster/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { digShort, has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import { ReplayMaster } from '../support/replay-master.ts';
import { Ensemble, hasZooKeeper, jsonInfo, protobufInfo } from '../support/zookeeper.ts';
import type { Writer } from '../support/zookeeper.ts';

// Masters found through a real Apache ZooKeeper.

describe.skipIf(!hasZooKeeper)('masters in ZooKeeper (needs java and zookeeper)', () => {
  let ensemble: Ensemble;
  let writer: Writer;
  /** The first has tasks, the second none. */
  let masters: readonly [ReplayMaster, ReplayMaster];
  let path: string;
  let n = 0;
  const cleanups: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    ensemble = await Ensemble.start();
  });
  afterAll(() => ensemble.close());

  beforeEach(async () => {
    path = `/mesos-${n++}`;
    writer = await ensemble.writer('dns:sesame');
    masters = [await new ReplayMaster().listen(), await new ReplayMaster().listen()];
    masters[0].situation('master-running');
    masters[1].situation('master-empty');
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    writer.close();
    for (const master of masters) await master.close();
  });

  interface Watched {
    readonly catalog: Catalog;
    readonly health: Health;
    until(what: string, test: (catalog: Catalog) => boolean, timeoutMs?: number): Promise<void>;
  }

  const watch = async (config: object = {}): Promise<Watched> => {
    const health = new Health();
    const cluster = createCluster({
      config: clusterConfigSchema.parse({
        masters: [],
        zk: `zk://${ensemble.servers}${path}`,
        refreshSeconds: 1,
        ...config,
      }),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health,
    });
    cleanups.push(() => cluster.stop());
    await cluster.start();
    const { catalog } = cluster;
    return {
      catalog,
      health,
      until: async (what, test, timeoutMs = 10_000) => {
        await eventually(what, () => test(catalog), { everyMs: 10, timeoutMs });
      },
    };
  };
  const fresh = (tasks: (n: number) => boolean) => (catalog: Catalog) =>
    catalog.current.version > 0 && catalog.current.stale === undefined && tasks(catalog.current.tasks.size);
  const some = fresh((n) => n > 0);
  const none = fresh((n) => n === 0);
  const ports = (catalog: Catalog): number[] => catalog.current.masters.map((m) => m.port);

  it('waits for the path, finds the leader among JSON nodes, and follows a change of leader within a second', async () => {
    const edge = await watch();
    const detail = (): string => edge.health.report().conditions['masters']?.detail ?? '';
    await eventually('to say what it waits for', () => detail().includes('does not exist in ZooKeeper yet'));
    expect(edge.health.report().conditions['masters']?.ok).toBe(false);

    await writer.create(path);
    await eventually('to say what it waits for', () => detail().includes('no master stands for election'));
    await writer.create(`${path}/log_replicas`);
    await writer.create(`${path}/info_0000000001`, protobufInfo('127.0.0.1:1'));
    await writer.create(`${path}/json.info_0000000010`, jsonInfo(masters[1].address));
    await writer.create(`${path}/json.info_0000000009`, jsonInfo(masters[0].address));
    await edge.until('the leader to be followed', some);
    expect(masters[0].streams).toBe(1);
    expect(ports(edge.catalog)).toEqual([masters[0].port, masters[1].port]);
    expect(edge.health.report().ready).toBe(true);

    const begun = performance.now();
    await writer.delete(`${path}/json.info_0000000009`); // its connection to us lives on
    await edge.until('the new leader to be followed', none);
    expect(performance.now() - begun).toBeLessThan(1_000);
    await eventually('the old leader to be left', () => masters[0].streams === 0);
    expect(ports(edge.catalog)).toEqual([masters[1].port]);

    await writer.create(`${path}/json.info_0000000011`, jsonInfo(masters[0].address));
    await edge.until('the standby master to be known', (c) => ports(c).length === 2);
    expect(ports(edge.catalog)).toEqual([masters[1].port, masters[0].port]);
    expect(masters[1].streams).toBe(1);
  });

  it.each([
    ['of today', true],
    ['of old', false],
  ])('reads protobuf nodes %s', async (_age, newer) => {
    await writer.create(path);
    await writer.create(`${path}/info_0000000003`, protobufInfo(masters[0].address, newer));
    const edge = await watch();
    await edge.until('the leader to be followed', some);
    expect(ports(edge.catalog)).toEqual([masters[0].port]);
  });

  it('lives through kill -9 of ZooKeeper: serves on, and sees what happened meanwhile', async () => {
    await writer.create(path);
    await writer.create(`${path}/json.info_0000000001`, jsonInfo(masters[0].address));
    const edge = await watch();
    await edge.until('the leader to be followed', some);

    await ensemble.kill9();
    const detail = (): string => edge.health.report().conditions['masters']?.detail ?? '';
    await eventually('the loss to be seen', () => detail().includes('no session with ZooKeeper'));
    expect(some(edge.catalog)).toBe(true);
    expect(masters[0].streams).toBe(1);
    expect(edge.health.report().ready).toBe(true);

    ensemble.launch();
    await ensemble.serving();
    const other = await ensemble.writer();
    await other.delete(`${path}/json.info_0000000001`);
    await other.create(`${path}/json.info_0000000002`, jsonInfo(masters[1].address));
    other.close();
    await edge.until('the new leader to be followed', none);
    expect(detail()).toBe(`the leader is http://${masters[1].address}`);
  });

  it('is not held up by servers that are dead, silent or do not speak ZooKeeper', async () => {
    await writer.create(path);
    await writer.create(`${path}/json.info_0000000001`, jsonInfo(masters[0].address));
    const open = new Set<{ destroy(): void }>();
    const silent = createServer((socket) => void open.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanups.push(() => {
      for (const socket of open) socket.destroy();
      silent.close();
    });
    const [dead] = await freePorts(1);
    const bad = [
      `127.0.0.1:${dead}`,
      `127.0.0.1:${(silent.address() as AddressInfo).port}`,
      `127.0.0.1:${masters[1].port}`, // speaks HTTP
      '192.0.2.1:2181', // goes nowhere
    ];
    const begun = performance.now();
    const edge = await watch({ zk: `zk://${[...bad, ensemble.servers].join(',')}${path}` });
    await edge.until('the leader to be followed', some);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it('shows user and password where the nodes are for their owner only', async () => {
    await writer.create(path, '', { owner: 'dns:sesame' });
    await writer.create(`${path}/json.info_0000000001`, jsonInfo(masters[0].address), {
      owner: 'dns:sesame',
    });
    const stranger = await watch({ zk: `zk://dns:wrong@${ensemble.servers}${path}` });
    await eventually('to be refused', () =>
      stranger.health
        .report()
        .conditions['masters']?.detail?.includes('may not be read with these credentials'),
    );
    expect(JSON.stringify(stranger.health.report())).not.toContain('wrong');
    const edge = await watch({ zk: `zk://dns:sesame@${ensemble.servers}${path}` });
    await edge.until('the leader to be followed', some);
    expect(stranger.catalog.current.version).toBe(0);
  });

  it('tries the other masters while nobody leads, and those that are configured', async () => {
    await writer.create(path);
    const edge = await watch({ masters: [masters[1].address] });
    await edge.until('the configured master to be followed', none);
    await writer.create(`${path}/json.info_0000000001`, 'not a master');
    await writer.create(`${path}/json.info_0000000002`, jsonInfo(masters[0].address));
    masters[1].mode = 'unavailable';
    masters[1].drop();
    await edge.until('the other master to be followed', some);
    expect(edge.health.report().conditions['masters']?.detail).toContain('it holds no address of a master');
  });

  describe.skipIf(!has('dig'))('as a Mesos-DNS config.json says it', () => {
    let site: Site;
    beforeEach(async () => {
      site = await Site.make();
    });
    afterEach(() => site.close());

    const startEdge = (more: object, until: 'ready' | 'spawned') => {
      const config = {
        zk: `zk://${ensemble.servers}${path}`,
        port: site.ports.dns,
        httpport: site.ports.dnsHttp,
        listener: '127.0.0.1',
        httplistener: '127.0.0.1',
        externalon: false,
        ...more,
      };
      const file = join(site.data, 'config.json');
      writeFileSync(file, JSON.stringify(config));
      const lb = ['--set', `lb.http.port=${site.ports.http}`, '--set', `lb.admin.port=${site.ports.admin}`];
      return site.start('edge', { arguments: ['--config', file, ...lb], until });
    };

    it('finds the masters, also through a file that names ZooKeeper', async () => {
      await writer.create(path);
      await writer.create(`${path}/json.info_0000000001`, jsonInfo(masters[0].address));
      await writer.create(`${path}/json.info_0000000002`, jsonInfo('127.0.0.2:5050'));
      const pointer = join(site.data, 'zk');
      writeFileSync(pointer, `zk://${ensemble.servers}${path}\n`);
      const edge = await startEdge({ zk: `file://${pointer}` }, 'ready');
      expect(await digShort(site.ports.dns, 'px.marathon.mesos')).toEqual(['10.9.8.7']);
      expect(await digShort(site.ports.dns, 'master.mesos')).toEqual(['127.0.0.1', '127.0.0.2']);
      expect(await edge.interrupt()).toBe(0);
    });

    it('ends with status 1 when no leader is found in time', async () => {
      const edge = await startEdge({ zkDetectionTimeout: 1 }, 'spawned');
      expect(await edge.gone).toBe(1);
      expect(edge.output()).toContain('master detection timed out after 1s');
      expect(edge.output()).toContain(`${path} does not exist in ZooKeeper yet`);
    });
  });
});

describe.skipIf(!hasZooKeeper)('masters in an ensemble of three (needs java and zookeeper)', () => {
  let ensemble: Ensemble;
  let master: ReplayMaster;
  beforeAll(async () => {
    ensemble = await Ensemble.start(3);
    master = await new ReplayMaster().listen();
    master.situation('master-running');
  });
  afterAll(async () => {
    await master.close();
    await ensemble.close();
  });

  it('goes on with the servers that are left, one after the other killed and back', async () => {
    const writer = await ensemble.writer();
    await writer.create('/mesos');
    await writer.create('/mesos/json.info_0000000001', jsonInfo('127.0.0.1:1'));
    writer.close();
    const health = new Health();
    const cluster = createCluster({
      config: clusterConfigSchema.parse({ masters: [], zk: `zk://${ensemble.servers}/mesos` }),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health,
    });
    await cluster.start();
    try {
      const detail = (): string => health.report().conditions['masters']?.detail ?? '';
      await eventually('the first leader', () => detail() === 'the leader is http://127.0.0.1:1');
      for (const i of [0, 1, 2]) {
        await ensemble.kill9(i);
        const other = await eventually('a session with those that are left', () => ensemble.writer(), {
          timeoutMs: 20_000,
        });
        await other.delete(`/mesos/json.info_000000000${i + 1}`);
        const address = i === 2 ? master.address : `127.0.0.1:${i + 2}`;
        await other.create(`/mesos/json.info_000000000${i + 2}`, jsonInfo(address));
        other.close();
        await eventually('the next leader', () => detail() === `the leader is http://${address}`, {
          timeoutMs: 20_000,
        });
        ensemble.launch(i);
      }
      await eventually('it to be followed', () => cluster.catalog.current.tasks.size > 0);
    } finally {
      await cluster.stop();
    }
  });
});
