import { describe, expect, it } from 'vitest';
import { SetHistory } from '../support/set-history.ts';

// A negative control: a judge that cannot find anyone guilty proves nothing.

type Step = readonly [reign: string, fromMs: number, toMs: number, what: string | readonly string[]];

function problemsOf(...steps: readonly Step[]): string[] {
  const history = new SetHistory();
  for (const [reign, fromMs, toMs, what] of steps)
    if (typeof what === 'string') history.added.push({ reign, fromMs, toMs, element: what });
    else history.seen.push({ reign, fromMs, toMs, elements: new Set(what) });
  return history.problems();
}

describe('the judge of a growing set', () => {
  it('lets a good history pass, also where answers overlap', () => {
    expect(
      problemsOf(
        ['one', 0, 1, 'a'],
        ['one', 0.5, 4, []],
        ['one', 2, 3, ['a']],
        ['one', 2, 6, 'b'],
        ['one', 3, 5, ['a', 'b']],
        ['two', 7, 8, ['a', 'b']],
        ['two', 9, 10, 'c'],
      ),
    ).toEqual([]);
  });

  it.each<[string, RegExp, readonly Step[]]>([
    [
      'a lost write',
      /^a, known at 1, was not there at 2/,
      [
        ['one', 0, 1, 'a'],
        ['two', 2, 3, []],
      ],
    ],
    [
      'a stale read',
      /^a, known at 3, was not there at 4/,
      [
        ['two', 2, 3, ['a']],
        ['one', 4, 5, []],
      ],
    ],
    [
      'two who accept',
      /^two answered/,
      [
        ['one', 0, 1, 'a'],
        ['two', 2, 3, 'b'],
        ['one', 4, 5, 'c'],
      ],
    ],
  ])('finds %s', (_, problem, steps) => {
    expect(problemsOf(...steps)).toContainEqual(expect.stringMatching(problem));
  });
});
