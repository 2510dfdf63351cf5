import { afterEach, describe, expect, it } from 'vitest';
import { pause } from '../../support/eventually.ts';
import { Client } from './support/client.ts';
import type { Answer } from './support/client.ts';
import { ENGINES, LONG, SEED, sized, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { answered, wrk } from './support/load.ts';
import { OriginProcess } from './support/origins.ts';
import { hold } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing, percentile } from './support/tools.ts';

// The short form runs beside other tests, so its times are wider.
// L17: four times what the instances can do, with a heap of 256 MB: what they can do is done, the rest is refused at once, and the admin port answers.

const HOST = 'a.test';
const SECONDS = sized(4, 10);
const TAKES_MS = 40;
const AT_A_TIME = 10;
const INSTANCES = 2;
/** What the instances can do in a second. */
const PEAK = (INSTANCES * AT_A_TIME * 1_000) / TAKES_MS;
const lacking = missing('wrk');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0).each(LONG ? ENGINES : ENGINES.slice(0, 1))(
  `L17: overload, engine %s${needs}`,
  (engine) => {
    const cleanup: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const f of cleanup.splice(0).reverse()) await f();
    });

    /** Ask again and again until told to stop. */
    const watch = (client: Client, path = '/'): { stop(): Promise<Answer[]> } => {
      const answers: Answer[] = [];
      const stopped = new AbortController();
      const running = (async () => {
        while (!stopped.signal.aborted) {
          answers.push(await client.ask({ path }));
          await pause(20);
        }
      })();
      return {
        async stop() {
          stopped.abort();
          await running;
          client.close();
          return answers;
        },
      };
    };

    async function start(
      lb: Record<string, unknown> = {},
    ): Promise<{ edge: EdgeUnderTest; origins: OriginProcess[] }> {
      const origins = await Promise.all(
        Array.from({ length: INSTANCES }, (_, i) => OriginProcess.start({ name: `o${i}`, ms: TAKES_MS })),
      );
      cleanup.push(async () => void (await Promise.all(origins.map((o) => o.close()))));
      const edge = await startEdge({
        engine,
        services: { [HOST]: origins.map((o) => o.address) },
        backend: { maxRequests: AT_A_TIME },
        nodeOptions: '--max-old-space-size=256',
        lb: { workers: 1, ...lb },
      });
      cleanup.push(() => edge.close());
      return { edge, origins };
    }

    it(`four times the ${INSTANCES * AT_A_TIME} requests that instances take: at least 90 % of their peak is done`, async () => {
      const { edge, origins } = await start();
      const full = { port: edge.port, host: HOST, seconds: SECONDS, connections: INSTANCES * AT_A_TIME };
      const peak = await wrk(full);
      const honest = watch(new Client(edge.port, HOST, 1));
      const admin = watch(new Client(Number(new URL(edge.admin).port), '127.0.0.1', 1), '/metrics');
      // Four times as many as have a place; who is refused asks again at once. (hey asks in step with a clock: its gaps would be ours.)
      const over = await wrk({ ...full, connections: INSTANCES * AT_A_TIME * 4 });
      const { sent, errors } = over;
      const [done, refused] = [answered(over), answered(over, '5')];
      const answers = await honest.stop();
      const adminAnswers = await admin.stop();
      const goodput = done / SECONDS;
      const shed = answers.filter((a) => a.status === 503);
      const shedP99 = percentile(
        shed.map((a) => a.ms),
        0.99,
      );
      const adminP99 = percentile(
        adminAnswers.map((a) => a.ms),
        0.99,
      );
      const most = Math.max(...(await Promise.all(origins.map((o) => o.ledger()))).map((l) => l.mostRunning));
      report(
        'L17',
        `engine ${engine}, seed ${SEED}: peak ${peak.perSecond.toFixed(0)}/s; asked ${(sent / SECONDS).toFixed(0)}/s: ${goodput.toFixed(0)}/s answered (${((goodput / peak.perSecond) * 100).toFixed(0)} %), ` +
          `${refused} refused, ${errors} errors; a refusal takes ${shedP99.toFixed(1)} ms (p99 of ${shed.length}), the admin port ${adminP99.toFixed(1)} ms (p99 of ${adminAnswers.length}); at most ${most} at an instance; memory ${(edge.memory / 2 ** 20).toFixed(0)} MiB`,
      );
      expect(errors).toBe(0);
      expect(goodput).toBeGreaterThan(peak.perSecond * sized(0.7, 0.9));
      expect(sent / SECONDS).toBeGreaterThan(PEAK * 2);
      expect(done + refused).toBe(sent);
      expect(most).toBeLessThanOrEqual(AT_A_TIME);
      expect(shed.length).toBeGreaterThan(10);
      expect(new Set(shed.map((a) => a.reason))).toEqual(new Set(['overloaded']));
      expect(shedP99).toBeLessThan(sized(100, 20));
      expect(adminAnswers.every((a) => a.status === 200)).toBe(true);
      expect(adminP99).toBeLessThan(sized(300, 100));
    });

    it('a refusal says when to come again', async () => {
      const { edge } = await start();
      const client = new Client(edge.port, HOST, 200);
      const running = Promise.all(Array.from({ length: 60 }, () => client.ask({ path: '/?ms=500' })));
      await pause(100);
      const held = hold(edge.port, (s) =>
        s.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`),
      );
      await held.closed;
      expect(held.received).toMatch(/^HTTP\/1\.1 503 .*\r\n[^]*^Retry-After: 1\r$/m);
      expect((await running).filter((a) => a.status === 200)).toHaveLength(INSTANCES * AT_A_TIME);
      client.close();
    });
  },
);
