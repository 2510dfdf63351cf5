import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLong, jsonTexts, LongList, longList } from './long-list.ts';

/** A document with long lists here and there, beside what it is with arrays in their place. */
type Both = readonly [long: unknown, plain: unknown];

const plain = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined)) as fc.Arbitrary<unknown>;

const item = fc.jsonValue({ maxDepth: 2 });

const { document } = fc.letrec<{ document: Both; object: Both; list: Both }>((tie) => ({
  list: fc.oneof(
    fc.array(item, { maxLength: 5 }).map((items): Both => [longList(items, (i) => i), items]),
    fc
      .array(tie('object'), { maxLength: 3 })
      .map((items): Both => [longList(items, ([long]) => long, true), items.map(([, p]) => p)]),
  ),
  object: fc
    .array(
      fc.tuple(
        fc.string(),
        fc.oneof(
          plain.map((p): Both => [p, p]),
          tie('document'),
        ),
      ),
      { maxLength: 4 },
    )
    .map((members): Both => [
      Object.fromEntries(members.map(([key, [long]]) => [key, long])),
      Object.fromEntries(members.map(([key, [, p]]) => [key, p])),
    ]),
  document: fc.oneof({ maxDepth: 4 }, tie('list'), tie('object')),
}));

const written = (document: unknown): string =>
  [...jsonTexts(document, JSON.stringify)].flatMap((row) => row.map(String)).join('');

describe('a document with long lists', () => {
  it('is written as it would be with arrays in their place', () => {
    fc.assert(
      fc.property(document, ([long, arrays]) => {
        expect(written(long)).toBe(JSON.stringify(arrays));
        expect(JSON.stringify(long)).toBe(JSON.stringify(arrays));
      }),
      { numRuns: 500 },
    );
  });

  it('takes the text that is kept of an item', () => {
    const list = new LongList({ length: 2, at: (i) => i, textAt: (i) => `"kept ${i}"` });
    expect(written({ list })).toBe('{"list":["kept 0","kept 1"]}');
    expect([...list]).toEqual([0, 1]);
  });

  it('makes an item when it is its turn, and no sooner', () => {
    const made: number[] = [];
    const numbers = Array.from({ length: 1000 }, (_, n) => n);
    const texts = jsonTexts(
      longList(numbers, (n) => {
        made.push(n);
        return n;
      }),
      JSON.stringify,
    );
    texts.next();
    texts.return();
    expect(made.length).toBeGreaterThan(0);
    expect(made.length).toBeLessThan(100);
  });

  it('is known from one without', () => {
    expect([isLong({ a: { b: longList([], (x) => x) } }), isLong({ a: [1], b: null }), isLong(1)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
