import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { AccessLog } from './access-log.ts';
import type { AccessBatch, AccessPolicy } from './access-log.ts';
import { lineWriter } from './lines.ts';
import { NO_ACCESS_LOG } from './record.ts';
import type { HttpRecord, TcpRecord } from './record.ts';

const http: HttpRecord = {
  proto: 'http',
  client: '10.0.0.1',
  forwardedFor: '192.0.2.1',
  listener: 'https',
  method: 'GET',
  host: 'a.test',
  target: '/x/y?token=secret',
  status: 200,
  bytesIn: 0,
  bytesOut: 5,
  route: 'marathon/a#0/a.test',
  service: 'marathon/a',
  endpoint: '10.0.0.2:31000',
  task: 'a.1',
  attempts: [
    { endpoint: '10.0.0.3:31000', outcome: 'connect-failed', ms: 1.25 },
    { endpoint: '10.0.0.2:31000', outcome: '200', ms: 3 },
  ],
  waitMs: 0,
  connectMs: 0.1234567,
  firstByteMs: 2,
  totalMs: 3.5,
  reason: undefined,
  tlsVersion: 'TLSv1.3',
  alpn: 'h2',
  peer: undefined,
  traceId: 'f'.repeat(32),
  requestId: 'r1',
};

const tcp: TcpRecord = { ...http, proto: 'tcp', serverName: 'db.test', reason: 'idle-timeout' };

const parse = (line: string): Record<string, unknown> => {
  expect(line.indexOf('\n')).toBe(line.length - 1);
  return JSON.parse(line) as Record<string, unknown>;
};

describe('a line of the access log', () => {
  const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

  it('says all of a request but the query, which may have secrets in it', () => {
    expect(parse(lineWriter()(http, ms))).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      proto: 'http',
      client: '10.0.0.1',
      forwardedFor: '192.0.2.1',
      listener: 'https',
      method: 'GET',
      host: 'a.test',
      path: '/x/y',
      status: 200,
      bytesIn: 0,
      bytesOut: 5,
      route: 'marathon/a#0/a.test',
      service: 'marathon/a',
      endpoint: '10.0.0.2:31000',
      task: 'a.1',
      attempts: http.attempts,
      waitMs: 0,
      connectMs: 0.123,
      firstByteMs: 2,
      totalMs: 3.5,
      tls: 'TLSv1.3',
      alpn: 'h2',
      traceId: 'f'.repeat(32),
      requestId: 'r1',
    });
  });

  it('has the fields that are asked for, in their order', () => {
    expect(lineWriter(['status', 'query', 'client'])(http, ms)).toBe(
      '{"status":200,"query":"token=secret","client":"10.0.0.1"}\n',
    );
    expect(lineWriter(['proto', 'status', 'serverName', 'reason'])(tcp, ms)).toBe(
      '{"proto":"tcp","serverName":"db.test","reason":"idle-timeout"}\n',
    );
  });

  it('is one line of sound JSON, whatever a client sends', () => {
    const write = lineWriter();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.nat(4e12), (path, host, at) => {
        const line = parse(write({ ...http, target: path, host }, at));
        const query = path.indexOf('?');
        expect(line).toMatchObject({ path: query < 0 ? path : path.slice(0, query), host });
        expect(line['time']).toBe(new Date(at).toISOString());
      }),
    );
  });
});

describe('the access log of a plane', () => {
  function make(policy: Partial<AccessPolicy>) {
    const clock = new FakeClock();
    const batches: AccessBatch[] = [];
    const log = new AccessLog({
      policy: { sample: 1, errors: 'always', queueLines: 10, ...policy },
      clock,
      random: seededRandom(1),
      send: (batch) => batches.push(batch),
    });
    return { clock, batches, log };
  }
  const share = (log: AccessLog, error: boolean): number => {
    let wanted = 0;
    for (let i = 0; i < 10_000; i++) wanted += log.wants(error) ? 1 : 0;
    return wanted / 10_000;
  };

  it('wants a share of what went well, and all that failed', () => {
    const { log } = make({ sample: 0.1 });
    expect(share(log, false)).toBeCloseTo(0.1, 1);
    expect(share(log, true)).toBe(1);
    const sampled = make({ sample: 0.1, errors: 'sampled' }).log;
    expect(share(sampled, true)).toBeCloseTo(0.1, 1);
    expect(share(make({ sample: 0 }).log, true)).toBe(0);
    expect(NO_ACCESS_LOG.wants(true)).toBe(false);
  });

  it('sends lines together, soon', () => {
    const { log, batches, clock } = make({});
    log.write(http);
    log.write(tcp);
    expect(batches).toEqual([]);
    clock.advance(100);
    expect(batches).toMatchObject([{ lines: 2, dropped: 0 }]);
    clock.advance(1_000);
    expect(batches).toHaveLength(1);
  });

  it('sends at once what has grown large', () => {
    const { log, batches } = make({ queueLines: 1_000 });
    for (let i = 0; i < 300; i++) log.write(http);
    expect(batches.length).toBeGreaterThan(1);
    expect(batches[0]?.text.length).toBeLessThan(70_000);
  });

  it('drops and counts what there is no room for until lines are written', () => {
    const { log, batches, clock } = make({});
    for (let i = 0; i < 25; i++) log.write(http);
    clock.advance(100);
    expect(batches).toMatchObject([{ lines: 10, dropped: 15 }]);
    log.write(http);
    log.taken(10);
    log.write(http);
    clock.advance(100);
    expect(batches[1]).toMatchObject({ lines: 1, dropped: 1 });
  });
});
