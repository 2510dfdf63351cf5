import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../core/log.ts';
import { memoryStore } from '../../../store/index.ts';
import { Records } from '../records.ts';
import type { Instance } from './instance.ts';
import { Instances } from './instances.ts';

const INSTANCE = { taskId: 't', app: { id: '/a' }, state: 'TASK_RUNNING' } as unknown as Instance;

/** Instances on a store that can be told to refuse writes. */
function onStore() {
  const store = memoryStore();
  const fail = { now: false };
  const refusing: typeof store = Object.assign(Object.create(store) as typeof store, {
    put: (key: string, value: string) =>
      fail.now ? Promise.reject(new Error('disk full')) : store.put(key, value),
    delete: (key: string) => (fail.now ? Promise.reject(new Error('disk full')) : store.delete(key)),
    list: (prefix: string) => store.list(prefix),
  });
  const open = (): Instances => new Instances(new Records(refusing, silentLogger));
  return { fail, open };
}

describe('instances whose store fails', () => {
  it('know that what they know is not on disk, until it is', async () => {
    const { fail, open } = onStore();
    const instances = open();
    fail.now = true;
    await expect(instances.put(INSTANCE)).rejects.toThrow('disk full');
    expect(instances.get('t')).toEqual(INSTANCE);
    expect(instances.isKept('t')).toBe(false);
    fail.now = false;
    await instances.put(INSTANCE);
    expect(instances.isKept('t')).toBe(true);
  });

  it('can be told again to forget one that only the disk has', async () => {
    const { fail, open } = onStore();
    const instances = open();
    await instances.put(INSTANCE);
    fail.now = true;
    await expect(instances.remove('t')).rejects.toThrow('disk full');
    expect(instances.size).toBe(0);
    fail.now = false;
    await instances.remove('t');
    const next = open();
    await next.load();
    expect(next.size).toBe(0);
  });
});
