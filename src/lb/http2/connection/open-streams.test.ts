import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OpenStreams } from './open-streams.ts';

it('open streams are found, left out and listed as in a Map of their identifiers', () => {
  const step = fc.record({ kind: fc.constantFrom('open', 'open', 'close', 'find'), which: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const open = new OpenStreams<{ readonly id: number }>();
      const all: { readonly id: number }[] = [];
      const model = new Map<number, { readonly id: number }>();
      for (const { kind, which } of steps) {
        const known = all[which];
        if (kind === 'open') {
          // Some identifiers are never used: those between belong to requests that were refused.
          const stream = { id: 1 + 2 * (which % 3) + (all.at(-1)?.id ?? 0) };
          all.push(stream);
          open.add(stream);
          model.set(stream.id, stream);
        } else if (kind === 'find') expect(open.get(which)).toBe(model.get(which));
        else if (known !== undefined) expect(open.remove(known)).toBe(model.delete(known.id));
        expect(open.size).toBe(model.size);
        expect([...open]).toEqual([...model.values()]);
      }
      for (const stream of all) expect(open.get(stream.id)).toBe(model.get(stream.id));
    }),
  );
});

it('another stream with the identifier of an open one is not taken for it', () => {
  const open = new OpenStreams<{ readonly id: number }>();
  const stream = { id: 1 };
  open.add(stream);
  expect(open.remove({ id: 1 })).toBe(false);
  expect(open.get(1)).toBe(stream);
});
