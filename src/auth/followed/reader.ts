import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Store } from '../../store/index.ts';
import { Authority } from '../ca/authority.ts';
import type { Audit } from '../ca/audit.ts';
import type { LeafRequest } from '../ca/leaf-request.ts';
import { settingsOf } from '../ca/room.ts';
import type { AuthorityNews, Issuer } from '../identity/issuer.ts';
import { StoreKeys } from '../keystore/store-keys.ts';
import type { AuthParts } from '../module.ts';
import type { VaultDoor } from '../vault/door.ts';
import { sealedStore } from '../vault/sealed-store.ts';
import type { Vault } from '../vault/vault.ts';

/** How often it looks for a vault while there is none, and whether it is still the same. */
const FIRST_MS = 1_000;
const AGAIN_MS = 15_000;

interface ReaderParts extends AuthParts {
  /** Not of a term: nothing is written to it. */
  readonly store: Store;
  readonly door: VaultDoor;
  readonly audit: Audit;
}

/**
 * The authority as any master reads it, to issue itself who it is: also a master that stands by has to prove that it is one, to those whom
 * it sends to the leader. It changes nothing.
 */
export class AuthorityReader {
  readonly #parts: ReaderParts;
  readonly #news: Subscribers<AuthorityNews>;
  readonly #stop = new AbortController();
  /** Resolves once there is an authority to read. */
  readonly found: Promise<void>;
  readonly #isFound: () => void;
  #vault: Vault | undefined;
  #authority: Authority | undefined;
  #told: AuthorityNews | undefined;
  #last: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;
  /** Why nothing can be read. */
  problem: string | undefined;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    this.#news = new Subscribers((error) => parts.log.error({ error }, 'a follower of the authority failed'));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.found = promise;
    this.#isFound = resolve;
  }

  /** The first look. Rejects with AUTH_VAULT_LOCKED and its like; a store that does not answer is asked again later. */
  async start(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      if (await this.#answers()) throw error;
    }
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#last.catch(() => {});
    await this.#authority?.stop();
  }

  /** Read what is there now. Rejects as `start` does, and with STORE_*. */
  look(): Promise<void> {
    const done = this.#last.then(
      () => this.#look(),
      () => this.#look(),
    );
    this.#last = done;
    return done;
  }

  issuerFor(request: Omit<LeafRequest, 'publicKey'>): Issuer {
    return {
      issue: async (publicKey, privateKey) => {
        if (!this.#authority) throw new Error('there is no authority yet');
        return this.#authority.issuerFor(request).issue(publicKey, privateKey);
      },
      follow: (listener) => this.#follow(listener),
    };
  }

  #follow(listener: (news: AuthorityNews) => void): Unsubscribe {
    const unsubscribe = this.#news.add(listener);
    if (this.#told) listener(this.#told);
    return unsubscribe;
  }

  async #look(): Promise<void> {
    const { door, store } = this.#parts;
    const vault = await door.open(store);
    if (this.#stop.signal.aborted) return;
    if (vault === this.#vault) return this.#authority?.look();
    // Another vault: the store has begun anew, with another authority.
    await this.#authority?.stop();
    this.#vault = vault;
    this.#authority = vault && this.#authorityIn(vault);
    await this.#authority?.startReading();
  }

  #authorityIn(vault: Vault): Authority {
    const { store, log, config } = this.#parts;
    const sealed = sealedStore(store, vault, log);
    const settings = settingsOf(config);
    const authority = new Authority({ ...this.#parts, store: sealed, keys: new StoreKeys(sealed), settings });
    authority.follow((news) => {
      this.#told = news;
      this.#isFound();
      this.#news.emit(news);
    });
    return authority;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(clock, this.#told ? AGAIN_MS : FIRST_MS, signal);
      if (signal.aborted) return;
      try {
        await this.look();
        this.problem = undefined;
      } catch (error) {
        const text = errorText(error);
        if (text !== this.problem) log.error({ error: text }, 'identity of the cluster cannot be read');
        this.problem = text;
      }
    }
  }

  async #answers(): Promise<boolean> {
    return this.#parts.store.list('auth-vault').then(
      () => true,
      () => false,
    );
  }
}
