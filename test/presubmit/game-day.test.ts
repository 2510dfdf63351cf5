import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { schedule } from '../support/game/schedule.ts';
import { startQueries, unexcused } from '../support/game/traffic.ts';

// Negative controls: the nemesis must come, and its judges must find the guilty.

const TIMES = { totalMs: 60_000, betweenMs: [1_000, 2_000], lastsMs: [300, 2_000] } as const;
const FAULTS = ['a', 'b', 'c', 'd', 'e'];

describe('the nemesis of the game day', () => {
  it('does the same for the same seed, and each fault as often as every other', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const steps = schedule(seed, FAULTS, TIMES);
        expect(schedule(seed, FAULTS, TIMES)).toEqual(steps);
        const counts = FAULTS.map((f) => steps.filter((s) => s.fault === f).length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        const spent = steps.map((s) => s.afterMs + s.forMs);
        const [last = 0] = spent.slice(-1);
        const total = spent.reduce((a, b) => a + b);
        expect(total).toBeGreaterThanOrEqual(TIMES.totalMs);
        expect(total - last).toBeLessThan(TIMES.totalMs);
      }),
    );
  });

  it('does something else for another seed', () => {
    expect(schedule(1, FAULTS, TIMES)).not.toEqual(schedule(2, FAULTS, TIMES));
  });
});

describe('the judges of the game day', () => {
  it('excuse what overlaps a time that the edge was away, and nothing else', () => {
    const failure = (fromMs: number, toMs: number) => ({ fromMs, toMs, reason: 'x' });
    const all = [failure(0, 9), failure(5, 12), failure(12, 15), failure(18, 25), failure(21, 30)];
    expect(unexcused(all, [{ fromMs: 10, toMs: 20 }])).toEqual([failure(0, 9), failure(21, 30)]);
  });

  it('count queries without a reply, with an error and without an answer', async () => {
    const dns = createSocket('udp4');
    let asked = 0;
    dns.on('message', (query, from) => {
      const id = query.readUInt16BE(0);
      asked++;
      if (id % 4 === 0) return;
      const flags = id % 4 === 1 ? 0x82 : 0x80;
      const answers = id % 4 === 2 ? 0 : 1;
      dns.send(
        Buffer.concat([query.subarray(0, 2), Buffer.from([0x84, flags, 0, 1, 0, answers, 0, 0, 0, 0])]),
        from.port,
        from.address,
      );
    });
    dns.bind(0, '127.0.0.1');
    await once(dns, 'listening');
    const queries = startQueries({ port: dns.address().port, name: 'x.mesos', perSecond: 100 });
    await eventually('some queries', () => asked >= 40);
    const { sent, answered, failures } = await queries.stop();
    dns.close();
    const silent = failures.filter((f) => f.reason === 'no reply').length;
    const refused = failures.filter((f) => f.reason === 'rcode 2').length;
    const empty = failures.filter((f) => f.reason === 'rcode 0').length;
    expect(answered + silent + refused + empty).toBe(sent);
    expect(Math.min(answered, silent, refused, empty)).toBeGreaterThan(4);
  });
});
