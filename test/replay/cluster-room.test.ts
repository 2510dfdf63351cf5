import { afterEach, describe, expect, it } from 'vitest';
import { createCluster, clusterConfigSchema } from '../../src/cluster/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { seededRandom } from '../../src/core/random.ts';
import { ReplayMaster } from '../support/replay-master.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the cluster room at work', () => {
  it('starts without a master, serves what it learns, tells the truth about its age, stops clean', async () => {
    const m = await new ReplayMaster().listen();
    cleanups.push(() => m.close());
    m.mode = 'unavailable';
    const metrics = new Metrics();
    const health = new Health();
    const config = clusterConfigSchema.parse({ masters: [m.address], principal: 'p', secret: 's' });
    const parts = { config, clock: systemClock, random: seededRandom(2), log: silentLogger, metrics, health };
    const cluster = createCluster(parts);
    cleanups.push(() => cluster.stop());
    await cluster.start();
    expect(health.report().conditions['snapshot']?.ok).toBe(false);
    const next = (test: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        if (test()) return resolve();
        const off = cluster.catalog.onChange(() => {
          if (!test()) return;
          off();
          resolve();
        });
      });
    await next(() => cluster.catalog.current.stale !== undefined);
    expect(cluster.catalog.current.version).toBe(0);
    expect(health.report().conditions['snapshot']?.detail).toContain('503');

    m.situation('master-running').mode = 'modern';
    await next(() => cluster.catalog.current.version > 0);
    expect(cluster.catalog.current.stale).toBeUndefined();
    expect(cluster.catalog.current.services.get('marathon/web')?.instances.length).toBe(2);
    expect(health.report()).toMatchObject({ ready: true });
    expect(m.requests.at(-1)?.headers.authorization).toBe('Basic cDpz');

    m.mode = 'unavailable';
    m.drop();
    await next(() => cluster.catalog.current.stale !== undefined);
    expect(cluster.catalog.current.services.get('marathon/web')?.instances.length).toBe(2);
    expect(health.report().ready).toBe(true);
    expect(health.report().conditions['watch']?.detail).toContain('stale');
    expect(await metrics.text()).toContain('rimrock_cluster_stale 1');
    await cluster.stop();
  });

  it('names what is wrong in its config', () => {
    const result = clusterConfigSchema.safeParse({ masters: ['ftp://x'], tls: { cert: 'x' }, mode: 'push' });
    expect(result.error?.issues.map((i) => i.path.join('.')).sort()).toEqual(['masters.0', 'mode', 'tls']);
  });
});
