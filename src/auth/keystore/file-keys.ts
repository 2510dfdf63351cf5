import { chmod, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { authErrors } from '../errors.ts';
import type { Passphrases } from './passphrase.ts';
import { isSealed, seal, unseal } from './sealed.ts';
import { checkKeyName } from './types.ts';
import type { KeyStore } from './types.ts';

const ENDING = '.key';
const HALF_WRITTEN = '.tmp';

/**
 * Keys as files that only their owner can read, in a folder that only its owner can enter. With a passphrase they are encrypted, also those that
 * were there before it, or under an earlier one.
 */
export class FileKeys implements KeyStore {
  readonly #folder: string;
  readonly #random: Random;
  #passphrases: Passphrases | undefined;

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
  }

  /** Before anything else. Rejects with AUTH_KEY_NOT_WRITTEN when the folder cannot be made, AUTH_KEY_LOCKED for other passphrases. */
  async open(passphrases?: Passphrases): Promise<void> {
    this.#passphrases = passphrases;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await chmod(this.#folder, 0o700);
      for (const file of await readdir(this.#folder))
        if (file.endsWith(HALF_WRITTEN)) await rm(join(this.#folder, file), { force: true });
    } catch (error) {
      throw authErrors.AUTH_KEY_NOT_WRITTEN({ name: this.#folder, reason: errorText(error) }, error);
    }
    for (const name of await this.names()) {
      const opened = await this.#opened(name); // a passphrase that does not fit is found out now
      if (opened && opened.by !== passphrases?.current) await this.write(name, opened.text);
    }
  }

  async read(name: string): Promise<string | undefined> {
    return (await this.#opened(name))?.text;
  }

  async write(name: string, text: string): Promise<void> {
    const path = this.#path(name);
    const stored =
      this.#passphrases === undefined
        ? text
        : await seal(name, text, this.#passphrases.current, this.#random);
    const temporary = `${path}.${Buffer.from(this.#random.bytes(6)).toString('hex')}${HALF_WRITTEN}`;
    try {
      await writeSynced(temporary, stored);
      await rename(temporary, path);
      await this.#syncFolder();
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw authErrors.AUTH_KEY_NOT_WRITTEN({ name, reason: errorText(error) }, error);
    }
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    try {
      await rm(path, { force: true });
      await this.#syncFolder();
    } catch (error) {
      throw authErrors.AUTH_KEY_NOT_WRITTEN({ name, reason: errorText(error) }, error);
    }
  }

  async names(): Promise<readonly string[]> {
    const files = await readdir(this.#folder);
    return files
      .filter((f) => f.endsWith(ENDING))
      .map((f) => f.slice(0, -ENDING.length))
      .sort();
  }

  /** The text, and the passphrase that it was sealed with, if it was. */
  async #opened(
    name: string,
  ): Promise<{ readonly text: string; readonly by: string | undefined } | undefined> {
    const raw = await this.#raw(name);
    if (raw === undefined) return undefined;
    if (!isSealed(raw)) return { text: raw, by: undefined };
    const { current, earlier } = this.#passphrases ?? {};
    for (const by of current === undefined ? [] : [current, ...(earlier ?? [])]) {
      const text = await unseal(name, raw, by).catch(() => {
        throw authErrors.AUTH_KEY_UNREADABLE({ name, reason: 'it is damaged' }); // without a cause: it may quote the text
      });
      if (text !== undefined) return { text, by };
    }
    throw authErrors.AUTH_KEY_LOCKED({ name });
  }

  async #raw(name: string): Promise<string | undefined> {
    const path = this.#path(name);
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw authErrors.AUTH_KEY_UNREADABLE({ name, reason: errorText(error) }, error);
    }
  }

  async #syncFolder(): Promise<void> {
    if (process.platform === 'win32') return; // folders cannot be opened there
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${checkKeyName(name)}${ENDING}`);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
