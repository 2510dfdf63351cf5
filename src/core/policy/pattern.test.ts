import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literally, Pattern } from './pattern.ts';

describe('patterns', () => {
  it.each([
    ['web', 'web', true],
    ['web', 'webs', false],
    ['web-*', 'web-', true],
    ['web-*', 'web-1', true],
    ['web-*', 'web', false],
    ['*', '', false],
    ['*', 'a/b', false],
    ['**', '', true],
    ['**', 'a/b', true],
    ['/team/**', '/team', true],
    ['/team/**', '/team/a/b', true],
    ['/team/**', '/teams', false],
    ['/team/*/db', '/team/x/db', true],
    ['/team/*/db', '/team/x/y/db', false],
    ['/team/*/db', '/team//db', false],
    ['a*a', 'a', false],
    ['*.example.com', 'www.example.com', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['spiffe://d/fw/*/web/**', 'spiffe://d/fw/marathon/web', true],
    ['spiffe://d/fw/*/web/**', 'spiffe://other/fw/marathon/web', false],
  ])('%s on %s: %s', (pattern, text, matches) => {
    expect(Pattern.of(pattern).test(text)).toBe(matches);
  });

  it.each([['a**'], ['**/a'], ['a*b*'], ['\\a'], ['a\\']])('%s is none', (text) => {
    expect(Pattern.parse(text)).toHaveProperty('problem');
  });

  it('a text taken literally matches itself and nothing else', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        const pattern = Pattern.of(literally(text));
        expect(pattern.test(text)).toBe(true);
        expect(pattern.test(other)).toBe(other === text);
      }),
    );
  });

  it('one that covers another matches all that the other matches', () => {
    const one = fc.array(fc.constantFrom('a', 'ab', '*', 'a*', '*b', 'a*b'), { maxLength: 3 });
    const pattern = fc
      .tuple(one, fc.boolean())
      .map(([parts, rest]) => [...parts, ...(rest ? ['**'] : [])].join('/'));
    const text = fc
      .array(fc.constantFrom('', 'a', 'b', 'ab', 'aab', 'x'), { maxLength: 4 })
      .map((p) => p.join('/'));
    let covering = 0;
    fc.assert(
      fc.property(pattern, pattern, fc.array(text, { minLength: 20, maxLength: 20 }), (a, b, texts) => {
        const [wide, narrow] = [Pattern.of(a), Pattern.of(b)];
        if (!wide.covers(narrow)) return;
        covering += 1;
        for (const t of texts)
          if (narrow.test(t)) expect(wide.test(t), `${a} covers ${b}, and ${t}`).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(covering).toBeGreaterThan(20);
  });
});
