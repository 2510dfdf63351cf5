import { errorText } from '../../core/errors.ts';
import type { Store } from '../../store/index.ts';
import { authErrors } from '../errors.ts';
import { checkKeyName } from './types.ts';
import type { KeyStore } from './types.ts';

const PREFIX = 'auth/keys/';

/** Keys in a store that several masters share: only ever one that seals what it is given. */
export class StoreKeys implements KeyStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async read(name: string): Promise<string | undefined> {
    const key = PREFIX + checkKeyName(name);
    try {
      return (await this.#store.get(key))?.value;
    } catch (error) {
      throw authErrors.AUTH_KEY_UNREADABLE({ name, reason: errorText(error) }, error);
    }
  }

  async write(name: string, text: string): Promise<void> {
    const key = PREFIX + checkKeyName(name);
    await written(name, this.#store.put(key, text));
  }

  async remove(name: string): Promise<void> {
    const key = PREFIX + checkKeyName(name);
    await written(name, this.#store.delete(key));
  }

  async names(): Promise<readonly string[]> {
    return (await this.#store.list(PREFIX)).map(({ key }) => key.slice(PREFIX.length));
  }
}

async function written(name: string, writing: Promise<unknown>): Promise<void> {
  await writing.catch((error: unknown) => {
    throw authErrors.AUTH_KEY_NOT_WRITTEN({ name, reason: errorText(error) }, error);
  });
}
