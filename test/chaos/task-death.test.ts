import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { watchDnsTruth } from '../support/dns-truth.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';
import { canSeeProcesses, processesMarked } from '../support/processes.ts';

// Tasks that die without a word: requests that can be sent again are, and DNS forgets the dead.

const KILLS = 8;
const INSTANCES = 4;
const SEED = Number(process.env['RIMROCK_SEED'] ?? Date.now() % 1_000_000);
const PER_SECOND = 200;
const DEAD_MS = 2_000;

describe.skipIf(!canSeeProcesses)('tasks killed under traffic (needs /proc)', () => {
  let site: Site;
  let marathon: Marathon;

  beforeAll(async () => {
    site = await Site.make();
    await site.start('up');
    marathon = new Marathon(site.ports.marathon);
    await marathon.deploy(
      'POST',
      '/apps',
      httpApp('mortal', {
        instances: INSTANCES,
        backoffSeconds: 0,
        healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1 }],
      }),
    );
    await marathon.settled();
  });
  afterAll(() => site.close());

  const servers = (): number[] =>
    processesMarked(site.data)
      .filter((p) => p.command.includes('task-server.mjs') && !p.command.startsWith('/bin/sh'))
      .map((p) => p.pid);

  it(`${KILLS} kills at ${PER_SECOND} requests per second: no request fails, DNS forgets in time (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const load = startLoad({ port: site.ports.http, host: 'mortal.example.test', perSecond: PER_SECOND });
    const truth = watchDnsTruth({
      port: site.ports.dns,
      name: '_mortal._tcp.marathon.mesos',
      allowedMs: DEAD_MS,
    });
    for (let i = 0; i < KILLS; i++) {
      const before = (await marathon.runningTasks('mortal')).map((t) => t.id);
      const pids = servers();
      process.kill(pids[random.int(pids.length)] ?? 0, 'SIGKILL');
      await eventually(
        'a healthy replacement',
        async () => {
          const now = await marathon.runningTasks('mortal');
          const app = await marathon.app('mortal');
          return (
            now.length === INSTANCES &&
            now.some((t) => !before.includes(t.id)) &&
            app['tasksHealthy'] === INSTANCES
          );
        },
        { timeoutMs: 20_000 },
      );
    }
    const dns = await truth.stop();
    const traffic = await load.stop();
    console.log(
      `seed ${SEED}: ${traffic.sent} requests, ${traffic.rate.toFixed(0)}/s, slowest ${traffic.slowestMs.toFixed(0)} ms; ` +
        `${dns.answered} DNS answers, dead at most ${dns.longestDeadMs.toFixed(0)} ms`,
    );
    expect(Object.fromEntries(traffic.failures)).toEqual({});
    expect(dns.lies).toEqual([]);
    expect(traffic.rate).toBeGreaterThan(PER_SECOND * 0.95);
    expect(dns.answered).toBeGreaterThan(traffic.seconds * 2);
    expect(servers()).toHaveLength(INSTANCES);
  });
});
