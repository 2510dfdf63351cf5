import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { keyStoreContract } from '../../src/auth/keystore/keystore.contract.ts';
import { StoreKeys } from '../../src/auth/keystore/store-keys.ts';
import type { KeyStore } from '../../src/auth/keystore/types.ts';
import { sealedStore } from '../../src/auth/vault/sealed-store.ts';
import { makeVault } from '../../src/auth/vault/vault.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { consulConfigSchema } from '../../src/store/consul/config.ts';
import { memoryStore, openConsulStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/index.ts';
import { runStoreContract } from '../../src/store/store.contract.ts';
import { ConsulServer, hasConsul } from '../support/consul.ts';

/** So that a test takes no half second. */
const CHEAP = { n: 2 ** 4, r: 8, p: 1 };
const PASSPHRASE = 'a passphrase of all masters';

const sealed = async (store: Store): Promise<Store> => {
  const { vault } = await makeVault(PASSPHRASE, systemRandom, CHEAP);
  return { ...sealedStore(store, vault, silentLogger), close: () => store.close() };
};

runStoreContract('sealed', () => sealed(memoryStore()));

describe.skipIf(!hasConsul)('a sealed store in a real Consul (needs consul)', () => {
  let server: ConsulServer;
  let store: Store;
  beforeAll(async () => {
    server = await ConsulServer.start();
  });
  afterAll(() => server.close());

  keyStoreContract('in Consul', {
    open: async (): Promise<KeyStore> => {
      const given = { address: server.address, prefix: `test/${randomUUID()}` };
      const config = consulConfigSchema.parse(given);
      const parts = { clock: systemClock, random: systemRandom, log: silentLogger };
      store = await sealed(await openConsulStore({ config, ...parts }));
      return new StoreKeys(store);
    },
    again: async () => new StoreKeys(store),
    close: () => store.close(),
  });
});
