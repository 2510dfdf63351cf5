import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIPv4, isIPv6 } from './ip.ts';

describe('IP literals', () => {
  it.each([
    '10.0.0.1::',
    '::10.0.0.1',
    '1::10.0.0.1',
    '::10.0.0.1:1',
    '1:2:3:4:5:6:10.0.0.1',
    '::',
    '1::',
    '1::2::3',
  ])('%s: as Node reads it', (text) => {
    expect([isIPv4(text), isIPv6(text)]).toEqual([isIP(text) === 4, isIP(text) === 6]);
  });

  it('are told from other text as Node does', () => {
    const part = fc.constantFrom('', '::', ':', '0', 'ff', '10.0.0.1', '1.2', 'fffff', '256', 'g');
    const near = fc
      .array(part, { maxLength: 9 })
      .chain((p) => fc.constantFrom(p.join(':'), p.join(''), p.join('.')));
    fc.assert(
      fc.property(near, (text) => {
        expect([text, isIPv4(text), isIPv6(text)]).toEqual([text, isIP(text) === 4, isIP(text) === 6]);
      }),
      { numRuns: 20_000 },
    );
  });
});
