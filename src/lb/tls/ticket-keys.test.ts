import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { TicketKeys } from './ticket-keys.ts';

describe('keys for session tickets', () => {
  it('those of the process before decrypt here, and its newest encrypts', () => {
    const before = new TicketKeys(seededRandom(1));
    before.rotate();
    const after = new TicketKeys(seededRandom(2), before.texts);
    expect(after.keys.map((k) => Buffer.from(k))).toEqual(before.keys.map((k) => Buffer.from(k)));
    after.rotate();
    expect(after.texts.slice(1)).toEqual(before.texts);
    expect(after.texts[0]).not.toBe(before.texts[0]);
    for (let i = 0; i < 5; i++) after.rotate();
    expect(after.keys).toHaveLength(3);
  });

  it('what is none is left out', () => {
    const keys = new TicketKeys(seededRandom(1), ['', 'AAAA']);
    expect(keys.keys.map((key) => key.length)).toEqual([48]);
  });
});
