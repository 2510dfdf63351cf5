import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptTexts, copyText, readText } from './kept-text.ts';
import type { KeptText } from './kept-text.ts';

const blocksOf = (texts: Iterable<KeptText>): number => new Set(Array.from(texts, (t) => t.block)).size;

describe('texts outside of the heap', () => {
  it('are what was put there, whatever is put there, changed, moved and forgotten besides', () => {
    const ascii = fc.string({ unit: fc.integer({ min: 0, max: 127 }).map((c) => String.fromCharCode(c)) });
    const action = fc.oneof(
      fc.record({ what: fc.constant('add' as const), n: fc.nat(20), text: ascii, times: fc.nat(3000) }),
      fc.record({ what: fc.constant('change' as const), n: fc.nat(20), text: ascii, times: fc.nat(50) }),
      fc.record({ what: fc.constantFrom('forget' as const, 'walk' as const), n: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const texts = new KeptTexts();
        const kept = new Map<number, { text: KeptText; means: string }>();
        for (const one of actions) {
          const before = kept.get(one.n);
          if ('text' in one) {
            const more = one.text.repeat(one.times);
            const shared = one.what === 'change' && before ? Math.min(7, before.text.length) : 0;
            const means = (before?.means.slice(0, shared) ?? '') + more;
            kept.set(one.n, { text: texts.add(more, before?.text, shared), means });
          } else if (one.what === 'forget') kept.delete(one.n);
          else {
            texts.beginWalk();
            for (const entry of kept.values()) entry.text = texts.keep(entry.text);
          }
        }
        for (const { text, means } of kept.values()) {
          expect(text.length).toBe(means.length);
          expect(readText(text) === means).toBe(true);
          expect(readText(text, 1, 4)).toBe(means.slice(1, 4));
          const target = Buffer.alloc(means.length + 2, '-');
          copyText(text, target, 1);
          expect(target.toString('latin1') === `-${means}-`).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('leave blocks of which little is in use; one that is in use stays where it is', () => {
    const texts = new KeptTexts();
    const all = new Map(Array.from({ length: 8000 }, (_, i) => [i, texts.add(`${i} `.repeat(200))]));
    const walk = (): void => {
      texts.beginWalk();
      for (const [i, text] of all) all.set(i, texts.keep(text));
    };
    const full = blocksOf(all.values());
    expect(full).toBeGreaterThan(5);
    const where = all.get(4000);
    for (let n = 0; n < 3; n++) walk();
    expect(all.get(4000)).toBe(where);
    for (const i of all.keys()) if (i % 10 !== 0) all.delete(i);
    for (let n = 0; n < 3; n++) walk();
    expect(blocksOf(all.values())).toBeLessThan(full / 3);
    for (const [i, text] of all) expect(readText(text)).toBe(`${i} `.repeat(200));
  });

  it('whoever still has a text that was moved reads it as it was', () => {
    const texts = new KeptTexts();
    const [first, ...others] = Array.from({ length: 3000 }, (_, i) => texts.add(`${i}-`.repeat(100)));
    let now = first ?? texts.add('');
    for (let n = 0; n < 3; n++) {
      texts.beginWalk();
      now = texts.keep(now);
    }
    expect(now.block).not.toBe(first?.block);
    for (let n = 0; n < 3000; n++) texts.add('x'.repeat(300));
    for (const [i, text] of others.entries()) expect(readText(text)).toBe(`${i + 1}-`.repeat(100));
    expect(readText(now)).toBe('0-'.repeat(100));
  });
});
