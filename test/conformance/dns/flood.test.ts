import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../support/eventually.ts';
import { ENGINES, LONG, hasRateLimit, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { QTYPE, UdpClient, framed, opt, overTcp, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { dnsperf, missing, percentile } from './support/tools.ts';

// D9: somebody uses us to flood somebody else, or floods us.

const ATTACK_PER_SECOND = sized(3_000, 10_000);
const ATTACK_S = sized(1, 10);
const HONEST = '127.9.9.9';
const LIMIT = 50;
const lacking = missing('dnsperf');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

/** A client that does as the standards say: UDP, and TCP after a truncated reply. How many of its questions were answered? */
function honestClient(port: number): {
  stop(): Promise<{ asked: number; answered: number; overTcp: number; p99Ms: number }>;
} {
  const stopped = new AbortController();
  const run = (async () => {
    const client = await UdpClient.to(port, HONEST);
    const times: number[] = [];
    let asked = 0;
    let answered = 0;
    let tcp = 0;
    while (!stopped.signal.aborted) {
      asked++;
      const bytes = query('web.marathon.mesos', QTYPE.A, { edns: opt() });
      const reply = (await client.ask(bytes, 1_000)) ?? (await client.ask(bytes, 1_000));
      if (reply && ((reply.bytes[2] as number) & 2) === 0) {
        answered++;
        times.push(reply.ms);
      } else if (reply) {
        tcp++;
        answered += (await overTcp(port, framed(bytes))).length;
      }
      await pause(20);
    }
    client.close();
    return { asked, answered, overTcp: tcp, p99Ms: percentile(times, 0.99) };
  })();
  return {
    stop() {
      stopped.abort();
      return run;
    },
  };
}

describe.skipIf(lacking.length > 0 || !hasRateLimit).each(ENGINES)(
  `D9: one network sends ${ATTACK_PER_SECOND} questions a second, engine %s${needs}${hasRateLimit ? '' : ' (needs dns.rateLimit)'}`,
  (engine) => {
    let fixture: Fixture;

    beforeAll(async () => {
      const limits = { repliesPerSecond: LIMIT, negativePerSecond: LIMIT, errorsPerSecond: LIMIT };
      fixture = await startFixture({
        engine,
        dns: { rateLimit: { ...limits, burstSeconds: 1, exempt: [] } },
      });
    });
    afterAll(async () => {
      await fixture.close();
    });

    it.each([
      ['a large answer', ['size-28.marathon.mesos A']],
      ['services with their addresses', ['_size-9._tcp.marathon.mesos SRV']],
      ['ANY', ['web.marathon.mesos ANY', 'mesos ANY']],
      ['names that do not exist', Array.from({ length: 2_000 }, (_, i) => `no-${i}.marathon.mesos A`)],
      ['names of others', ['example.com A']],
    ] as const)('%s: no more bytes out than in, and an honest client is served', async (what, questions) => {
      const { port } = fixture.edge;
      const flood = (from: string, seconds: number): ReturnType<typeof dnsperf> =>
        dnsperf(
          port,
          questions,
          '-a',
          from,
          '-e',
          '-Q',
          String(ATTACK_PER_SECOND),
          '-q',
          '30000',
          '-t',
          '1',
          '-l',
          String(seconds),
        );
      const honest = honestClient(port);
      // The first second, from one address; measured is another address of the same network. (The short form measures all of it.)
      if (LONG) await flood('127.1.2.3', 1);
      const perf = await flood('127.1.2.77', ATTACK_S);
      const client = await honest.stop();
      const bytesIn = perf.sent * perf.requestBytes;
      const bytesOut = perf.completed * perf.replyBytes;
      report(
        'D9',
        `${what}, engine ${engine}: ${perf.sent} questions of ${perf.requestBytes} bytes (${(perf.sent / ATTACK_S).toFixed(0)}/s), ${perf.completed} replies of ${perf.replyBytes}: ` +
          `${(bytesOut / bytesIn).toFixed(3)} bytes out per byte in; honest client ${client.answered} of ${client.asked}, ${client.overTcp} over TCP, p99 ${client.p99Ms.toFixed(1)} ms`,
      );
      expect(perf.sent).toBeGreaterThan(ATTACK_PER_SECOND * ATTACK_S * 0.5);
      expect(bytesOut).toBeLessThan(bytesIn);
      expect(client.asked).toBeGreaterThan(20);
      expect(client.answered / client.asked).toBeGreaterThanOrEqual(0.999);
    });
  },
);

describe.each(ENGINES)('D9: what is of use to nobody else, engine %s', (engine) => {
  it('ANY over UDP is small, and transfers are refused', async () => {
    const fixture = await startFixture({ engine });
    const { port } = fixture.edge;
    const client = await UdpClient.to(port);
    for (const name of ['web.marathon.mesos', 'dual.marathon.mesos', 'mesos']) {
      const any = await client.ask(query(name, QTYPE.ANY, { edns: opt(4096) }));
      expect(any?.bytes.length, `ANY of ${name}`).toBeLessThan(512);
    }
    for (const type of [QTYPE.AXFR, QTYPE.IXFR]) {
      const udp = await client.ask(query('mesos', type));
      const [tcp] = await overTcp(port, framed(query('mesos', type)));
      expect([udp?.bytes, tcp].map((b) => (b?.[3] ?? 0) & 15)).toEqual([5, 5]);
    }
    client.close();
    await fixture.close();
  });
});
