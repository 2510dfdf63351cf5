import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { SparingLog } from './sparing-log.ts';
import { FakeClock } from './testing/fake-clock.ts';

function make(perSecond: number): {
  readonly log: SparingLog;
  readonly clock: FakeClock;
  readonly lines: Record<string, unknown>[];
} {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: null, timestamp: false },
    { write: (text: string) => void lines.push(JSON.parse(text)) },
  );
  const clock = new FakeClock();
  return { log: new SparingLog({ log, clock }, perSecond), clock, lines };
}

describe('lines that somebody can bring about', () => {
  it('are so many a second for each key, then one that counts the rest', () => {
    const { log, clock, lines } = make(2);
    for (let n = 1; n <= 5; n++) log.info('a', { n }, 'denied');
    log.warn('b', { n: 1 }, 'refused');
    expect(lines.map(({ level, msg, n }) => [level, msg, n])).toEqual([
      [30, 'denied', 1],
      [30, 'denied', 2],
      [40, 'refused', 1],
    ]);
    clock.advance(999);
    log.info('a', { n: 6 }, 'denied');
    expect(lines).toHaveLength(3);
    clock.advance(1);
    expect(lines.slice(3)).toEqual([{ level: 30, n: 3, leftOut: 4, msg: 'denied' }]);
    log.info('a', { n: 7 }, 'denied');
    clock.advance(10_000);
    expect(lines.slice(4)).toEqual([{ level: 30, n: 7, msg: 'denied' }]);
  });

  it('stay bounded with any number of keys', () => {
    const { log, clock, lines } = make(1);
    for (let n = 0; n < 5_000; n++) log.info(`key ${n}`, { n }, 'denied');
    expect(lines).toHaveLength(1_001);
    clock.advance(1_000);
    expect(lines).toHaveLength(1_002);
    expect(lines.at(-1)).toMatchObject({ leftOut: 3_999 });
  });
});
