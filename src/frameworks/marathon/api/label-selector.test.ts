import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSelector } from './label-selector.ts';

const LABELS = { env: 'prod', team: 'a.b', 'x/y': '1' };

describe('parseSelector', () => {
  it.each([
    ['env', true],
    ['nope', false],
    ['env==prod', true],
    ['env == dev', false],
    ['env!=dev', true],
    ['nope!=dev', true],
    ['env in (dev, prod)', true],
    ['env notin (dev,prod)', false],
    ['nope notin (dev)', true],
    ['env==prod,team==a.b', true],
    ['env==prod , team==c', false],
    ['x\\/y==1', true],
    ['constructor', false],
  ])('%s', (text, expected) => {
    const selector = parseSelector(text);
    expect(selector.ok && selector.matches(LABELS)).toBe(expected);
  });

  it.each(['', '==', 'a==', 'a in', 'a in ()', 'a in (b', 'a b', 'a,,b', 'ä'])('refuses %j', (text) => {
    expect(parseSelector(text).ok).toBe(false);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseSelector(text)));
  });
});
