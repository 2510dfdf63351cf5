import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Random } from '../../core/random.ts';
import type { Store } from '../../store/index.ts';
import { authErrors } from '../errors.ts';
import { readPassphrase } from '../keystore/passphrase.ts';
import { makeVault, openVault } from './vault.ts';
import type { Vault, VaultCost } from './vault.ts';

/** Beside the records, which are below `auth/`, and not sealed itself. */
const VAULT_KEY = 'auth-vault';
const RECORDS = 'auth/';
/** Characters: whoever has read the store can try passphrases for as long as he likes. */
const SHORTEST = 16;

export interface DoorParts {
  readonly passphraseFile: string;
  /** A file by which this machine remembers that there is a vault. */
  readonly markFile: string;
  readonly random: Random;
  /** Of a vault that is made here. */
  readonly cost?: VaultCost;
}

/**
 * Opens the vault of a cluster by the passphrase of this machine, making it where there is none. The key is worked out once; the file is read
 * again as long as it does not fit.
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
    const there = await this.open(store);
    if (there) return there;
    const { passphraseFile, markFile, random, cost } = this.#parts;
    if (existsSync(markFile)) throw authErrors.AUTH_VAULT_GONE({ file: markFile });
    const records = await store.list(RECORDS);
    if (records.length > 0) throw authErrors.AUTH_VAULT_LOST({ records: records.length });
    const passphrase = await readPassphrase(passphraseFile);
    if (passphrase.length < SHORTEST)
      throw authErrors.AUTH_PASSPHRASE_SHORT({ path: passphraseFile, shortest: SHORTEST });
    const made = await makeVault(passphrase, random, cost);
    if (!(await store.compareAndSet(VAULT_KEY, 0, made.record))) return this.openOrMake(store);
    return this.#keep(made);
  }

  async #openedBy(record: string): Promise<Vault> {
    if (this.#known?.record === record) return this.#known.vault;
    const { passphraseFile: file, random } = this.#parts;
    const passphrase = await readPassphrase(file);
    let vault: Vault | undefined;
    try {
      vault = await openVault(record, passphrase, random);
    } catch {
      throw authErrors.AUTH_VAULT_UNREADABLE();
    }
    if (!vault) throw authErrors.AUTH_VAULT_LOCKED({ file });
    return this.#keep({ record, vault });
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
