import { describe, expect, it } from 'vitest';
import { memoryStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { Registry } from './registry.ts';

const AGENT = { id: { value: 'A' }, hostname: 'h', port: 5051, resources: [] };

/** The same store, which fails the `n`th of its writes from now on. */
function failing(store: Store, n: number): Store {
  let left = n;
  const attempt = <T>(write: () => Promise<T>): Promise<T> =>
    left-- === 0 ? Promise.reject(new Error('EIO')) : write();
  return {
    ...store,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    put: (key, value) => attempt(() => store.put(key, value)),
    delete: (key) => attempt(() => store.delete(key)),
    write: (changes) => attempt(() => store.write(changes)),
  };
}

const everything = async (store: Store): Promise<string[]> =>
  (await store.list('')).map(({ key, value }) => `${key}=${value}`);

describe('a change of the registry', () => {
  const before: Record<string, (registry: Registry) => Promise<unknown>> = {
    'an agent that is in': (r) => r.admit(AGENT),
    'an agent that is unreachable': (r) => r.markUnreachable('A', 1),
  };
  const changes: Record<string, (registry: Registry) => Promise<unknown>> = {
    admit: (r) => r.admit(AGENT),
    markUnreachable: (r) => r.markUnreachable('A', 2),
    markGone: (r) => r.markGone('A', 2),
    remove: (r) => r.remove('A'),
    forget: (r) => r.forget('unreachable', 'A'),
  };

  describe.each(Object.keys(before))('%s', (state) => {
    it.each(Object.keys(changes))('%s is made whole, or not at all when the disk fails', async (name) => {
      const store = memoryStore();
      const begin = new Registry(store);
      await before[state]?.(begin);
      await begin.bind('A', 'spiffe://cluster/agent/a');
      await begin.order('A', { drain: { state: 'DRAINED', config: {} } });
      const was = await everything(store);
      const whole = memoryStore();
      for (const { key, value } of await store.list('')) await whole.put(key, value);
      const good = new Registry(whole);
      await good.recover();
      await changes[name]?.(good);
      let failed = 0;
      for (let n = 0; ; n++) {
        const registry = new Registry(failing(store, n));
        await registry.recover();
        const outcome = await changes[name]?.(registry).then(
          () => 'done',
          () => 'failed',
        );
        if (outcome === 'done') break;
        failed++;
        expect(await everything(store)).toEqual(was);
        expect(registry.identityOf('A')).toBe('spiffe://cluster/agent/a');
      }
      expect(failed).toBeGreaterThan(0);
      expect(await everything(store)).toEqual(await everything(whole));
    });
  });
});
