import { describe, expect, it } from 'vitest';
import { definedErrors, defineErrors, errorText, RimrockError } from './errors.ts';
import { Health } from './health.ts';
import { silentLogger } from './log.ts';
import { Metrics } from './metrics.ts';
import { seededRandom, systemRandom } from './random.ts';
import { Subscribers } from './subscribers.ts';

describe('the error registry', () => {
  const errors = defineErrors({
    TEST_BROKEN: { message: '{what} is broken ({n}, {missing})', hint: 'Mend {what}.' },
  });

  it('makes errors with code, message and hint, filled from the details', () => {
    const cause = new Error('why');
    const error = errors.TEST_BROKEN({ what: 'it', n: 3 }, cause);
    expect(error).toBeInstanceOf(RimrockError);
    expect(error).toMatchObject({
      code: 'TEST_BROKEN',
      message: 'it is broken (3, {missing})',
      hint: 'Mend it.',
      cause,
    });
    expect(definedErrors().get('TEST_BROKEN')?.hint).toBe('Mend {what}.');
  });

  it('refuses the same code twice', () => {
    expect(() => defineErrors({ TEST_BROKEN: { message: '', hint: '' } })).toThrow(
      /TEST_BROKEN is defined twice/,
    );
  });

  it('has a text for everything that can be thrown', () => {
    expect([new Error('a'), 'b', undefined, 3].map(errorText)).toEqual(['a', 'b', 'undefined', '3']);
  });
});

describe('Health', () => {
  it('is ready while every condition holds, and not once it drains', () => {
    const health = new Health();
    let ok = false;
    health.require('store', () => ({ ok, detail: 'as it is' }));
    expect(health.report()).toEqual({
      ready: false,
      draining: false,
      conditions: { store: { ok: false, detail: 'as it is' } },
    });
    ok = true;
    expect(health.report().ready).toBe(true);
    health.drain();
    expect(health.report()).toMatchObject({ ready: false, draining: true });
  });
});

describe('Metrics', () => {
  it('exposes what was counted and what is read when asked', async () => {
    const metrics = new Metrics();
    metrics.counter('rimrock_test_things_total', 'Things.', ['kind']).inc({ kind: 'a' }, 2);
    let open = 1;
    metrics.observed('rimrock_test_open', 'Open now.', () => [{ labels: { x: 'y' }, value: open }]);
    open = 7;
    const text = await metrics.text();
    expect(text).toContain('rimrock_test_things_total{kind="a"} 2');
    expect(text).toContain('rimrock_test_open{x="y"} 7');
    expect([...(await metrics.names()).keys()]).toEqual(['rimrock_test_things_total', 'rimrock_test_open']);
  });

  it('refuses names that are not ours', () => {
    expect(() => new Metrics().gauge('requests', 'No.')).toThrow(/names are rimrock_/);
  });
});

describe('Subscribers', () => {
  it('tells every listener, whatever one of them throws, until it leaves', () => {
    const failures: unknown[] = [];
    const subscribers = new Subscribers<number>((error) => failures.push(error));
    const seen: string[] = [];
    const leave = subscribers.add((n) => seen.push(`a${n}`));
    subscribers.add(() => {
      throw new Error('mine');
    });
    subscribers.add((n) => seen.push(`c${n}`));
    subscribers.emit(1);
    leave();
    leave();
    subscribers.emit(2);
    expect(seen).toEqual(['a1', 'c1', 'c2']);
    expect(failures.map(errorText)).toEqual(['mine', 'mine']);
    expect(subscribers.size).toBe(2);
  });
});

describe('Random', () => {
  it('repeats itself from a seed and stays in range', () => {
    const [one, two] = [seededRandom(7), seededRandom(7)];
    for (const random of [one, two, systemRandom]) {
      for (let i = 0; i < 100; i++) {
        expect(random.int(3)).toBeLessThan(3);
        expect(random.next()).toBeLessThan(1);
      }
      expect(random.bytes(5)).toHaveLength(5);
      expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    expect(one.uuid()).toBe(two.uuid());
  });
});

describe('silentLogger', () => {
  it('says nothing', () => {
    expect(silentLogger.isLevelEnabled('fatal')).toBe(false);
  });
});
