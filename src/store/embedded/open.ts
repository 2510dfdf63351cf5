import { join } from 'node:path';
import { errorText, RimrockError } from '../../core/errors.ts';
import { storeErrors } from '../errors.ts';
import { LocalStore } from '../local-store.ts';
import { Table } from '../table.ts';
import type { Journal } from '../operations.ts';
import type { Store } from '../types.ts';
import { systemFiles } from './files.ts';
import type { StoreFiles } from './files.ts';
import { decodeFile, FORMAT_VERSION } from './format.ts';
import { FileJournal, NEW_FILE, RenamedButUnsynced, STORE_FILE, writeSnapshot } from './journal.ts';
import type { JournalParts } from './journal.ts';
import { lockFolder, systemProcesses } from './lock.ts';
import type { LockOutcome, ProcessTable } from './lock.ts';

const LOCK_FILE = 'lock';

export interface EmbeddedStoreParts extends Omit<JournalParts, 'files'> {
  readonly files?: StoreFiles;
  readonly processes?: ProcessTable;
}

/** A store that can tell that it is in trouble. */
export interface EmbeddedStore extends Store {
  /** Why it takes no more writes; undefined as long as it does. */
  problem(): string | undefined;
}

/**
 * Open (or make) the store in a folder of its own. One process at a time; the lock of a dead one is taken over. A write
 * that was torn by a crash is cut off; it was never acknowledged.
 *
 * @throws RimrockError STORE_LOCKED, STORE_CORRUPT, STORE_TOO_NEW, STORE_OPEN_FAILED
 */
export async function openEmbeddedStore(parts: EmbeddedStoreParts): Promise<EmbeddedStore> {
  const files = parts.files ?? systemFiles;
  const { dir } = parts;
  let lock: LockOutcome | undefined;
  try {
    await files.makeFolder(dir);
    lock = await lockFolder(join(dir, LOCK_FILE), files, parts.processes ?? systemProcesses);
    if (lock.kind === 'taken') throw storeErrors.STORE_LOCKED({ dir, pid: lock.pid });
    return await load({ ...parts, files }, lock);
  } catch (error) {
    if (lock?.kind === 'held') await lock.release().catch(() => {});
    if (error instanceof RimrockError) throw error;
    throw storeErrors.STORE_OPEN_FAILED({ dir, reason: errorText(error) }, error);
  }
}

async function load(parts: JournalParts, lock: { release(): Promise<void> }): Promise<EmbeddedStore> {
  const { dir, files } = parts;
  const path = join(dir, STORE_FILE);
  await files.remove(join(dir, NEW_FILE));
  const bytes = await files.read(path);
  if (!bytes) {
    const made = await writeSnapshot(files, dir, [], 0);
    return new LocalStore(unlockAfter(new FileJournal(parts, made.file, made.length, made.length), lock));
  }
  const content = decodeFile(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (content.kind === 'too-new')
    throw storeErrors.STORE_TOO_NEW({ file: path, version: content.version, known: FORMAT_VERSION });
  if (content.kind === 'corrupt')
    throw storeErrors.STORE_CORRUPT({ file: path, offset: content.offset, reason: content.reason });
  const torn = bytes.length - content.goodBytes;
  if (torn > 0) parts.log.warn({ file: path, bytes: torn }, 'cut off a write that a crash had torn');
  const table = new Table(content.entries.values(), content.revision);
  const opened = await reopen(parts, table, content.batches > 0 || torn > 0, content.goodBytes);
  return new LocalStore(unlockAfter(opened, lock), table);
}

/**
 * Start from a fresh file if anything was appended to the old one: what the page cache shows after a failed sync need
 * not be on the disk, a file written and synced again is. On a full disk the old file has to do.
 */
async function reopen(
  parts: JournalParts,
  table: Table,
  rewrite: boolean,
  goodBytes: number,
): Promise<FileJournal> {
  const { dir, files } = parts;
  if (rewrite) {
    try {
      const made = await writeSnapshot(files, dir, table.values(), table.revision);
      return new FileJournal(parts, made.file, made.length, made.length);
    } catch (error) {
      if (error instanceof RenamedButUnsynced) throw error;
      parts.log.warn({ error, dir }, 'the store file could not be rewritten; going on with the old one');
    }
  }
  const file = await files.open(join(dir, STORE_FILE), false);
  try {
    await file.truncate(goodBytes);
    await file.sync();
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  return new FileJournal(parts, file, goodBytes, goodBytes);
}

function unlockAfter(journal: Journal, lock: { release(): Promise<void> }): Journal {
  return {
    append: (batch) => journal.append(batch),
    settle: (entries, revision) => journal.settle(entries, revision),
    problem: () => journal.problem(),
    async close() {
      try {
        await journal.close();
      } finally {
        await lock.release();
      }
    },
  };
}
