import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latin1Bytes, wordsOf } from './chars.ts';
import { FAILED, parseFields } from './field-parser.ts';
import { fieldId, FieldId, fieldIdOf, Fields } from './fields.ts';

const KNOWN = Object.keys(FieldId)
  .filter((key) => key !== 'OTHER' && key !== 'X_FORWARDED')
  .map((key) => key.toLowerCase().replaceAll('_', '-'));

describe('names of fields', () => {
  const idOf = (name: string): number => fieldId(latin1Bytes(name), 0, name.length);

  it.each(KNOWN)('%s is known in any case, and nothing else is taken for it', (name) => {
    const id = fieldIdOf(name);
    expect(id).not.toBe(FieldId.OTHER);
    expect(idOf(name)).toBe(id);
    expect(idOf(name.toUpperCase())).toBe(id);
    for (let i = 0; i < name.length; i++) {
      const other = `${name.slice(0, i)}~${name.slice(i + 1)}`;
      expect(idOf(other)).toBe(fieldIdOf(other));
      expect(idOf(other)).not.toBe(id);
    }
  });

  it('bytes and text are told apart the same way', () => {
    const part = fc.constantFrom(...KNOWN, 'x-forwarded-', 'x-', 'for', 'e', 'date');
    fc.assert(
      fc.property(part, part, (a, b) => {
        for (const name of [a, b, a + b]) expect(idOf(name)).toBe(fieldIdOf(name));
      }),
    );
  });
});

describe('values', () => {
  it('are read the same four bytes at a time as byte by byte', () => {
    const value = fc.oneof(fc.integer({ min: 32, max: 126 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), fc.nat(4), (bytes, before) => {
        const line = Buffer.from([...Buffer.from(`${'a'.repeat(before + 1)}: `), ...bytes, 13, 10, 13, 10]);
        const read = (again: boolean): unknown => {
          const fields = new Fields(3);
          if (again) wordsOf(line);
          fields.reset(line);
          expect(fields.words !== undefined).toBe(again);
          const out = { error: undefined };
          const end = parseFields(line, 0, line.length, fields, out);
          return [end, out.error, fields.count, end === FAILED ? '' : fields.value(0)];
        };
        wordsOf(Buffer.from(line));
        expect(read(false)).toEqual(read(true));
      }),
      { numRuns: 500 },
    );
  });
});
