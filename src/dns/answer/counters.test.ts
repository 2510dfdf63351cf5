import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RCODE, TYPE } from '../wire/constants.ts';
import {
  AnswerCounters,
  AnswerTotals,
  COUNT,
  LATENCY_BUCKETS_US,
  QUESTION_KINDS,
  RCODE_SLOTS,
  newAnswerCounters,
} from './counters.ts';

function make(threads = 2): { all: AnswerCounters[]; totals: AnswerTotals; shared: SharedArrayBuffer } {
  const shared = newAnswerCounters(threads);
  const all = Array.from({ length: threads }, (_, i) => new AnswerCounters(shared, i));
  return { all, totals: new AnswerTotals(shared), shared };
}

/** Everything there is, so that a test sees also what must not have changed. */
function everything(totals: AnswerTotals): number[] {
  const rcodes = Array.from({ length: RCODE_SLOTS }, (_, i) => [
    totals.replies(false, i),
    totals.replies(true, i),
  ]);
  const { counts, sumUs } = totals.latency();
  const questions = QUESTION_KINDS.map((_, i) => totals.questions(i));
  return [...rcodes.flat(), ...questions, ...Object.values(COUNT).map((c) => totals.of(c)), ...counts, sumUs];
}
const touched = (totals: AnswerTotals): number[] => everything(totals).filter((v) => v !== 0);

describe('counters of the answering threads', () => {
  it('counts replies by transport and code', () => {
    const { all, totals } = make();
    all[0]?.reply(false, RCODE.NOERROR);
    all[1]?.reply(false, RCODE.NOERROR);
    all[1]?.reply(true, RCODE.NXDOMAIN);
    all[1]?.reply(true, 4095);
    expect(totals.replies(false, RCODE.NOERROR)).toBe(2);
    expect(totals.replies(true, RCODE.NXDOMAIN)).toBe(1);
    expect(totals.replies(true, RCODE_SLOTS - 1)).toBe(1);
    expect(touched(totals)).toEqual([2, 1, 1]);
  });

  it.each([
    [TYPE.A, 'A'],
    [TYPE.AAAA, 'AAAA'],
    [TYPE.SRV, 'SRV'],
    [TYPE.PTR, 'PTR'],
    [TYPE.ANY, 'ANY'],
    [TYPE.SOA, 'SOA'],
    [TYPE.NS, 'NS'],
    [TYPE.TXT, 'other'],
    [0, 'other'],
    [65535, 'other'],
  ] as const)('counts questions of type %i as %s', (type, kind) => {
    const { all, totals } = make();
    all[1]?.question(type);
    expect(totals.questions(QUESTION_KINDS.indexOf(kind))).toBe(1);
    expect(touched(totals)).toEqual([1]);
  });

  it('counts each single thing in a place of its own', () => {
    const { all, totals } = make();
    for (const [i, what] of Object.values(COUNT).entries()) all[i % 2]?.add(what, 100 + i);
    for (const [i, what] of Object.values(COUNT).entries()) expect(totals.of(what)).toBe(100 + i);
    all[0]?.ignored();
    all[1]?.truncated();
    expect(totals.of(COUNT.ignored)).toBe(101);
    expect(totals.of(COUNT.truncated)).toBe(103);
  });

  it.each([
    [0, 1],
    [1, 1],
    [1.5, 2],
    [2, 2],
    [3, 5],
    [6, 10],
    [999_999, 1_000_000],
    [1_000_001, Infinity],
  ])('%f us fall into the bucket up to %f', (us, le) => {
    const { all, totals } = make();
    all[0]?.observe(us, 3);
    const { counts, sumUs } = totals.latency();
    expect(
      counts.map((count, i) => [LATENCY_BUCKETS_US[i], count]).filter(([, count]) => count !== 0),
    ).toEqual([[le, 3]]);
    expect(sumUs).toBe(3 * us);
  });

  it('counts a batch', () => {
    const { all, totals } = make();
    all[0]?.batch(7, 40);
    expect([totals.of(COUNT.batches), totals.latency().sumUs]).toEqual([1, 280]);
  });

  it('goes on in a block whose thread has died', () => {
    const { all, totals, shared } = make();
    all[1]?.reply(true, 0);
    new AnswerCounters(shared, 1).reply(true, 0);
    expect(totals.replies(true, 0)).toBe(2);
  });

  it('loses nothing between threads, whatever they count', () => {
    const step = fc.tuple(fc.nat(3), fc.constantFrom(...Object.values(COUNT)), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { all, totals } = make(4);
        for (const [thread, what, n] of steps) all[thread]?.add(what, n);
        const expected = steps.reduce((sum, [, , n]) => sum + n, 0);
        expect(everything(totals).reduce((sum, n) => sum + n, 0)).toBe(expected);
      }),
    );
  });
});
