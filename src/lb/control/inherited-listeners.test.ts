import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListenerSpec } from '../plane/messages.ts';
import { InheritedListeners } from './inherited-listeners.ts';

const at = (port: number): ListenerSpec => ({
  name: `port:${port}`,
  host: '127.0.0.1',
  port,
  protocol: 'http',
});

describe('listening sockets of another process', () => {
  it('each goes to one plane, once, however many planes and sockets there are and in whatever order they ask', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(8), fc.array(fc.nat(4)), (planes, count, asks) => {
        let left = Array.from({ length: count }, (_, i) => 10 + i);
        const all = [...left];
        const dealt = new InheritedListeners(
          {
            has: (_, __, port) => port === 80 && left.length > 0,
            take: (_, __, port) => (port === 80 ? left.splice(0) : []),
          },
          planes,
        );
        expect(dealt.has('127.0.0.1', 80)).toBe(count > 0);
        const given: number[] = [];
        for (const plane of [
          ...asks.map((n) => n % planes),
          ...Array.from({ length: planes }, (_, i) => i),
        ]) {
          given.push(...dealt.take(plane, at(80)));
          expect(dealt.take(plane, at(81))).toEqual([]);
        }
        expect(given.sort((a, b) => a - b)).toEqual(all);
        left = [];
      }),
    );
  });

  it('are spread evenly', () => {
    const dealt = new InheritedListeners({ has: () => true, take: () => [5, 6, 7] }, 2);
    expect([0, 1].map((plane) => dealt.take(plane, at(80)))).toEqual([[5, 7], [6]]);
  });
});
