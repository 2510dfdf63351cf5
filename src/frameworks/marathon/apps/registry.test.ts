import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../core/log.ts';
import { memoryStore } from '../../../store/index.ts';
import type { Store } from '../../../store/index.ts';
import { Records } from '../records.ts';
import type { App } from './app.ts';
import { AppRegistry } from './registry.ts';

const app = (version: string, instances: number): App => ({ id: '/a', version, instances }) as App;

/** On a store that can be told to refuse writes. */
function onStore() {
  const inner = memoryStore();
  const disk = { full: false };
  const write = <T>(make: () => Promise<T>): Promise<T> =>
    disk.full ? Promise.reject(new Error('disk full')) : make();
  const store = {
    put: (key: string, value: string) => write(() => inner.put(key, value)),
    delete: (key: string) => write(() => inner.delete(key)),
    list: (prefix: string) => inner.list(prefix),
  } as Store;
  const open = async (): Promise<AppRegistry> => {
    const registry = new AppRegistry(new Records(store, silentLogger), 2);
    await registry.load();
    return registry;
  };
  return { disk, open };
}

const seen = (registry: AppRegistry): unknown => ({
  current: registry.get('/a')?.instances,
  versions: registry.versions('/a').map(({ version }) => version),
});

describe('the apps that are wanted', () => {
  it('are as the disk has them: what it refuses is not wanted, before a restart nor after it', async () => {
    const { disk, open } = onStore();
    const registry = await open();
    disk.full = true;
    await expect(registry.put(app('1', 1))).rejects.toThrow('disk full');
    expect(seen(registry)).toEqual({ current: undefined, versions: [] });
    disk.full = false;
    await registry.put(app('2', 2));
    disk.full = true;
    const { revision } = registry;
    await expect(registry.put(app('3', 3))).rejects.toThrow('disk full');
    await expect(registry.remove('/a')).rejects.toThrow('disk full');
    expect(registry.revision).toBe(revision);
    for (const one of [registry, await open()]) expect(seen(one)).toEqual({ current: 2, versions: ['2'] });
  });

  it('keep so many versions, newest first, also after a restart', async () => {
    const { open } = onStore();
    const registry = await open();
    for (const n of [1, 2, 3]) await registry.put(app(String(n), n));
    await registry.put(app('3', 3));
    for (const one of [registry, await open()])
      expect(seen(one)).toEqual({ current: 3, versions: ['3', '2'] });
    await registry.remove('/a');
    for (const one of [registry, await open()])
      expect(seen(one)).toEqual({ current: undefined, versions: [] });
  });
});
