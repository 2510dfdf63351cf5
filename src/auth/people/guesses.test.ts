import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Guesses } from './guesses.ts';

const AWAY = '192.0.2.7';

function guessing(): { clock: FakeClock; guesses: Guesses } {
  const clock = new FakeClock();
  return { clock, guesses: new Guesses(clock) };
}

/** Wrong attempts as fast as they are let, for so long; how many there were. */
function attack(
  { clock, guesses }: { clock: FakeClock; guesses: Guesses },
  ms: number,
  account: string,
  address: (n: number) => string,
): number {
  const end = clock.now() + ms;
  let made = 0;
  while (clock.now() < end) {
    const wait = guesses.begin(account, address(made));
    if (wait === undefined) made++;
    else clock.advance(Math.min(wait, end - clock.now()));
  }
  return made;
}

describe('guesses', () => {
  it('of one account get slower and slower, from however many addresses', () => {
    const world = guessing();
    const made = attack(world, 24 * 3600_000, 'alice', (n) => `10.0.${n >> 8}.${n & 255}`);
    expect(made).toBeGreaterThan(90);
    expect(made).toBeLessThan(120);
  });

  it('of many accounts are slowed down by the address, and by the network of an IPv6 address', () => {
    for (const address of [(): string => AWAY, (n: number): string => `2001:db8:1:2::${n.toString(16)}`]) {
      const { clock, guesses } = guessing();
      let made = 0;
      for (let n = 0; n < 10_000; n++) {
        if (guesses.begin(`u${n}`, address(n)) === undefined) made++;
        clock.advance(100);
      }
      expect(made).toBeLessThan(60);
    }
  });

  it('cannot lock out who sits at the machine, wherever they come from', () => {
    const world = guessing();
    attack(world, 3600_000, 'admin', (n) => `10.1.${n >> 8}.${n & 255}`);
    expect(world.guesses.begin('admin', AWAY)).toBeGreaterThan(60_000);
    expect(world.guesses.begin('admin', '127.0.0.1')).toBeUndefined();
    attack(world, 3600_000, 'admin', () => '::1');
    expect(world.guesses.begin('admin', '127.0.0.1') ?? 0).toBeLessThanOrEqual(30_000);
  });

  it('that turn out right count no longer', () => {
    const { guesses } = guessing();
    for (let n = 0; n < 1000; n++) {
      expect(guesses.begin('alice', AWAY)).toBeUndefined();
      guesses.right('alice', AWAY);
    }
    expect(guesses.size).toBe(0);
  });

  it('are slow at an address after many wrong ones, and no longer than that for who is always right there', () => {
    const { clock, guesses } = guessing();
    for (let n = 0; n < 31; n++) {
      clock.advance(60_000);
      expect(guesses.begin(undefined, AWAY)).toBeUndefined();
    }
    expect(guesses.begin(undefined, AWAY)).toBeGreaterThan(0);
    clock.advance(60_000);
    for (let n = 0; n < 1000; n++) {
      expect(guesses.begin(undefined, AWAY)).toBeUndefined();
      guesses.right(undefined, AWAY);
      clock.advance(10);
    }
  });

  it('are not forgotten for one that was not made', () => {
    const { clock, guesses } = guessing();
    for (let n = 0; n < 8; n++) {
      guesses.begin('alice', AWAY);
      clock.advance(30_000);
    }
    expect(guesses.begin('alice', AWAY)).toBeUndefined();
    guesses.notMade('alice', AWAY);
    expect(guesses.begin('alice', AWAY)).toBeUndefined();
    expect(guesses.begin('alice', AWAY)).toBeGreaterThan(8_000);
  });

  it('count from their beginning, so that a hundred at once are still few', () => {
    const { guesses } = guessing();
    const let_ = Array.from({ length: 100 }, () => guesses.begin('alice', AWAY)).filter(
      (w) => w === undefined,
    );
    expect(let_).toHaveLength(5);
    expect(guesses.throttled).toBe(95);
  });

  it('are forgotten after an hour, and never by noise', () => {
    const { clock, guesses } = guessing();
    for (let n = 0; n < 8; n++) {
      guesses.begin('alice', AWAY);
      clock.advance(10_000);
    }
    for (let n = 0; n < 30_000; n++) guesses.begin(`noise${n}`, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    expect(guesses.size).toBeLessThanOrEqual(20_000);
    guesses.begin('alice', '192.0.2.9');
    expect(guesses.begin('alice', '192.0.2.8')).toBeGreaterThan(0);
    clock.advance(3600_001);
    expect(guesses.begin('alice', '192.0.2.8')).toBeUndefined();
  });

  it('never have to wait longer than their limit, and never fail', () => {
    const attempt = fc.record({
      account: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
      address: fc.constantFrom('127.0.0.1', '::1', AWAY, '10.0.0.1', '2001:db8::1', '::ffff:10.0.0.1', ''),
      right: fc.boolean(),
      later: fc.nat(100_000),
    });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 100 }), (attempts) => {
        const { clock, guesses } = guessing();
        for (const { account, address, right, later } of attempts) {
          const wait = guesses.begin(account, address);
          if (wait !== undefined) {
            expect(wait).toBeGreaterThan(0);
            expect(wait).toBeLessThanOrEqual(15 * 60_000);
          } else if (right) guesses.right(account, address);
          clock.advance(later);
        }
      }),
    );
  });
});
