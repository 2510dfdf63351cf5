import { constants } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file that only grows at its end. */
export interface AppendFile {
  append(bytes: Uint8Array): Promise<void>;
  /** On disk when this resolves. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** What the store asks of a file system; a test hands in one that fails. */
export interface StoreFiles {
  /** Make the folder and its parents, for this user only. */
  makeFolder(path: string): Promise<void>;
  names(folder: string): Promise<string[]>;
  /** Undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Whole file at once, unsynced (lock files). */
  write(path: string, text: string): Promise<void>;
  /** Open for appending; `fresh` empties it first. */
  open(path: string, fresh: boolean): Promise<AppendFile>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file; false when the name is taken. */
  link(from: string, to: string): Promise<boolean>;
  remove(path: string): Promise<void>;
  /** Make names (new, renamed, removed) durable. */
  syncFolder(path: string): Promise<void>;
}

export const systemFiles: StoreFiles = {
  makeFolder,
  names: (folder) => readdir(folder),
  read: (path) => readFile(path).catch(ifCode('ENOENT', undefined)),
  write: (path, text) => writeFile(path, text, { mode: 0o600 }),
  async open(path, fresh) {
    const flags =
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | (fresh ? constants.O_TRUNC : 0);
    return appendFile(await open(path, flags, 0o600));
  },
  rename: (from, to) => rename(from, to),
  link: (from, to) => link(from, to).then(() => true, ifCode('EEXIST', false)),
  remove: (path) => rm(path, { force: true }),
  async syncFolder(path) {
    if (process.platform === 'win32') return; // folders cannot be opened there; NTFS journals names itself
    const folder = await open(path, constants.O_RDONLY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

/** Not mkdir's own `recursive`: that never ends where a folder exists and takes no new one with ENOENT (/proc). */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return; // as a file, it will be found out at the first use
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o700 }).catch(ifCode('EEXIST', undefined));
  }
}

function appendFile(handle: FileHandle): AppendFile {
  return {
    append: (bytes) => handle.appendFile(bytes),
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    close: () => handle.close(),
  };
}

function ifCode<T>(code: string, value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === code) return value;
    throw error;
  };
}
