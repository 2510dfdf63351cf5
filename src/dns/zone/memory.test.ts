import { describe, expect, it } from 'vitest';
import { HandCatalog, agent, framework, task } from '../testing/catalog.ts';
import { MESOS_HEAD, MESOS_SETTINGS } from '../testing/zone.ts';
import { reserve } from '../table/index.ts';
import { createNames } from './index.ts';
import { Zone } from './zone.ts';

const TASKS = 5_000;
const NAMES = {
  health: 'exclude',
  legacyNames: true,
  agentNames: true,
  networkNames: true,
  ptr: true,
} as const;

describe('what a cluster takes in the table', () => {
  it('is less than 800 bytes per task with ten names each, a quarter of that for slots', () => {
    const names = createNames({ ...MESOS_SETTINGS, ...NAMES }, { records: [], answerLimits: {} });
    const later: (() => void)[] = [];
    const zone = new Zone({
      heads: [MESOS_HEAD, { ...MESOS_HEAD, apex: 'in-addr.arpa.' }],
      publishers: names.publishers,
      ttlSeconds: 60,
      srvWeight: 1,
      memory: reserve(16),
      seed: 3,
      nowSeconds: () => 1_700_000_000,
      slices: { ms: 0, nowMs: () => 1, later: (work) => void later.push(work) },
    });
    const catalog = new HandCatalog();
    catalog.become({
      agents: [agent()],
      frameworks: [framework()],
      tasks: Array.from({ length: TASKS }, (_, i) => {
        const ip = `10.1.${i >> 8}.${i & 255}`;
        return task(`app-${i}.instance-${i}._app.1`, {
          name: `app-${i}`,
          ports: [31_000 + (i % 1_000)],
          netinfoIps: [ip],
          networks: [{ name: 'dcos', ips: [ip] }],
        });
      }),
    });
    zone.load(catalog.current);
    for (let work = later.shift(); work; work = later.shift()) work();
    expect(zone.size).toBeGreaterThan(10 * TASKS);
    expect(zone.tableBytes / TASKS).toBeLessThan(800);
  });
});
