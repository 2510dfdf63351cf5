import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Entry, Leadership, Store, StoreEvent } from '../../store/index.ts';
import { authErrors } from '../errors.ts';
import type { Vault } from './vault.ts';

/**
 * A store whose values are sealed before they go to another one, keys and revisions being the same. Whoever reads that one learns keys and lengths;
 * whoever writes to it can take entries away or bring back old values of the same key, and nothing else: what does not open rejects with
 * AUTH_RECORD_FORGED. Closing it is the business of who opened the other.
 */
export function sealedStore(store: Store, vault: Vault, log: Logger): Store {
  const opened = (entry: Entry): Entry => {
    const value = vault.open(entry.key, entry.value);
    if (value === undefined) throw authErrors.AUTH_RECORD_FORGED({ key: entry.key });
    return { ...entry, value };
  };
  return {
    async get(key) {
      const entry = await store.get(key);
      return entry && opened(entry);
    },
    list: async (prefix) => (await store.list(prefix)).map(opened),
    put: async (key, value) => ({ ...(await store.put(key, vault.seal(key, value))), value }),
    delete: (key) => store.delete(key),
    write: (changes) =>
      store.write(
        changes.map(({ key, value }) => ({
          key,
          value: value === undefined ? undefined : vault.seal(key, value),
        })),
      ),
    async compareAndSet(key, expected, value) {
      const entry = await store.compareAndSet(key, expected, vault.seal(key, value));
      return entry && { ...entry, value };
    },
    watch: (prefix, signal) => openedEvents(store.watch(prefix, signal), opened, log),
    elect: (election, candidate, signal) => sealedTerms(store.elect(election, candidate, signal), vault, log),
    close: async () => {},
  };
}

/** Events of what does not open are left out: a watcher goes on with what it knows. */
async function* openedEvents(
  events: AsyncIterable<StoreEvent>,
  opened: (entry: Entry) => Entry,
  log: Logger,
): AsyncGenerator<StoreEvent> {
  for await (const event of events) {
    let told = event;
    try {
      if (event.kind === 'put') told = { kind: 'put', entry: opened(event.entry) };
    } catch (error) {
      log.error({ error: errorText(error) }, 'a change of the store is not taken');
      continue;
    }
    yield told;
  }
}

async function* sealedTerms(
  news: AsyncIterable<Leadership>,
  vault: Vault,
  log: Logger,
): AsyncGenerator<Leadership> {
  for await (const { term, ...rest } of news) {
    if (!term) yield rest;
    else yield { ...rest, term: { ...term, store: sealedStore(term.store, vault, log) } };
  }
}
