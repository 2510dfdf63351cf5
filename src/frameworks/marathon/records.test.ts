import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import type { Store } from '../../store/index.ts';
import { memoryStore } from '../../store/index.ts';
import { keyOf, Records } from './records.ts';

/** A store whose writes finish when told. */
function slowStore(): { store: Store; finish: () => void; writes: string[] } {
  const inner = memoryStore();
  const waiting: (() => void)[] = [];
  const writes: string[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const store: Store = Object.assign(Object.create(inner) as Store, {
    put: async (key: string, value: string) => {
      writes.push(value);
      await turn();
      return inner.put(key, value);
    },
    delete: async (key: string) => {
      writes.push('-');
      await turn();
      return inner.delete(key);
    },
    get: (key: string) => inner.get(key),
    list: (prefix: string) => inner.list(prefix),
  });
  return { store, writes, finish: () => waiting.shift()?.() };
}

describe('Records', () => {
  it('writes one after the other, and skips what is overtaken', async () => {
    const { store, finish, writes } = slowStore();
    const records = new Records(store, silentLogger);
    const done = [records.put('a', 1), records.put('a', 2), records.put('a', 3)];
    const all = Promise.all(done);
    finish();
    await done[0];
    await Promise.resolve();
    finish();
    await all;
    expect(writes).toEqual(['1', '3']);
    expect(await records.get('a')).toBe(3);
  });

  it('always ends with the last value, whatever the order of things', async () => {
    const action = fc.constantFrom('put', 'delete', 'finish', 'tick');
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const { store, finish } = slowStore();
        const records = new Records(store, silentLogger);
        let last: number | undefined;
        const written: Promise<void>[] = [];
        for (const [i, a] of actions.entries()) {
          if (a === 'put') written.push(records.put('k', (last = i)));
          else if (a === 'delete') {
            last = undefined;
            written.push(records.delete('k'));
          } else if (a === 'finish') finish();
          else await Promise.resolve();
        }
        const state = { settled: false };
        const all = Promise.all(written).then(() => (state.settled = true));
        while (!state.settled) {
          finish();
          await Promise.resolve();
        }
        await all;
        expect(await records.get('k')).toBe(last);
      }),
    );
  });

  it('says which record cannot be read', async () => {
    const store = memoryStore();
    await store.put('marathon/apps/x', '{');
    await expect(new Records(store, silentLogger).list('apps')).rejects.toThrow('marathon/apps/x');
  });

  it('keeps ids with slashes in one part of the key', () => {
    expect(keyOf('/a/b')).toBe('%2Fa%2Fb');
  });
});
