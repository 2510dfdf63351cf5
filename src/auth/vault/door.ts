import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Entry, Store } from '../../store/index.ts';
import { authErrors } from '../errors.ts';
import { readPassphrases } from '../keystore/passphrase.ts';
import { makeVault, openVault } from './vault.ts';
import type { Vault, VaultCost } from './vault.ts';

/** Beside the records, which are below `auth/`, and not sealed itself. */
const VAULT_KEY = 'auth-vault';
const RECORDS = 'auth/';
/** Characters: whoever has read the store can try passphrases for as long as he likes. */
const SHORTEST = 16;
const NONE = { current: '', earlier: [] };

export interface DoorParts {
  readonly passphraseFile: string;
  /** A file by which this machine remembers that there is a vault. */
  readonly markFile: string;
  readonly random: Random;
  readonly log: Logger;
  /** Of a vault that is made here. */
  readonly cost?: VaultCost;
}

/**
 * Opens the vault of a cluster by the passphrase of this machine, making it where there is none. The key is worked out once; the file is read
 * again as long as it does not fit. A vault that is open stays so when it gets another passphrase.
 */
export class VaultDoor {
  readonly #parts: DoorParts;
  #known: { readonly record: string; readonly vault: Vault } | undefined;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /** Undefined while there is none. Rejects with AUTH_VAULT_LOCKED, AUTH_VAULT_UNREADABLE, AUTH_PASSPHRASE_UNREADABLE. */
  async open(store: Store): Promise<Vault | undefined> {
    const entry = await store.get(VAULT_KEY);
    return entry && this.#openedBy(entry.value);
  }

  /** As `open`; of several that make one at the same time, the first is taken by all. Rejects with AUTH_VAULT_LOST, AUTH_VAULT_GONE and AUTH_PASSPHRASE_SHORT as well. */
  async openOrMake(store: Store): Promise<Vault> {
    const entry = await store.get(VAULT_KEY);
    if (entry) {
      const vault = await this.#openedBy(entry.value);
      await this.#renew(store, entry, vault);
      return vault;
    }
    const { passphraseFile, markFile, random, cost } = this.#parts;
    if (existsSync(markFile)) throw authErrors.AUTH_VAULT_GONE({ file: markFile });
    const records = await store.list(RECORDS);
    if (records.length > 0) throw authErrors.AUTH_VAULT_LOST({ records: records.length });
    const { current } = await readPassphrases(passphraseFile);
    this.#checkLength(current);
    const made = await makeVault(current, random, cost);
    if (!(await store.compareAndSet(VAULT_KEY, 0, made.record))) return this.openOrMake(store);
    return this.#keep(made);
  }

  async #openedBy(record: string): Promise<Vault> {
    const known = this.#known;
    if (known && (known.record === record || known.vault.isOf(record))) return known.vault;
    const { passphraseFile: file } = this.#parts;
    const { current, earlier } = await readPassphrases(file);
    const vault = await this.#tried(record, [current, ...earlier]);
    if (!vault) throw authErrors.AUTH_VAULT_LOCKED({ file });
    return this.#keep({ record, vault });
  }

  /** Where the file of this machine names earlier passphrases too, and the vault opens by one of these: by the current one from now on. */
  async #renew(store: Store, { value, revision }: Entry, vault: Vault): Promise<void> {
    const { passphraseFile, cost, log } = this.#parts;
    // One that is open needs no file.
    const { current, earlier } = await readPassphrases(passphraseFile).catch(() => NONE);
    if (earlier.length === 0 || (await this.#tried(value, [current]))) return;
    if (!(await this.#tried(value, earlier))) return;
    this.#checkLength(current);
    const record = await vault.recordFor(current, cost);
    if (!(await store.compareAndSet(VAULT_KEY, revision, record))) return;
    this.#known = { record, vault };
    log.info({ file: passphraseFile }, 'identity opens by the passphrase in the first line from now on');
  }

  async #tried(record: string, passphrases: readonly string[]): Promise<Vault | undefined> {
    try {
      for (const passphrase of passphrases) {
        const vault = await openVault(record, passphrase, this.#parts.random);
        if (vault) return vault;
      }
      return undefined;
    } catch {
      throw authErrors.AUTH_VAULT_UNREADABLE();
    }
  }

  #checkLength(passphrase: string): void {
    const path = this.#parts.passphraseFile;
    if (passphrase.length < SHORTEST) throw authErrors.AUTH_PASSPHRASE_SHORT({ path, shortest: SHORTEST });
  }

  /** So that a store that has lost all is not taken for one that begins. */
  async #keep(known: { readonly record: string; readonly vault: Vault }): Promise<Vault> {
    const { markFile } = this.#parts;
    await mkdir(dirname(markFile), { recursive: true, mode: 0o700 });
    await writeFile(markFile, 'There is a vault of identity in the store.\n', { mode: 0o600 });
    this.#known = known;
    return known.vault;
  }
}
