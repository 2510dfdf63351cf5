import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { CallLine } from './call-line.ts';
import type { Caller } from './call-line.ts';

function newLine() {
  const clock = new FakeClock();
  const immediates: (() => void)[] = [];
  const line = new CallLine(clock, (f) => void immediates.push(f));
  /** What was put off until now, and not what comes of it. */
  const turn = (): void => {
    for (const f of immediates.splice(0)) f();
  };
  return { clock, line, immediates, turn };
}

const call = fc.tuple(fc.constantFrom('agent', 'scheduler'), fc.nat(5));

it('calls of a kind that come together are handled in their order, in turns that last no longer than a slice and a call of each', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(call), { maxLength: 30 }), async (turns) => {
      const { clock, line, immediates, turn } = newLine();
      const handled: Record<Caller, number[]> = { agent: [], scheduler: [] };
      const answers: unknown[] = [];
      let calls = 0;
      const play = (costs: readonly (readonly [Caller, number])[]): void => {
        for (const [caller, ms] of costs) {
          const number = calls++;
          const call = (): number => {
            clock.advance(ms);
            handled[caller].push(number);
            return number;
          };
          answers.push(line.take(caller, call));
        }
      };
      for (const costs of turns) {
        let began = clock.monotonic();
        play(costs);
        expect(clock.monotonic() - began).toBeLessThan(8 + 5);
        began = clock.monotonic();
        turn();
        expect(clock.monotonic() - began).toBeLessThan(8 + 5 + 5);
      }
      while (immediates.length > 0) turn();
      const numbers = Array.from({ length: calls }, (_, i) => i);
      for (const caller of ['agent', 'scheduler'] as const)
        expect(handled[caller]).toEqual(handled[caller].toSorted((a, b) => a - b));
      expect([...handled.agent, ...handled.scheduler].sort((a, b) => a - b)).toEqual(numbers);
      expect(await Promise.all(answers)).toEqual(numbers);
    }),
  );
});

it('one that comes alone is handled at once, and what it throws is its own', async () => {
  const { clock, line, turn } = newLine();
  expect(line.take('agent', () => 'now')).toBe('now');
  expect(() =>
    line.take('agent', () => {
      throw new Error('bad');
    }),
  ).toThrow('bad');
  clock.advance(8);
  const late = line.take('agent', () => {
    throw new Error('late');
  });
  const next = line.take('agent', () => 'next');
  const refused = expect(late).rejects.toThrow('late');
  turn();
  await refused;
  expect(await next).toBe('next');
});

it('what an agent tells does not wait for all that schedulers want', () => {
  const { clock, line, immediates, turn } = newLine();
  const handled: string[] = [];
  const called = (caller: Caller): void =>
    void line.take(caller, () => {
      clock.advance(1);
      handled.push(caller);
    });
  for (let i = 0; i < 100; i++) called('scheduler');
  expect(handled).toHaveLength(8);
  called('agent');
  turn();
  expect(handled.slice(0, 10)).toEqual([
    ...Array.from({ length: 8 }, () => 'scheduler'),
    'agent',
    'scheduler',
  ]);
  while (immediates.length > 0) turn();
  expect(handled).toHaveLength(101);
});
