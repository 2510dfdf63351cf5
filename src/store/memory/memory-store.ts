import { LocalStore } from '../local-store.ts';
import type { Store } from '../types.ts';

/** A store that forgets everything with the process, for tests and for masters that need no memory. */
export function memoryStore(): Store {
  return new LocalStore({
    append: async () => {},
    settle: async () => {},
    problem: () => undefined,
    close: async () => {},
  });
}
