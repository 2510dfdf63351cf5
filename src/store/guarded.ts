import { storeErrors } from './errors.ts';
import type { Entry, Store } from './types.ts';

/** A store whose writes are refused once `holds` says no. Closing it is the business of who opened the store. */
export function guarded(store: Store, election: string, holds: () => boolean): Store {
  const write = async <T>(key: string, make: () => Promise<T>): Promise<T> => {
    if (!holds()) throw storeErrors.STORE_NOT_LEADER({ key, election });
    return make();
  };
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    put: (key, value) => write(key, () => store.put(key, value)),
    delete: (key) => write(key, () => store.delete(key)),
    write: (changes) => write(changes[0]?.key ?? '', () => store.write(changes)),
    compareAndSet: (key, expected, value): Promise<Entry | undefined> =>
      write(key, () => store.compareAndSet(key, expected, value)),
    watch: (prefix, signal) => store.watch(prefix, signal),
    elect: (name, candidate, signal) => store.elect(name, candidate, signal),
    close: async () => {},
  };
}
