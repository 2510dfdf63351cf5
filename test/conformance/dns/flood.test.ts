import { afterEach, describe, expect, it } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { footprint } from '../../support/processes.ts';
import { ENGINE, ENGINES, LONG, hasRateLimit, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { QTYPE, UdpClient, framed, opt, overTcp, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { dnsperf, missing, percentile } from './support/tools.ts';

// D9: somebody uses us to flood somebody else, or floods us. D12: more questions than we can answer.

const ATTACK_PER_SECOND = sized(3_000, 10_000);
const ATTACK_S = sized(3, 10);
const HONEST = '127.9.9.9';
const LIMIT = 50;
const lacking = missing('dnsperf');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

let fixture: Fixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

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
    it.each([
      ['a large answer', ['size-28.marathon.mesos A']],
      ['services with their addresses', ['_size-9._tcp.marathon.mesos SRV']],
      ['ANY', ['web.marathon.mesos ANY', 'mesos ANY']],
      ['names that do not exist', Array.from({ length: 2_000 }, (_, i) => `no-${i}.marathon.mesos A`)],
      ['names of others', ['example.com A']],
    ] as const)('%s: no more bytes out than in, and an honest client is served', async (what, questions) => {
      fixture = await startFixture({
        engine,
        dns: {
          rateLimit: {
            repliesPerSecond: LIMIT,
            negativePerSecond: LIMIT,
            errorsPerSecond: LIMIT,
            burstSeconds: 1,
            exempt: [],
          },
        },
      });
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
      // The first second, from one address; measured is another address of the same network.
      await flood('127.1.2.3', 1);
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
      expect(client.asked).toBeGreaterThan(40);
      expect(client.answered / client.asked).toBeGreaterThanOrEqual(0.999);
    });
  },
);

describe.each(ENGINES)('D9: what is of use to nobody else, engine %s', (engine) => {
  it('ANY over UDP is small, and transfers are refused', async () => {
    fixture = await startFixture({ engine });
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
  });
});

describe.skipIf(lacking.length > 0)(`D12: overload${needs}`, () => {
  it(`twice the peak for ${sized(4, 60)} s`, async () => {
    fixture = await startFixture({ engine: ENGINE });
    const { edge } = fixture;
    const questions = [
      'web.marathon.mesos A',
      '_web._tcp.marathon.mesos SRV',
      'nobody.marathon.mesos A',
      'dual.marathon.mesos AAAA',
    ];
    const peak = await dnsperf(edge.port, questions, '-c', '4', '-q', '200', '-l', String(sized(2, 10)));
    const before = footprint(edge.pid)?.rssBytes ?? Number.NaN;
    let most = before;
    const client = await UdpClient.to(edge.port);
    const ask = async (): Promise<number> =>
      (await client.ask(query('web.marathon.mesos'), 1_000))?.ms ?? Number.POSITIVE_INFINITY;
    const calm: number[] = [];
    for (let i = 0; i < 200; i++) calm.push(await ask());
    const during: number[] = [];
    let flooding = true;
    const probe = (async () => {
      while (flooding) {
        during.push(await ask());
        most = Math.max(most, footprint(edge.pid)?.rssBytes ?? Number.NaN);
        await pause(20);
      }
    })();
    const seconds = sized(4, 60);
    const flood = await dnsperf(
      edge.port,
      questions,
      '-c',
      '8',
      '-q',
      '20000',
      '-Q',
      String(Math.round(2 * peak.perSecond)),
      '-l',
      String(seconds),
      '-t',
      '1',
    );
    flooding = false;
    await probe;
    const ended = performance.now();
    const median = percentile(calm, 0.5);
    await eventually(
      'the latency of before',
      async () => {
        const times: number[] = [];
        for (let i = 0; i < 20; i++) times.push(await ask());
        return percentile(times, 0.5) < Math.max(2 * median, median + 0.5);
      },
      { timeoutMs: 5_000 },
    );
    const backMs = performance.now() - ended;
    client.close();
    const answered = during.filter(Number.isFinite);
    const goodput = flood.completed / seconds / peak.perSecond;
    report(
      'D12',
      `engine ${ENGINE}: peak ${peak.perSecond.toFixed(0)}/s; asked ${(flood.sent / seconds).toFixed(0)}/s for ${seconds} s: ${(100 * goodput).toFixed(0)} % of the peak answered; ` +
        `another client ${answered.length} of ${during.length} answered, p99 ${percentile(answered, 0.99).toFixed(1)} ms; memory +${((most - before) / 2 ** 20).toFixed(0)} MiB; p50 back after ${backMs.toFixed(0)} ms`,
    );
    expect(edge.alive).toBe(true);
    expect(backMs).toBeLessThan(2_000);
    expect(most - before).toBeLessThan(100 << 20);
    // On a machine that does other things a short run is no measurement.
    expect(goodput).toBeGreaterThan(LONG ? 0.8 : 0.3);
    if (LONG) expect(percentile(answered, 0.99)).toBeLessThan(200);
  });
});
