import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { BATCH } from './batch.ts';
import { Gathering } from './gathering.ts';

const LONGEST_US = 500;

/** What a loop and its datagrams cost, microseconds. */
const WOKEN_US = 10;
const EACH_US = 2;
const WAY_US = 20;
const CHANGE_MS = 10_000;

interface Told {
  readonly answered: number;
  readonly rests: number;
  readonly longestRestUs: number;
  readonly busyUs: number;
}

/** Says when what was answered is asked again, and what comes next by itself; microseconds. */
interface Senders {
  /** When the next datagram arrives; Infinity: only after an answer. */
  next(): number;
  taken(): void;
  answered(atUs: number): void;
}

/** Ask at a steady rate, whatever is answered. */
function steady(perMs: number, fromMs = 0): Senders {
  let next = fromMs * 1000;
  return { next: () => next, taken: () => void (next += 1000 / perMs), answered: () => {} };
}

/** So many that wait for an answer before they ask again. */
function waiting(many: number, fromMs = 0): Senders {
  const due = Array.from({ length: many }, () => fromMs * 1000);
  return {
    next: () => due[0] ?? Infinity,
    taken: () => void due.shift(),
    answered: (at) => void due.push(at + WAY_US),
  };
}

/** Others take over at `CHANGE_MS`. */
function changing(first: Senders, later: Senders): Senders {
  let senders = first;
  return {
    next() {
      const next = senders.next();
      if (next < CHANGE_MS * 1000 || next === Infinity) return next;
      senders = later;
      return senders.next();
    },
    taken: () => senders.taken(),
    answered: (at) => senders.answered(at),
  };
}

/** The loop of `loop.ts` with time of its own. */
function run(senders: Senders, longestUs: number, forMs: number): Told {
  const clock = new FakeClock(0);
  const gathering = new Gathering(longestUs, () => clock.monotonic());
  let [answered, rests, longestRestUs, busyUs] = [0, 0, 0, 0];
  const nowUs = (): number => clock.monotonic() * 1000;
  const work = (us: number): void => {
    busyUs += us;
    clock.advance(us / 1000);
  };
  while (clock.monotonic() < forMs) {
    if (senders.next() > nowUs()) {
      clock.advance((senders.next() - nowUs()) / 1000);
      work(WOKEN_US);
    }
    let batch = 0;
    for (; batch < BATCH && senders.next() <= nowUs(); batch++) senders.taken();
    work(batch * EACH_US);
    for (let i = 0; i < batch; i++) senders.answered(nowUs());
    answered += batch;
    const us = gathering.restUs(batch);
    if (us === 0) continue;
    rests++;
    longestRestUs = Math.max(longestRestUs, us);
    clock.advance(us / 1000);
    work(WOKEN_US);
  }
  return { answered, rests, longestRestUs, busyUs };
}

const each = ({ busyUs, answered }: Told): number => busyUs / answered;

describe('letting datagrams gather', () => {
  it('halves what datagrams cost that come on their own, and many', () => {
    fc.assert(
      fc.property(fc.double({ min: 12, max: 60, noNaN: true }), (perMs) => {
        const told = run(steady(perMs), LONGEST_US, 3_000);
        expect(told.answered).toBeGreaterThan(0.99 * perMs * 3_000);
        expect(each(told)).toBeLessThan(0.55 * each(run(steady(perMs), 0, 300)));
      }),
      { numRuns: 20 },
    );
  });

  it('holds nobody up who waits for an answer before asking again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (many) => {
        const free = run(waiting(many), 0, 1_000);
        expect(free.rests).toBe(0);
        expect(run(waiting(many), LONGEST_US, 1_000).answered).toBeGreaterThan(0.9 * free.answered);
      }),
      { numRuns: 20, examples: [[1], [4], [7], [8]] },
    );
  });

  it('rests for no longer than it may, nor for more than are enough, and never when few come', () => {
    expect(run(steady(20), LONGEST_US, 1_000).longestRestUs).toBe(LONGEST_US);
    expect(run(steady(100), LONGEST_US, 1_000).longestRestUs).toBeCloseTo(160, -1);
    expect(run(steady(7.9), LONGEST_US, 1_000).rests).toBe(0);
    expect(run(steady(20), 0, 1_000).rests).toBe(0);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: BATCH }), fc.double({ min: 0, max: 50, noNaN: true }))),
        (longestUs, batches) => {
          const clock = new FakeClock(0);
          const gathering = new Gathering(longestUs, () => clock.monotonic());
          for (const [arrived, ms] of batches) {
            clock.advance(ms);
            const us = gathering.restUs(arrived);
            expect(Number.isInteger(us) && us >= 0 && us <= longestUs).toBe(true);
          }
        },
      ),
    );
  });

  it('leaves out a rest behind a full batch, and ends soon after the datagrams do', () => {
    const clock = new FakeClock(0);
    const gathering = new Gathering(LONGEST_US, () => clock.monotonic());
    let us = 0;
    for (let i = 0; i < 1_000; i++) {
      clock.advance(0.4);
      us = gathering.restUs(7);
    }
    expect(us).toBe(LONGEST_US);
    // behind a full batch there is more already
    expect([gathering.restUs(BATCH), gathering.restUs(7)]).toEqual([0, LONGEST_US]);
    let rests = 0;
    for (let i = 0; i < 1_000; i++) {
      clock.advance(20);
      if (gathering.restUs(1) > 0) rests++;
    }
    expect(rests).toBeLessThanOrEqual(32);
  });

  it('begins again within seconds once those who waited are gone', () => {
    const before = run(waiting(4), LONGEST_US, CHANGE_MS);
    const all = run(changing(waiting(4), steady(20, CHANGE_MS)), LONGEST_US, CHANGE_MS + 6_000);
    const datagrams = all.answered - before.answered;
    expect(datagrams).toBeGreaterThan(0.99 * 20 * 6_000);
    // Within two of the six, and from then on each rest brings what comes in its time.
    const brought = (LONGEST_US / 1000) * 20 + 0.5;
    expect(all.rests - before.rests).toBeGreaterThan((0.65 * datagrams) / brought);
  });

  it('notices within a second those who wait, also when with rests they ask as often as others did before', () => {
    const before = run(steady(10), LONGEST_US, CHANGE_MS);
    const all = run(changing(steady(10), waiting(4, CHANGE_MS)), LONGEST_US, CHANGE_MS + 5_000);
    const free = run(waiting(4), 0, 5_000);
    expect(all.answered - before.answered).toBeGreaterThan(0.75 * free.answered);
  });
});
