import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OpenEntry } from './open-inside.ts';
import { openShown, openVirtual } from './virtual-paths.ts';

/** At most 16 pages a read (mesos-api.md §3.7). */
const MAX_READ = 65_536;

export type FileAnswer<T> =
  | { readonly ok: true; readonly value: T }
  /** `text` is the body, empty for 404. */
  | { readonly ok: false; readonly status: 400 | 404; readonly text: string };

export interface Listed {
  /** The virtual path. */
  readonly path: string;
  readonly stats: Stats;
}

type Attached = ReadonlyMap<string, string>;

/** Do something with what is behind a virtual path, as long as it is open. */
async function opened<T>(
  attached: Attached,
  path: string,
  use: (entry: OpenEntry, root: string) => Promise<FileAnswer<T>>,
): Promise<FileAnswer<T>> {
  const found = await openVirtual(attached, path);
  if (found.kind === 'outside') return { ok: false, status: 400, text: `${found.path} is inaccessible` };
  if (found.kind === 'not-found') return { ok: false, status: 404, text: '' };
  try {
    return await use(found.entry, found.root);
  } finally {
    await found.entry.close();
  }
}

/** The entries of a folder by path; none for a file. */
export function listFolder(attached: Attached, path: string): Promise<FileAnswer<Listed[]>> {
  return opened(attached, path, async (entry, root) => {
    if (!entry.stats.isDirectory()) return { ok: true, value: [] };
    const folder = path.replace(/\/+$/, '');
    const entries: Listed[] = [];
    for (const name of (await readdir(entry.path)).sort()) {
      const stats = await lookAt(root, join(entry.path, name));
      if (stats) entries.push({ path: `${folder}/${name}`, stats });
    }
    return { ok: true, value: entries };
  });
}

/** Of a link, what it leads to, unless that is not for others to see: then the link itself. Undefined: it is gone, or leads nowhere. */
async function lookAt(root: string, path: string): Promise<Stats | undefined> {
  try {
    const own = await lstat(path);
    if (!own.isSymbolicLink()) return own;
    const target = await openShown(root, path);
    if (target === 'outside') return own;
    await target.close();
    return target.stats;
  } catch {
    return undefined;
  }
}

/** Part of a file. `offset` undefined or -1: only the size is told. `length` undefined or -1: the rest. */
export function readPart(
  attached: Attached,
  path: string,
  offset: number,
  length: number,
): Promise<FileAnswer<{ bytes: Buffer; offset: number; size: number }>> {
  return opened(attached, path, async ({ stats, path: at }) => {
    if (stats.isDirectory()) return { ok: false, status: 400, text: 'Cannot read a directory.\n' };
    if (!stats.isFile()) return { ok: false, status: 400, text: 'Cannot read what is no file.\n' };
    const { size } = stats;
    const empty = Buffer.alloc(0);
    if (offset === -1) return { ok: true, value: { bytes: empty, offset: size, size } };
    const wanted = Math.min(length === -1 ? MAX_READ : length, MAX_READ, Math.max(0, size - offset));
    if (wanted === 0) return { ok: true, value: { bytes: empty, offset, size } };
    const handle = await openFile(at);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(wanted), 0, wanted, offset);
      return { ok: true, value: { bytes: buffer.subarray(0, bytesRead), offset, size } };
    } finally {
      await handle.close();
    }
  });
}

/** A file to be downloaded, open; whoever reads it closes it. */
export function openDownload(
  attached: Attached,
  path: string,
): Promise<FileAnswer<{ handle: FileHandle; name: string }>> {
  return opened(attached, path, async ({ stats, path: at, way }) => {
    if (stats.isDirectory()) return { ok: false, status: 400, text: 'Cannot download a directory.\n' };
    if (!stats.isFile()) return { ok: false, status: 400, text: 'Cannot download what is no file.\n' };
    return { ok: true, value: { handle: await openFile(at), name: basename(way) } };
  });
}

/** Where the system has no open paths, a task may put a pipe in the place of a file: opening one must not wait for a writer. */
function openFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** `-rw-r--r--`. */
export function modeText(stats: Stats): string {
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  const bits = Array.from({ length: 9 }, (_, i) => (stats.mode & (1 << (8 - i)) ? 'rwx'.charAt(i % 3) : '-'));
  return kind + bits.join('');
}
