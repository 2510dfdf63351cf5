import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Logger } from '../../core/log.ts';

/** The disk, as far as it is used here. Everything rejects with the system's error. */
export interface AcmeFiles {
  /** Undefined: there is none. */
  read(path: string): Promise<string | undefined>;
  /** Put a file in the place of another, wholly or not at all, also when the machine fails; only we may read it. */
  replace(folder: string, name: string, text: string): Promise<void>;
}

export const acmeFiles: AcmeFiles = {
  async read(path) {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  async replace(folder, name, text) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, name);
    const fresh = `${path}.new`;
    const file = await open(fresh, 'w', 0o600);
    try {
      await chmod(fresh, 0o600); // it may be left from before
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
    const directory = await open(folder, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

const accountSchema = z.object({ directory: z.string(), key: z.string(), url: z.string().optional() });
const nameSchema = z.object({
  /** PEM, and the directory of the authority that it is of; absent: it was obtained before that was kept. */
  certificate: z.object({ chain: z.string(), key: z.string(), directory: z.string().optional() }).optional(),
  /** An order that is under way, with the key that it is for. */
  order: z.object({ directory: z.string(), url: z.string(), key: z.string() }).optional(),
  /** Milliseconds since 1970. */
  failed: z.object({ times: z.number(), reason: z.string(), nextTryAt: z.number() }).optional(),
});

export type StoredAccount = z.output<typeof accountSchema>;
export type StoredName = z.output<typeof nameSchema>;

/** What outlives the process: an account for each authority, and for each name its certificate, order and last failure. */
export class AcmeStorage {
  readonly #folder: string;
  readonly #files: AcmeFiles;
  readonly #log: Logger;

  constructor(folder: string, files: AcmeFiles, log: Logger) {
    this.#folder = folder;
    this.#files = files;
    this.#log = log;
  }

  account(directory: string): Promise<StoredAccount | undefined> {
    return this.#read(accountFile(directory), accountSchema);
  }

  saveAccount(account: StoredAccount): Promise<void> {
    return this.#save(accountFile(account.directory), account);
  }

  /** `name` is one that PUBLIC_NAME fits: it makes a sound file name. */
  async name(name: string): Promise<StoredName> {
    return (await this.#read(`${name}.json`, nameSchema)) ?? {};
  }

  saveName(name: string, stored: StoredName): Promise<void> {
    return this.#save(`${name}.json`, stored);
  }

  /** What cannot be understood is as if it were not there: it can be had anew. */
  async #read<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const text = await this.#files.read(join(this.#folder, file));
    if (text === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      this.#log.warn({ file: join(this.#folder, file) }, 'a file of ACME cannot be read and is made anew');
      return undefined;
    }
  }

  #save(file: string, value: unknown): Promise<void> {
    return this.#files.replace(this.#folder, file, `${JSON.stringify(value)}\n`);
  }
}

/** One for each authority. Names have a dot in them, so no name has such a file. */
const accountFile = (directory: string): string =>
  `account-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}.json`;
