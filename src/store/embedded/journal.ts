import { join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { RimrockError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { storeErrors } from '../errors.ts';
import type { Batch, Journal, JournalEntry } from '../operations.ts';
import type { AppendFile, StoreFiles } from './files.ts';
import { encodeBatch, encodeSnapshot } from './format.ts';

export const STORE_FILE = 'store.log';
export const NEW_FILE = 'store.log.new';

/** Rewrite the file when what was appended since the last time outweighs both this and the data itself. */
const COMPACT_AFTER_BYTES = 4 * 1024 * 1024;

export interface JournalParts {
  readonly dir: string;
  readonly log: Logger;
  readonly files: StoreFiles;
  readonly compactAfterBytes?: number | undefined;
}

/** The open store file. */
export class FileJournal implements Journal {
  readonly #dir: string;
  readonly #log: Logger;
  readonly #files: StoreFiles;
  readonly #compactAfter: number;
  #file: AppendFile;
  #length: number;
  #compactAt = 0;
  #broken: RimrockError | undefined;

  /** `length` bytes of `file` are good; `base` of them are snapshot. */
  constructor(parts: JournalParts, file: AppendFile, length: number, base: number) {
    this.#dir = parts.dir;
    this.#log = parts.log;
    this.#files = parts.files;
    this.#compactAfter = parts.compactAfterBytes ?? COMPACT_AFTER_BYTES;
    this.#file = file;
    this.#length = length;
    this.#planCompaction(base);
  }

  async append(batch: Batch): Promise<void> {
    if (this.#broken) throw this.#broken;
    const bytes = encodeBatch(batch);
    try {
      await this.#file.append(bytes);
    } catch (error) {
      await this.#undo(error);
      throw storeErrors.STORE_WRITE_FAILED({ reason: errorText(error) }, error);
    }
    try {
      await this.#file.sync();
    } catch (error) {
      throw this.#breakDown(error); // the kernel may have dropped the pages: what is on disk is unknown
    }
    this.#length += bytes.length;
  }

  async settle(entries: Iterable<JournalEntry>, revision: number): Promise<void> {
    if (this.#broken || this.#length < this.#compactAt) return;
    try {
      const next = await writeSnapshot(this.#files, this.#dir, entries, revision);
      await this.#file.close().catch(() => {});
      this.#file = next.file;
      this.#length = next.length;
      this.#planCompaction(next.length);
    } catch (error) {
      if (error instanceof RenamedButUnsynced) this.#breakDown(error);
      this.#planCompaction(this.#length);
      this.#log.warn({ error }, 'the store file could not be compacted; it goes on growing');
    }
  }

  problem(): string | undefined {
    return this.#broken?.message;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** A write that failed half-way must not stay in front of the next one. */
  async #undo(cause: unknown): Promise<void> {
    try {
      await this.#file.truncate(this.#length);
      await this.#file.sync();
    } catch {
      this.#breakDown(cause);
    }
  }

  #breakDown(cause: unknown): RimrockError {
    this.#broken = storeErrors.STORE_BROKEN({ reason: errorText(cause) }, cause);
    this.#log.error({ error: this.#broken }, 'store takes no more writes');
    return this.#broken;
  }

  #planCompaction(base: number): void {
    this.#compactAt = base + Math.max(this.#compactAfter, base);
  }
}

/** The new file has the name, but a power cut could still bring the old one back. */
export class RenamedButUnsynced extends Error {}

/** Write everything into a new file, then give it the store's name: a crash leaves the old file or the new one. */
export async function writeSnapshot(
  files: StoreFiles,
  dir: string,
  entries: Iterable<JournalEntry>,
  revision: number,
): Promise<{ file: AppendFile; length: number }> {
  const file = await files.open(join(dir, NEW_FILE), true);
  let length = 0;
  try {
    for (const piece of encodeSnapshot(entries, revision)) {
      await file.append(piece);
      length += piece.length;
    }
    await file.sync();
    await files.rename(join(dir, NEW_FILE), join(dir, STORE_FILE));
  } catch (error) {
    await file.close().catch(() => {});
    await files.remove(join(dir, NEW_FILE)).catch(() => {});
    throw error;
  }
  try {
    await files.syncFolder(dir);
  } catch (error) {
    await file.close().catch(() => {});
    throw new RenamedButUnsynced(errorText(error), { cause: error });
  }
  return { file, length };
}
