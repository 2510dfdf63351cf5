import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { SAMPLE_BYTES, packSample } from './answer/query-log.ts';
import { DnsCounters } from './metrics.ts';
import { HandCatalog, agent, framework, task } from './testing/catalog.ts';
import { askTcp, askUdp, queryBytes, startDns } from './testing/start.ts';
import { QueryLog } from './query-log.ts';
import { nameBytes } from './wire/index.ts';
import { ipBytes } from '../core/ip.ts';

function make(maxLinesPerSecond = 100) {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const [clock, counters] = [new FakeClock(), new DnsCounters()];
  return { lines, clock, counters, log: new QueryLog({ log, clock, counters, maxLinesPerSecond }) };
}

function sample(ip: string, name: string, type: number, rcode: number): Uint8Array {
  const [address, wire] = [ipBytes(ip) as Uint8Array, nameBytes(name) as Uint8Array];
  const out = new Uint8Array(SAMPLE_BYTES);
  const size = packSample(out, 0, address, 0, address.length, false, wire, 0, wire.length, type, rcode, 12);
  return out.subarray(0, size);
}

describe('the query log', () => {
  it('writes one line for a sample', () => {
    const { log, lines } = make();
    log.write(sample('192.0.2.7', '_web._tcp.marathon.mesos.', 33, 0));
    log.write(sample('2001:db8::1', 'a\\010b.', 65, 3));
    expect(lines).toEqual([
      {
        level: 30,
        client: '192.0.2.7',
        name: '_web._tcp.marathon.mesos.',
        type: 'SRV',
        rcode: 'NOERROR',
        transport: 'udp',
        us: 12,
        msg: 'DNS query',
      },
      expect.objectContaining({ client: '2001:db8::1', name: 'a\\010b.', type: 'TYPE65', rcode: 'NXDOMAIN' }),
    ]);
  });

  it('writes so many a second, and counts the others', () => {
    const { log, lines, clock, counters } = make(3);
    for (let i = 0; i < 10; i++) log.write(sample('192.0.2.7', 'a.', 1, 0));
    expect([lines.length, counters.querySamplesDropped]).toEqual([3, 7]);
    clock.advance(1000);
    for (let i = 0; i < 2; i++) log.write(sample('192.0.2.7', 'a.', 1, 0));
    expect([lines.length, counters.querySamplesDropped]).toEqual([5, 7]);
  });

  it('passes over what is no sample', () => {
    const { log, lines } = make();
    log.write(new Uint8Array(40));
    expect(lines).toEqual([]);
  });
});

describe('the query log of a server', () => {
  it('has what workers, TCP and the slow way answered', async () => {
    const lines: Record<string, unknown>[] = [];
    let arrived = (): void => {};
    const write = (line: string): void => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      if (entry['msg'] === 'DNS query') lines.push(entry);
      arrived();
    };
    const config = {
      queryLog: { sampleEvery: 1 },
      externalOn: true,
      resolvers: ['192.0.2.53'],
    };
    const { dns, catalog, reactor, metrics } = await startDns(config, new HandCatalog(), pino({}, { write }));
    try {
      catalog.become({ agents: [agent()], frameworks: [framework()], tasks: [task('web.1')] });
      const { udp, tcp } = dns.addresses;
      await askUdp(reactor, udp, queryBytes('Web.Marathon.mesos.'));
      await askTcp(reactor, tcp, [queryBytes('nope.mesos.', 33)]);
      await askUdp(reactor, udp, queryBytes('localhost.'));
      while (lines.length < 3) await new Promise<void>((done) => (arrived = done));
      expect(
        lines
          .map(({ client, name, type, rcode, transport }) => [client, name, type, rcode, transport])
          .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
      ).toEqual([
        ['127.0.0.1', 'Web.Marathon.mesos.', 'A', 'NOERROR', 'udp'],
        ['127.0.0.1', 'localhost.', 'A', 'NOERROR', 'udp'],
        ['127.0.0.1', 'nope.mesos.', 'SRV', 'NXDOMAIN', 'tcp'],
      ]);
      for (const { us } of lines) expect(us).toBeGreaterThanOrEqual(0);
      expect(await metrics.text()).toContain('rimrock_dns_cold_total 1\n');
    } finally {
      await dns.stop();
    }
  });

  it('leaves out in the worker what is over the rate', async () => {
    const { dns, catalog, reactor, metrics } = await startDns({
      queryLog: { sampleEvery: 1, maxLinesPerSecond: 1 },
    });
    try {
      catalog.become({ tasks: [task('web.1')] });
      for (let i = 0; i < 10; i++)
        await askUdp(reactor, dns.addresses.udp, queryBytes('web.marathon.mesos.'));
      const dropped = /rimrock_dns_query_samples_dropped_total (\d+)/.exec(await metrics.text())?.[1];
      // Ten answers take less than three seconds, or this machine is not one to test on.
      expect(Number(dropped)).toBeGreaterThanOrEqual(7);
    } finally {
      await dns.stop();
    }
  });
});
