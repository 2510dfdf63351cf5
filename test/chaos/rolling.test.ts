import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { watchDnsTruth } from '../support/dns-truth.ts';
import { startLoad } from '../support/load.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';

// A deployment must not cost a single request: scale up, scale down and restart, again and again, under steady traffic.

const ROUNDS = Number(process.env['RIMROCK_ROLLING_ROUNDS'] ?? 100);
const SEED = Number(process.env['RIMROCK_SEED'] ?? Date.now() % 1_000_000);
const PER_SECOND = 200;
const DEAD_MS = 2_000;
const MIN = 2;
const MAX = 5;

describe('deployments under traffic', () => {
  let site: Site;
  let marathon: Marathon;

  beforeAll(async () => {
    site = await Site.make();
    await site.start('up');
    marathon = new Marathon(site.ports.marathon);
    await marathon.deploy(
      'POST',
      '/apps',
      httpApp('rolling', {
        instances: 3,
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
    await marathon.settled();
  });
  afterAll(() => site.close());

  it(
    `${ROUNDS} rounds at ${PER_SECOND} requests per second: none fails, and DNS names nothing dead (seed ${SEED})`,
    { timeout: 15 * 60_000 },
    async () => {
      const random = seededRandom(SEED);
      const load = startLoad({ port: site.ports.http, host: 'rolling.example.test', perSecond: PER_SECOND });
      const truth = watchDnsTruth({
        port: site.ports.dns,
        name: '_rolling._tcp.marathon.mesos',
        allowedMs: DEAD_MS,
      });
      const done = { up: 0, down: 0, restart: 0 };
      const history: string[] = [];
      let instances = 3;
      for (let round = 0; round < ROUNDS; round++) {
        const kind = nextOperation(random.int(3), instances);
        done[kind]++;
        history.push(`${new Date().toISOString()} ${kind} from ${instances}`);
        if (kind === 'restart') {
          await marathon.deploy('POST', '/apps/rolling/restart');
        } else {
          instances = kind === 'up' ? instances + 1 + random.int(MAX - instances) : instances - 1;
          await marathon.deploy('PATCH', '/apps/rolling', { instances });
        }
        await marathon.settled(60_000);
      }
      const dns = await truth.stop();
      const traffic = await load.stop();
      console.log(
        `seed ${SEED}: ${JSON.stringify(done)}; ${traffic.sent} requests, ${traffic.rate.toFixed(0)}/s, slowest ` +
          `${traffic.slowestMs.toFixed(0)} ms; ${dns.answered} DNS answers, dead at most ${dns.longestDeadMs.toFixed(0)} ms`,
      );
      if (traffic.failures.size > 0) console.log(history.join('\n'), traffic.firstFailures);
      expect(Object.fromEntries(traffic.failures)).toEqual({});
      expect(traffic.answered).toBe(traffic.sent);
      expect(dns.lies).toEqual([]);
      // A verdict needs traffic, many instances that answered, and every kind of operation.
      expect(traffic.rate).toBeGreaterThan(PER_SECOND * 0.95);
      expect(traffic.bodies.size).toBeGreaterThan(Math.min(ROUNDS, 20));
      expect(dns.answered).toBeGreaterThan(traffic.seconds * 2);
      expect(Math.min(done.up, done.down, done.restart)).toBeGreaterThan(0);
      expect(await marathon.runningTasks('rolling')).toHaveLength(instances);
    },
  );
});

function nextOperation(die: number, instances: number): 'up' | 'down' | 'restart' {
  if (die === 0) return 'restart';
  if (instances <= MIN) return 'up';
  if (instances >= MAX) return 'down';
  return die === 1 ? 'up' : 'down';
}
