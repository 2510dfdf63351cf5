import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Client } from './support/client.ts';
import { ENGINES, LONG, sized, startEdge } from './support/edge.ts';
import type { EdgeOptions, EdgeUnderTest } from './support/edge.ts';
import { failed, heyCount } from './support/load.ts';
import { startOrigins } from './support/origins.ts';
import type { OriginProcess, OriginSettings } from './support/origins.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L10, L11: who gets how many requests. (That ejections last longer each time, and that newcomers start slowly, are properties on a fake clock: src/lb/health, src/lb/balancer.)

const HOST = 'a.test';
const REQUESTS = sized(5_000, 100_000);
/**
 * With the milliseconds that each answer takes. Those who look at how busy instances are give more to who answers sooner,
 * rightly: there equals are made equal by a time beside which it does not count whom the system lets run first.
 */
const BALANCES = [
  ['p2c', 20],
  ['roundrobin', 0],
  ['leastconn', 20],
  ['random', 0],
] as const;
const lacking = missing('hey');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0).each(LONG ? ENGINES : ENGINES.slice(0, 1))(
  `shares, engine %s${needs}`,
  (engine) => {
    const cleanup: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const f of cleanup.splice(0).reverse()) await f();
    });

    async function start(
      settings: readonly OriginSettings[],
      more: Partial<EdgeOptions> = {},
    ): Promise<{ edge: EdgeUnderTest; origins: OriginProcess[] }> {
      const origins = (await Promise.all(settings.map((s) => startOrigins(1, s)))).flat();
      cleanup.push(async () => void (await Promise.all(origins.map((o) => o.close()))));
      const edge = await startEdge({ engine, services: { [HOST]: origins.map((o) => o.address) }, ...more });
      cleanup.push(() => edge.close());
      return { edge, origins };
    }
    /** Requests that each has had more than in `before`. */
    const counts = async (
      origins: readonly OriginProcess[],
      before: readonly number[] = [],
    ): Promise<number[]> =>
      (await Promise.all(origins.map((o) => o.ledger()))).map((l, i) => l.requests - (before[i] ?? 0));

    it.each(BALANCES)(`L11: ${REQUESTS} requests to ten equals, %s: each a tenth`, async (balance, ms) => {
      const { edge, origins } = await start(
        Array.from({ length: 10 }, () => ({ ms })),
        { backend: { balance } },
      );
      const load = await heyCount({ port: edge.port, host: HOST, requests: REQUESTS, connections: 20 });
      const shares = (await counts(origins)).map((n) => (n / load.sent) * 10);
      report(
        'L11',
        `engine ${engine}, ${balance}: ${load.sent} requests, ${failed(load)} failed, shares ${Math.min(...shares).toFixed(3)} to ${Math.max(...shares).toFixed(3)} of a fair one`,
      );
      expect(failed(load)).toBe(0);
      // With few requests chance alone makes larger differences.
      const within = sized(0.2, 0.1);
      for (const share of shares) expect(Math.abs(share - 1)).toBeLessThan(within);
    });

    it('L11: one of five that is ten times slower gets less than a third of a fair share', async () => {
      const { edge, origins } = await start([{ ms: 100 }, { ms: 10 }, { ms: 10 }, { ms: 10 }, { ms: 10 }]);
      const requests = sized(2_000, 20_000);
      const load = await heyCount({ port: edge.port, host: HOST, requests, connections: 20 });
      const shares = (await counts(origins)).map((n) => (n / load.sent) * 5);
      report(
        'L11',
        `engine ${engine}: the slow one gets ${shares[0]?.toFixed(3)} of a fair share of ${load.sent} requests`,
      );
      expect(failed(load)).toBe(0);
      expect(shares[0]).toBeLessThan(1 / 3);
    });

    it('L11: ring hash: when one of ten goes, at most 12 % of the clients change their instance', async () => {
      const { edge, origins } = await start(
        Array.from({ length: 10 }, (_, i) => ({ name: `n${i}` })),
        { backend: { balance: 'ringhash', hash: 'header:x-user' } },
      );
      const users = sized(1_000, 10_000);
      const homes = async (): Promise<(string | undefined)[]> => {
        // One after the other: with many at a time the ring moves some of them so that nobody gets too many.
        const client = new Client(edge.port, HOST, 1);
        const all = await Promise.all(
          Array.from({ length: users }, (_, i) =>
            client.ask({ headers: { 'x-user': `u${i}` }, timeoutMs: 60_000 }),
          ),
        );
        client.close();
        return all.map((a) => a.instance);
      };
      const before = await homes();
      expect(await homes()).toEqual(before);
      await origins[3]?.close();
      // Until it is left out.
      await eventually(
        'the dead one to be left out',
        async () =>
          (await edge.metric('rimrock_lb_upstream_failures_total')) >= 0 &&
          (await homes()).every((h) => h !== undefined && h !== 'n3'),
      );
      const after = await homes();
      const moved = before.filter((home, i) => home !== 'n3' && home !== after[i]).length;
      const its = before.filter((home) => home === 'n3').length;
      report(
        'L11',
        `engine ${engine}, ring hash: ${users} clients, ${its} were at the one that went, ${moved} others moved`,
      );
      expect((moved + its) / users).toBeLessThan(0.12 + sized(0.03, 0.02));
      expect(new Set(before).size).toBe(10);
    });

    it('L10: six of ten unhealthy: all get requests, and a metric says so; with four unhealthy they get none', async () => {
      const bad = { status: 503 };
      const { edge, origins } = await start(
        Array.from({ length: 10 }, (_, i) => (i < 6 ? bad : {})),
        {
          backend: {
            balance: 'roundrobin',
            check: { path: '/health', intervalSeconds: 0.5, timeoutSeconds: 1, fall: 2, rise: 1 },
          },
          // Only the checks are to speak here.
          lb: { passiveHealth: { consecutiveFailures: 1_000_000, failureRatio: 1 } },
        },
      );
      const states = async (): Promise<number> => {
        const { checks } = (await (await fetch(`${edge.admin}/checks`)).json()) as {
          checks: { endpoints: { healthy?: boolean }[] }[];
        };
        return checks.flatMap((c) => c.endpoints).filter((e) => e.healthy === false).length;
      };
      await eventually('six to be unhealthy', states, { accept: (n) => n === 6 });
      const requests = sized(1_000, 10_000);
      const base = { port: edge.port, host: HOST, requests, connections: 10, method: 'POST' };
      let before = await counts(origins);
      await heyCount(base);
      const panic = await counts(origins, before);
      await eventually('the metric', async () => (await edge.metric('rimrock_lb_panics_total')) >= 1);
      for (const origin of origins.slice(0, 2)) await origin.ledger({ status: 200 });
      await eventually('four to be unhealthy', states, { accept: (n) => n === 4 });
      before = await counts(origins);
      const load = await heyCount(base);
      const calm = await counts(origins, before);
      report(
        'L10',
        `engine ${engine}: ${requests} requests with 6 of 10 unhealthy: ${panic.join(', ')}; with 4 (3rd to 6th): ${calm.join(', ')} (with checks)`,
      );
      for (const n of panic) expect(Math.abs(n / (requests / 10) - 1)).toBeLessThan(0.1 + 40 / requests);
      expect(failed(load)).toBe(0);
      // What they get are checks.
      for (const n of calm.slice(2, 6)) expect(n).toBeLessThan(requests / 40);
      for (const i of [0, 1, 6, 7, 8, 9])
        expect(Math.abs((calm[i] ?? 0) / (requests / 6) - 1)).toBeLessThan(0.1 + 40 / requests);
    });
  },
);
