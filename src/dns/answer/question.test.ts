import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashName } from '../table/index.ts';
import { RCODE } from '../wire/index.ts';
import { PLAIN, Question } from './question.ts';

const SEED = 0x1357;

const header = (questions = 1): readonly number[] => [0x12, 0x34, 1, 0, 0, questions, 0, 0, 0, 0, 0, 0];

/** Reads a question at an odd place of a larger buffer, which goes on behind it with `after`. */
function read(q: Question, name: readonly number[], after: readonly number[] = []): number {
  const message = [...header(), ...name, 0, 33, 0, 1];
  const bytes = Uint8Array.from([9, 9, 9, ...message, ...after]);
  return q.read(bytes, 3, 3 + message.length, SEED);
}

const wire = (labels: readonly Uint8Array[]): number[] => [
  ...labels.flatMap((label) => [label.length, ...label]),
  0,
];

/** Any bytes, often letters and those beside them, asterisks, and lengths that look like one. */
const octet = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0x40, 0x41, 0x5a, 0x5b, 0x61, 0x7a, 0xc1, 0xda, 42),
);
const label = fc.oneof(
  fc.array(octet, { minLength: 1, maxLength: 9 }),
  fc.array(octet, { minLength: 40, maxLength: 44 }),
);
const labels = fc
  .array(label, { maxLength: 6 })
  .map((all) => all.map((one) => Uint8Array.from(one)))
  .filter((all) => wire(all).length <= 255);

/** A letter in lower case, one by one. */
const lower = (c: number): number => (c >= 65 && c <= 90 ? c + 32 : c);

describe('the name of a question', () => {
  it('is folded, filled up with zeros and hashed, whatever is in it, before it and behind it', () => {
    const q = new Question();
    fc.assert(
      fc.property(labels, fc.array(octet, { maxLength: 5 }), (all, after) => {
        const name = wire(all);
        const folded = Uint8Array.from(name, lower);
        expect(read(q, name, after)).toBe(PLAIN);
        expect(q.key.slice(0, q.keyLength)).toEqual(folded);
        expect(q.hash).toBe(hashName(folded, 0, folded.length, SEED));
        const whole = Math.ceil(folded.length / 4) * 4;
        expect(q.key.slice(q.keyLength, whole).every((b) => b === 0)).toBe(true);
        expect(q.starred).toBe(all.some((one) => one.includes(42)));
        expect([q.type, q.end]).toEqual([33, 3 + 12 + name.length + 4]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has up to 255 bytes in labels of up to 63, and no pointers', () => {
    const q = new Question();
    const of = (...lengths: readonly number[]): number[] =>
      wire(lengths.map((n) => new Uint8Array(n).fill(97)));
    expect(read(q, of(63, 63, 63, 61))).toBe(PLAIN);
    expect(q.keyLength).toBe(255);
    expect(read(q, of(63, 63, 63, 62))).toBe(RCODE.FORMERR);
    expect(read(q, of(64))).toBe(RCODE.FORMERR);
    expect(read(q, [1, 97, 0xc0, 12])).toBe(RCODE.FORMERR);
    expect(read(q, [0])).toBe(PLAIN);
  });

  it('must be there whole, with type and class', () => {
    const whole = [...header(), ...wire([Uint8Array.of(97, 98)]), 0, 1, 0, 1];
    const q = new Question();
    for (let length = 12; length < whole.length; length++) {
      const bytes = Uint8Array.from(whole);
      expect(q.read(bytes, 0, length, SEED), `${length}`).toBe(RCODE.FORMERR);
      expect(q.read(bytes.slice(0, length), 0, length, SEED), `${length}`).toBe(RCODE.FORMERR);
      expect(q.end).toBe(0);
    }
    expect(q.read(Uint8Array.from(whole), 0, whole.length, SEED)).toBe(PLAIN);
  });
});
