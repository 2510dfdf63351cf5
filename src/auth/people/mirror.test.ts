import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { silentLogger } from '../../core/log.ts';
import { memoryStore } from '../../store/index.ts';
import { Mirror } from './mirror.ts';

const parts = { clock: new FakeClock(), log: silentLogger };

async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

function content(mirror: Mirror<number>): Record<string, number> {
  return Object.fromEntries([...mirror.entries()].map(([id, { value }]) => [id, value]));
}

describe('what is mirrored from the store', () => {
  it('is what the store has, whoever writes, and in whatever order it is heard of', async () => {
    const step = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      act: fc.constantFrom('put', 'delete', 'other put', 'other delete', 'stale put'),
      value: fc.nat(9),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const store = memoryStore();
        await store.put('x/a', '7');
        const mirror = new Mirror<number>({ ...parts, store }, 'x/');
        await mirror.start();
        for (const { id, act, value } of steps) {
          if (act === 'put') await mirror.put(id, mirror.get(id)?.revision ?? 0, value);
          if (act === 'stale put') await mirror.put(id, 9999, value);
          if (act === 'delete') await mirror.delete(id);
          if (act === 'other put') await store.put(`x/${id}`, String(value));
          if (act === 'other delete') await store.delete(`x/${id}`);
        }
        await settle();
        const kept = (await store.list('x/')).map(({ key, value }) => [key.slice(2), Number(value)]);
        expect(content(mirror)).toEqual(Object.fromEntries(kept));
        await mirror.stop();
      }),
      { numRuns: 200 },
    );
  });

  it('shows its own writes at once, and forgets at once what it deletes', async () => {
    const store = memoryStore();
    const mirror = new Mirror<number>({ ...parts, store }, 'x/');
    await mirror.start();
    expect(await mirror.put('a', 0, 1)).toBe(true);
    expect(mirror.get('a')?.value).toBe(1);
    expect(await mirror.put('a', 0, 2)).toBe(false);
    const deleting = mirror.delete('a');
    expect(mirror.get('a')).toBeUndefined();
    expect(await deleting).toBe(true);
    expect(await mirror.delete('a')).toBe(false);
    await mirror.stop();
  });

  it('keeps what the store would not delete', async () => {
    const store = memoryStore();
    const broken = {
      ...parts,
      store: Object.assign(Object.create(store) as typeof store, {
        get: store.get.bind(store),
        list: store.list.bind(store),
        watch: store.watch.bind(store),
        compareAndSet: store.compareAndSet.bind(store),
        delete: () => Promise.reject(new Error('disk')),
      }),
    };
    const mirror = new Mirror<number>(broken, 'x/');
    await mirror.start();
    await mirror.put('a', 0, 1);
    await expect(mirror.delete('a')).rejects.toThrow('disk');
    expect(mirror.get('a')?.value).toBe(1);
    await mirror.stop();
  });
});
