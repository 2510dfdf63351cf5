import { describe, expect, it } from 'vitest';
import { digestIn, removalScript, tableScript } from './rules.ts';

const PLACES = new Map([
  ['11.1.2.3 . 80', '127.119.0.1'],
  ['11.1.2.4 . 443', '127.119.0.2'],
]);

describe('the rules that bring calls to VIPs before outlets', () => {
  const caller = (group: string, level: number, port: number) => ({ group, level, port });

  it('are one transaction: two maps for all pairs of caller and VIP, one more for each depth of groups', () => {
    const callers = [caller('unified/a/b/c1', 3, 17001), caller('a/c2', 2, 17002), caller('a/c3', 2, 17003)];
    const script = tableScript('t', { places: PLACES, callers });
    expect(script.startsWith(removalScript('t'))).toBe(true);
    expect(script).toContain('elements = { 11.1.2.3 . 80 : 127.119.0.1, 11.1.2.4 . 443 : 127.119.0.2 }');
    expect(script).toContain('elements = { "a/c2" : 17002, "a/c3" : 17003 }');
    expect(script).toContain('elements = { "unified/a/b/c1" : 17001 }');
    expect(script.match(/dnat ip to .*/g)).toEqual([
      'dnat ip to ip daddr . tcp dport map @places : socket cgroupv2 level 2 map @callers2',
      'dnat ip to ip daddr . tcp dport map @places : socket cgroupv2 level 3 map @callers3',
    ]);
  });

  it('are known again by a digest of all that they say', () => {
    const one = tableScript('t', { places: PLACES, callers: [caller('a', 1, 1)] });
    const read = JSON.stringify({ nftables: [{ rule: { comment: digestIn(one) } }] });
    expect(digestIn(one)).toMatch(/^[0-9a-f]{16}$/);
    expect(digestIn(read)).toBe(digestIn(one));
    expect(digestIn(tableScript('t', { places: PLACES, callers: [caller('a', 1, 2)] }))).not.toBe(
      digestIn(one),
    );
    expect(digestIn(tableScript('t', { places: new Map(), callers: [caller('a', 1, 1)] }))).not.toBe(
      digestIn(one),
    );
    expect(digestIn('{"nftables":[]}')).toBeUndefined();
  });
});
