import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpApp, Marathon } from '../../support/marathon.ts';
import { Site } from '../../support/platform.ts';
import { root } from '../../support/root.ts';
import { sized } from './support/edge.ts';
import { failed, hey, wrk } from './support/load.ts';
import type { Load } from './support/load.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L6: all five instances are replaced again and again under 1,000 requests a second, half of them by hey, half by wrk.

const PER_SECOND = sized(600, 1_000);
const SECONDS = sized(12, 120);
const ROUNDS = sized(1, 3);
const INSTANCES = 5;
/** How long a request takes: so that there are always some under way. */
const TAKES_MS = 20;
const lacking = missing('hey', 'wrk');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0)(`L6: rolling deployments under load${needs}`, () => {
  let site: Site;
  let marathon: Marathon;

  beforeAll(async () => {
    site = await Site.make();
    await site.start('up');
    marathon = new Marathon(site.ports.marathon);
  });
  afterAll(() => site.close());

  it.each([
    ['graceful', 20],
    ['stubborn', 2],
  ] as const)(
    `instances that are %s at SIGTERM, killed after %i s: ${ROUNDS} rounds, ${PER_SECOND} requests/s, none fails`,
    async (mode, grace) => {
      await marathon.deploy(
        'POST',
        '/apps',
        httpApp(mode, {
          instances: INSTANCES,
          cmd: `exec ${process.execPath} ${join(root, 'test/conformance/http/support/task.mjs')}`,
          env: { MODE: mode },
          taskKillGracePeriodSeconds: grace,
          healthChecks: [
            {
              protocol: 'HTTP',
              path: '/',
              portIndex: 0,
              gracePeriodSeconds: 20,
              intervalSeconds: 1,
              timeoutSeconds: 5,
            },
          ],
        }),
      );
      await marathon.settled(60_000);
      const before = new Set((await marathon.runningTasks(mode)).map((t) => t.id));
      const load = {
        port: site.ports.http,
        host: `${mode}.example.test`,
        path: `/?ms=${TAKES_MS}`,
        seconds: SECONDS,
        connections: 25,
        perSecond: (PER_SECOND / 2) * 1.05,
      };
      const over = new AbortController();
      const loads: Promise<Load[]> = Promise.all([
        hey(load),
        // It keeps as many requests under way as it has connections, so their number makes the rate.
        wrk({ ...load, connections: Math.round((PER_SECOND / 2_000) * (TAKES_MS + 4)) }),
      ]).finally(() => over.abort());
      const seen = new Set(before);
      let rounds = 0;
      let within = 0;
      while (!over.signal.aborted || rounds < ROUNDS) {
        await marathon.deploy('POST', `/apps/${mode}/restart`);
        await marathon.settled(120_000);
        rounds += 1;
        if (!over.signal.aborted) within = rounds;
        for (const task of await marathon.runningTasks(mode)) seen.add(task.id);
      }
      const done = await loads;
      const say = (l: Load): string =>
        `${l.tool} ${l.sent} requests, ${l.perSecond.toFixed(0)}/s, ${failed(l)} failed, slowest ${l.slowestMs.toFixed(0)} ms`;
      report(
        'L6',
        `${mode}: ${within} rounds of ${INSTANCES} within the load, ${seen.size} instances; ${done.map(say).join('; ')}`,
      );
      await marathon.deploy('DELETE', `/apps/${mode}`);
      for (const l of done) {
        expect(failed(l), l.text).toBe(0);
        expect(l.sent).toBeGreaterThan((PER_SECOND / 2) * SECONDS * sized(0.3, 0.8));
      }
      expect(within).toBeGreaterThanOrEqual(ROUNDS);
      expect(seen.size).toBe(INSTANCES * (rounds + 1));
    },
  );
});
