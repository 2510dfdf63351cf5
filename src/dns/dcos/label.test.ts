import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dcosDomainFragment, dcosLabel } from '../../cluster/vips/index.ts';
import { RFC1123, label } from '../zone/labels.ts';

const a61 = 'a'.repeat(61);

describe('labels of DC/OS', () => {
  it.each([
    ['Web_Server.v2', 'web-server-v2'],
    ['--x--', 'x'],
    ['/prod/web', 'prodweb'],
    ['ünïcode', 'ncode'],
    ['', ''],
    ['---', ''],
    [`${a61}--b-c`, `${a61}bc`],
    [`${a61}--b-c-d`, `${a61}bc`],
    ['b'.repeat(70), 'b'.repeat(63)],
  ])('%s', (text, expected) => {
    expect(dcosLabel(text)).toBe(expected);
  });

  it('differ from those of Mesos-DNS behind a cut only', () => {
    expect(label(`${a61}--b-c`, RFC1123)).toBe(`${a61}b-`);
    fc.assert(
      fc.property(fc.string({ maxLength: 63 }), (text) => {
        expect(dcosLabel(text)).toBe(label(text, RFC1123));
      }),
    );
  });

  it('are labels that DNS can say, or nothing', () => {
    const text = fc.stringMatching(/^[aB\-._/ü]{0,90}$/);
    fc.assert(
      fc.property(text, (text) => {
        expect(dcosLabel(text)).toMatch(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('keep dots in a domain fragment', () => {
    expect(dcosDomainFragment('Prod/web..v_1.-')).toBe('prodweb.v-1');
  });
});
