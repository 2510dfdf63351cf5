import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex, MAX_PATTERN, MAX_PROGRAM } from './regex.ts';

const compiled = (pattern: string) => {
  const regex = compileRegex(pattern);
  if (typeof regex === 'string') throw new Error(regex);
  return regex;
};

describe('regular expressions', () => {
  it.each([
    ['', /is empty/],
    ['(', /missing closing/],
    ['a(?=b)', /RE2 syntax/],
    [String.raw`(a)\1`, /RE2 syntax/],
    ['a'.repeat(MAX_PATTERN + 1), /longer than/],
    [`(.{100}){${MAX_PROGRAM / 100}}`, /shorter repetitions/],
    ['((a{0,100}){0,100}){0,100}', /RE2 syntax/],
  ])('%.30s is refused', (pattern, reason) => {
    expect(compileRegex(pattern)).toMatch(reason);
  });

  it('fits the whole text or nothing', () => {
    const regex = compiled('/a|/b');
    expect(['/a', '/b', '/ab', 'x/a', '/a\n'].map((text) => regex.fits(text))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('fills templates from its groups', () => {
    const regex = compiled('/old/([^/]*)(/x)?');
    expect(regex.expand('/old/a', '/new/$1$2')).toBe('/new/a');
    expect(regex.expand('/old/a/x', '/$1$2$1')).toBe('/a/xa');
    expect(regex.expand('/old/a', '/costs/$3')).toBe('/costs/$3');
    expect(regex.expand('/other', '/new')).toBeUndefined();
  });

  it('agrees with the regular expressions of JavaScript where both have the same syntax', () => {
    const atom = fc.constantFrom('a', 'b', '/', '.', '[ab]', '[^a]', '(a|b)', '(?:ab)?');
    const piece = fc
      .tuple(atom, fc.constantFrom('', '*', '+', '?', '{1,3}'))
      .map(([a, q]) => (a.endsWith('?') ? a : a + q));
    const pattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map((all) => all.join(''));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        expect(compiled(p).fits(t)).toBe(new RegExp(`^(?:${p})$`).test(t));
      }),
      { numRuns: 1_000 },
    );
  });

  // With backtracking each of these takes longer than the universe has been there: that they end at all is the proof.
  it.each(['(a*)*b', '(a|a)*b', '(a+)+b', '(.*a){20}b', '(a?){40}a{40}b', '([a-z]+)*!', '(.*)*x(.*)*y(.*)*'])(
    '%s ends on 100,000 characters',
    (pattern) => {
      expect(compiled(pattern).fits('a'.repeat(100_000))).toBe(false);
    },
  );
});
