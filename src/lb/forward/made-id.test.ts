import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { TraceIds } from './made-id.ts';

describe('identifiers made here', () => {
  const ids = new TraceIds(seededRandom(1));
  const into = new DataView(new ArrayBuffer(40));
  const digits = (from: number, to: number): string =>
    Buffer.from(into.buffer).subarray(from, to).toString('latin1');

  it('are 32 lower case hexadecimal digits, in a head as in a log, and never come twice', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 2_000; i++) {
      const id = ids.trace();
      id.put(into, 3);
      expect(digits(3, 35)).toBe(id.toString());
      expect(id.toString()).toMatch(/^[0-9a-f]{32}$/);
      seen.add(id.toString());
      ids.putParent(into, 3);
      expect(digits(3, 19)).toMatch(/^[0-9a-f]{16}$/);
      seen.add(digits(3, 19));
    }
    expect(seen.size).toBe(4_000);
  });

  it('every digit comes as often as any other', () => {
    const counts = new Map<string, number>();
    const text = Array.from({ length: 2_000 }, () => ids.trace().toString()).join('');
    for (const digit of text) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    expect(counts.size).toBe(16);
    for (const count of counts.values()) expect(Math.abs(count - 4_000)).toBeLessThan(400);
  });
});
