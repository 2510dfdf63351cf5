import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { ReplayMaster } from '../../support/replay-master.ts';
import { STANDARD, manyServices, stateOf } from './support/cluster.ts';
import { ENGINE, ENGINES, EdgeUnderTest, sized, startEdge } from './support/edge.ts';
import { UdpClient, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { startResolver } from './support/resolvers.ts';
import type { Resolver } from './support/resolvers.ts';
import { ask, dnsperf, missing } from './support/tools.ts';
import type { PerfReport } from './support/tools.ts';

// D15: two instances, one after the other ended by SIGTERM and started again, under load.

const PER_SECOND = sized(500, 2_000);
const ROUNDS = sized(2, 6);
const lacking = missing('unbound', 'dnsperf', 'kdig');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0)(`D15: restarts under load${needs}`, () => {
  let master: ReplayMaster;

  beforeAll(async () => {
    master = await new ReplayMaster().listen();
    master.getState = stateOf([...STANDARD, ...manyServices(500)]);
  });
  afterAll(async () => {
    await master.close();
  });

  const terminated = async (edge: EdgeUnderTest): Promise<number> => {
    const begun = performance.now();
    process.kill(edge.pid, 'SIGTERM');
    await eventually('the end of the edge', () => !edge.alive, { timeoutMs: 20_000 });
    return performance.now() - begun;
  };

  it(`two behind unbound, ${ROUNDS} restarts: nobody who asks it notices`, async () => {
    // Without a cache: each question goes through to one of them.
    const dns = { ttlSeconds: 0 };
    const edges = [
      await startEdge({ master: master.address, engine: ENGINE, dns }),
      await startEdge({ master: master.address, engine: ENGINE, dns }),
    ];
    let resolver: Resolver | undefined;
    try {
      resolver = await startResolver('unbound', { servers: edges.map((e) => e.port), cacheOff: true });
      const questions = Array.from({ length: 500 }, (_, i) => `app-${i}.marathon.mesos A`);
      const over = new AbortController();
      const restarts = (async () => {
        const ends: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const i = round % 2;
          const edge = edges[i] as EdgeUnderTest;
          await pause(500);
          ends.push(await terminated(edge));
          const again = await edge.site.start('edge', {
            arguments: ['--config', `${edge.site.data}/edge.yaml`],
          });
          edges[i] = new EdgeUnderTest(edge.site, again);
          await eventually(
            'it to answer again',
            async () => (await ask('kdig', edge.port, 'web.marathon.mesos', 'A')).answers === 3,
          );
        }
        return ends;
      })().finally(() => over.abort());
      const runs: PerfReport[] = [];
      const seconds = sized(3, 10);
      while (!over.signal.aborted) {
        runs.push(
          await dnsperf(
            resolver.port,
            questions,
            '-Q',
            String(PER_SECOND),
            '-q',
            '1000',
            '-l',
            String(seconds),
            '-t',
            '4',
          ),
        );
      }
      const ends = await restarts;
      const sum = (f: (r: PerfReport) => number): number => runs.reduce((n, r) => n + f(r), 0);
      const failures = sum(
        (r) => r.lost + [...r.codes].reduce((n, [code, k]) => n + (code === 'NOERROR' ? 0 : k), 0),
      );
      report(
        'D15',
        `${ROUNDS} restarts behind unbound: ${sum((r) => r.sent)} questions, ${(sum((r) => r.perSecond) / runs.length).toFixed(0)}/s, ${failures} failures ${JSON.stringify(runs.map((r) => [r.sent, r.lost, ...r.codes]))}, ` +
          `slowest ${Math.max(...runs.map((r) => r.maximumMs)).toFixed(0)} ms; SIGTERM to exit ${ends.map((ms) => ms.toFixed(0)).join(', ')} ms`,
      );
      expect(sum((r) => r.sent)).toBeGreaterThan(PER_SECOND * seconds * runs.length * 0.7);
      expect(failures).toBe(0);
    } finally {
      await resolver?.close();
      for (const edge of edges) await edge.close();
    }
  });

  it.each(ENGINES)(
    'one alone, engine %s: what it received it answers, and then it is gone at once',
    async (engine) => {
      const edge = await startEdge({ master: master.address, engine });
      const client = await UdpClient.to(edge.port);
      const sent: { readonly at: number; answered: boolean }[] = [];
      const begun = performance.now();
      const over: { at?: number } = {};
      let termination: Promise<number> | undefined;
      while (over.at === undefined || performance.now() - over.at < 100) {
        const one = { at: performance.now(), answered: false };
        sent.push(one);
        const id = sent.length & 0xffff;
        const bytes = query(`app-${sent.length % 500}.marathon.mesos`, 1, { id });
        void client
          .reply(id, () => client.send(bytes), 500)
          .then((reply) => void (one.answered = reply !== undefined));
        if (performance.now() - begun > 1_000) {
          termination ??= terminated(edge).then((ms) => {
            over.at = performance.now();
            return ms;
          });
        }
        await pause(1);
      }
      await pause(600);
      client.close();
      await edge.close();
      const lastAnswered = sent.findLastIndex((s) => s.answered);
      const lostBefore = sent.slice(0, lastAnswered).filter((s) => !s.answered).length;
      report(
        'D15',
        `one alone, engine ${engine}: ${sent.length} questions, ${lostBefore} without an answer before the last one that had one; SIGTERM to exit ${(await termination)?.toFixed(0)} ms`,
      );
      expect(lastAnswered).toBeGreaterThan(200);
      expect(lostBefore).toBe(0);
    },
  );
});
