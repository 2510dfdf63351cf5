import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/root.ts';
import { MUTANTS } from './mutant-list.ts';
import { simulate } from './run.ts';

// What fails here is shown, step by step, by the command in its message.

const SEEDS = 200;
const FROM = 1;
/** So many are one test, so that a slow machine does not take the time of one test for all of them. */
const BUNCH = 20;

const replay = (seed: number): string => `npm run simulate -- --seed ${seed}`;

describe('master, agents, Marathon and watch under faults', () => {
  const bunches = Array.from({ length: SEEDS / BUNCH }, (_, i) => FROM + i * BUNCH);

  it.each(bunches)('seeds from %i: nothing that must never be, and all is well again', async (from) => {
    const problems: string[] = [];
    let events = 0;
    for (let seed = from; seed < from + BUNCH; seed++) {
      const outcome = await simulate(seed);
      events += outcome.events;
      if (outcome.problem !== undefined) problems.push(`${outcome.problem}\n  replay: ${replay(seed)}`);
    }
    expect(problems.join('\n')).toBe('');
    expect(events).toBeGreaterThan(BUNCH * 200);
  });

  it('is the same run for the same seed, and another one for another', async () => {
    const first = await simulate(42);
    const again = await simulate(42);
    expect([again.hash, again.events]).toEqual([first.hash, first.events]);
    expect((await simulate(43)).hash).not.toBe(first.hash);
  });
});

describe('the list of what is made wrong on purpose', () => {
  it.each(MUTANTS.map(({ what, file, from, to }) => [what, file, from, to] as const))(
    '%s: stands once in the code',
    (_what, file, from, to) => {
      const text = readFileSync(join(root, file), 'utf8');
      expect(text.split(from)).toHaveLength(2);
      expect(text.replace(from, () => to)).not.toBe(text);
    },
  );
});
