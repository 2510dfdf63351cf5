import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { SAMPLE_BYTES, packSample } from './answer/query-log.ts';
import { DnsCounters } from './metrics.ts';
import { QueryLog } from './query-log.ts';
import { nameBytes } from './wire/index.ts';
import { ipBytes } from './zone/ip.ts';

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
