import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { storeErrors } from '../errors.ts';
import { checkChanges, checkKey } from '../keys.ts';
import type { Change } from '../operations.ts';
import { untilLeft } from '../table.ts';
import type { Entry, Leadership, Store, StoreEvent } from '../types.ts';
import { connectConsul } from './client.ts';
import type { ConsulClient } from './client.ts';
import type { ConsulConfig } from './config.ts';
import { Candidacy } from './candidacy.ts';
import { Watch } from './watch.ts';
import { Writes } from './writes.ts';
import type { Fence } from './writes.ts';

export interface ConsulParts {
  readonly config: ConsulConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Open the store that many processes share. Consul need not answer yet. */
export async function openConsulStore(parts: ConsulParts): Promise<Store> {
  return consulStore(parts, await connectConsul(parts.config));
}

/** The store over a Consul that is spoken to by `client`. */
export function consulStore(parts: ConsulParts, client: ConsulClient): Store {
  return new ConsulStore(parts, client);
}

/**
 * The store in Consul. Below the prefix, `data/` has the entries and `elections/` who leads what; a revision is the index at which
 * Consul modified the key. Writes are transactions, which can ask for the lock of an election in the same step.
 */
class ConsulStore implements Store {
  readonly #parts: ConsulParts;
  readonly #client: ConsulClient;
  readonly #writes: Writes;
  readonly #watches = new Set<Watch>();
  readonly #candidacies = new Set<Candidacy>();
  /** Ends of watches and candidacies that are under way. */
  readonly #endings = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(parts: ConsulParts, client: ConsulClient) {
    this.#parts = parts;
    this.#client = client;
    this.#writes = new Writes(client, (key) => this.#path(key));
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#check(key);
    const item = await this.#client.get(this.#path(key));
    return item && { key, value: item.value, revision: item.index };
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    const { items } = await this.#client.list(this.#path(prefix));
    return items
      .map(({ key, value, index }) => ({ key: this.#keyOf(key), value, revision: index }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  put(key: string, value: string): Promise<Entry> {
    return this.#put(key, value);
  }

  delete(key: string): Promise<boolean> {
    return this.#delete(key);
  }

  write(changes: readonly Change[]): Promise<void> {
    return this.#write(changes);
  }

  compareAndSet(key: string, expected: number, value: string): Promise<Entry | undefined> {
    return this.#compareAndSet(key, expected, value);
  }

  watch(prefix: string, signal: AbortSignal): AsyncIterable<StoreEvent> {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    const keyOf = (path: string): string => this.#keyOf(path);
    const watch = new Watch({ ...this.#parts, client: this.#client, path: this.#path(prefix), keyOf });
    if (signal.aborted) watch.end();
    else {
      this.#watches.add(watch);
      // What is written from now on is later than the first look.
      const begun = this.#writes.inTurn(() => watch.begin());
      void begun.then(
        () => watch.follow(),
        () => watch.follow(),
      );
    }
    const end = (): void => {
      signal.removeEventListener('abort', end);
      this.#watches.delete(watch);
      watch.end();
    };
    signal.addEventListener('abort', end, { once: true });
    return untilLeft(watch.events, end);
  }

  elect(election: string, name: string, signal: AbortSignal): AsyncIterable<Leadership> {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    const candidacy = new Candidacy({
      ...this.#parts,
      client: this.#client,
      election,
      name,
      path: `${this.#parts.config.prefix}/elections/${election}`,
      leaseMs: this.#parts.config.leaseSeconds * 1000,
      storeFor: (fence) => this.#fenced(fence),
    });
    const end = (): void => {
      signal.removeEventListener('abort', end);
      this.#candidacies.delete(candidacy);
      const ending = candidacy.end().finally(() => this.#endings.delete(ending));
      this.#endings.add(ending);
    };
    this.#candidacies.add(candidacy);
    if (signal.aborted) end();
    else {
      signal.addEventListener('abort', end, { once: true });
      candidacy.start();
    }
    return untilLeft(candidacy.events, end);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#writes.settled();
    await Promise.all([
      ...[...this.#watches].map((watch) => watch.finish()),
      ...[...this.#candidacies].map((candidacy) => candidacy.told.then(() => candidacy.end())),
      ...this.#endings,
    ]);
    this.#client.close();
  }

  /** This store as a leader has it. */
  #fenced(fence: Fence): Store {
    return {
      get: (key) => this.get(key),
      list: (prefix) => this.list(prefix),
      put: (key, value) => this.#put(key, value, fence),
      delete: (key) => this.#delete(key, fence),
      write: (changes) => this.#write(changes, fence),
      compareAndSet: (key, expected, value) => this.#compareAndSet(key, expected, value, fence),
      watch: (prefix, signal) => this.watch(prefix, signal),
      elect: (election, candidate, signal) => this.elect(election, candidate, signal),
      close: async () => {},
    };
  }

  async #put(key: string, value: string, fence?: Fence): Promise<Entry> {
    this.#check(key);
    return this.#writes.put(key, value, fence);
  }

  async #delete(key: string, fence?: Fence): Promise<boolean> {
    this.#check(key);
    return this.#writes.delete(key, fence);
  }

  async #write(changes: readonly Change[], fence?: Fence): Promise<void> {
    for (const { key } of changes) this.#check(key);
    checkChanges(changes);
    if (changes.length > 0) await this.#writes.write(changes, fence);
  }

  async #compareAndSet(
    key: string,
    expected: number,
    value: string,
    fence?: Fence,
  ): Promise<Entry | undefined> {
    this.#check(key);
    return this.#writes.compareAndSet(key, expected, value, fence);
  }

  #check(key: string): void {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    checkKey(key);
  }

  #path(key: string): string {
    return `${this.#parts.config.prefix}/data/${key}`;
  }

  #keyOf(path: string): string {
    return path.slice(this.#path('').length);
  }
}
