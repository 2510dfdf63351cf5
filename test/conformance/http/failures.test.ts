import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { pause } from '../../support/eventually.ts';
import { Client } from './support/client.ts';
import type { Answer } from './support/client.ts';
import { ENGINES, SEED, sized, startEdge } from './support/edge.ts';
import type { EdgeOptions, EdgeUnderTest } from './support/edge.ts';
import { answered, heyCount } from './support/load.ts';
import { startOrigins } from './support/origins.ts';
import type { OriginProcess, OriginSettings } from './support/origins.ts';
import { hold } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L8, L9: what instances do when they close and refuse, and what reaches others because of it. (L7, when they die: crash.test.ts.)

const HOST = 'a.test';
const lacking = missing('hey');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

// The engines side by side, for most of it is waiting; what is below one after the other.
describe.concurrent.each(ENGINES)('instances that fail, engine %s', (engine) => {
  const cleanup: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function start(
    n: number,
    settings: OriginSettings = {},
    more: Partial<EdgeOptions> = {},
  ): Promise<{ edge: EdgeUnderTest; origins: OriginProcess[]; client: Client }> {
    const origins = await startOrigins(n, settings);
    const edge = await startEdge({ engine, services: { [HOST]: origins.map((o) => o.address) }, ...more });
    const client = new Client(edge.port, HOST, 600);
    cleanup.push(
      async () => void (await Promise.all(origins.map((o) => o.close()))),
      () => edge.close(),
      () => client.close(),
    );
    return { edge, origins, client };
  }

  const WAVES = sized(2, 20);
  const WAVE = sized(200, 500);

  it.sequential.each([
    ['idle connections of ours end first', {}, ['GET', 'POST']],
    ['idle connections of instances end first', { upstream: { idleMs: 60_000 } }, ['GET', 'POST']],
  ] as const)(
    `L8: the keep-alive race, ${WAVES * WAVE} requests 4.8 to 5.2 s apart: %s`,
    async (name, lb, methods) => {
      const { client, origins, edge } = await start(3, { keepAliveMs: 5_000 }, { lb });
      const random = seededRandom(SEED);
      const answers: Answer[] = [];
      const wave = (): Promise<Answer[]> =>
        Promise.all(
          Array.from({ length: WAVE }, (_, i) =>
            client.ask({
              method: methods[i % methods.length] ?? 'GET',
              ...(i % 2 === 1 ? { body: 'x' } : {}),
            }),
          ),
        );
      answers.push(...(await wave()));
      for (let n = 1; n < WAVES; n++) {
        // Each client waits for a time of its own, so that some of them meet the very moment.
        const all = Array.from({ length: WAVE }, async (_, i) => {
          await pause(4_800 + random.int(400));
          return client.ask({
            method: methods[i % methods.length] ?? 'GET',
            ...(i % 2 === 1 ? { body: 'x' } : {}),
          });
        });
        answers.push(...(await Promise.all(all)));
      }
      const wrong = answers.filter((a) => a.status !== 200);
      const connections = sum((await Promise.all(origins.map((o) => o.ledger()))).map((l) => l.connections));
      report(
        'L8',
        `engine ${engine}, seed ${SEED}, ${name}: ${answers.length} requests, ${wrong.length} failed; ${connections} connections to instances, ${await edge.metric('rimrock_lb_retries_total')} retries`,
      );
      expect(wrong.map((a) => `${a.status} ${a.reason} ${a.error}`)).toEqual([]);
      expect(connections).toBeGreaterThan(0);
    },
  );

  const REQUESTS = sized(3_000, 20_000);

  it.skipIf(lacking.length > 0).sequential(
    `L9: all instances answer 503: at most 1.2 attempts per request, none twice at the same instance${needs}`,
    async () => {
      const { edge, origins, client } = await start(5, { status: 503 });
      const load = await heyCount({ port: edge.port, host: HOST, requests: REQUESTS, connections: 20 });
      const ledgers = await Promise.all(origins.map((o) => o.ledger()));
      const attempts = sum(ledgers.map((l) => l.requests));
      const ids = 300;
      await Promise.all(Array.from({ length: ids }, (_, i) => client.ask({ id: `get-${i}` })));
      const seen = await Promise.all(origins.map((o) => o.ledger()));
      const twice = seen.flatMap((l) => [...l.begun].filter(([, n]) => n > 1));
      report(
        'L9',
        `engine ${engine}: ${load.sent} requests, ${attempts} attempts (${(attempts / load.sent).toFixed(3)} each); of ${ids} with a name ${twice.length} came twice to one instance`,
      );
      expect(answered(load, '503')).toBe(load.sent);
      expect(load.sent).toBeGreaterThanOrEqual(REQUESTS * 0.99);
      expect(attempts).toBeLessThanOrEqual(load.sent * 1.2);
      expect(twice).toEqual([]);
    },
  );

  const CUT = sized(500, 10_000);

  it.sequential(`L9: ${CUT} POSTs that the client cuts in the middle: none is seen twice`, async () => {
    const { edge, origins } = await start(3);
    const random = seededRandom(SEED);
    for (let at = 0; at < CUT; at += 50) {
      const batch = Array.from({ length: Math.min(50, CUT - at) }, async (_, i) => {
        const held = hold(edge.port, (socket) => {
          const body = 'x'.repeat(random.int(900));
          socket.write(
            `POST / HTTP/1.1\r\nHost: ${HOST}\r\nX-Id: cut-${at + i}\r\nContent-Length: 1000\r\n\r\n${body}`,
          );
          setTimeout(() => socket.resetAndDestroy(), 10 + random.int(40));
        });
        await held.closed;
      });
      await Promise.all(batch);
    }
    const ledgers = await Promise.all(origins.map((o) => o.ledger()));
    const times = new Map<string, number>();
    for (const l of ledgers) for (const [id, n] of l.begun) times.set(id, (times.get(id) ?? 0) + n);
    const twice = [...times].filter(([, n]) => n > 1);
    const complete = sum(ledgers.map((l) => l.complete.size));
    report(
      'L9',
      `engine ${engine}, seed ${SEED}: ${CUT} POSTs cut, ${times.size} reached an instance, ${twice.length} twice, ${complete} as complete`,
    );
    expect(twice).toEqual([]);
    expect(complete).toBe(0);
    expect(times.size).toBeGreaterThan(CUT * 0.3);
  });
});
