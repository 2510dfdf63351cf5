import { open, readdir, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { basename, join } from 'node:path';
import type { Stats } from 'node:fs';
import { resolveVirtual } from './virtual-paths.ts';

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

async function real(attached: Attached, path: string): Promise<FileAnswer<{ real: string; stats: Stats }>> {
  const found = await resolveVirtual(attached, path);
  if (found.kind === 'outside') return { ok: false, status: 400, text: `${found.path} is inaccessible` };
  if (found.kind === 'not-found') return { ok: false, status: 404, text: '' };
  return { ok: true, value: { real: found.real, stats: await stat(found.real) } };
}

/** The entries of a folder by path; none for a file. */
export async function listFolder(attached: Attached, path: string): Promise<FileAnswer<Listed[]>> {
  const found = await real(attached, path);
  if (!found.ok) return found;
  if (!found.value.stats.isDirectory()) return { ok: true, value: [] };
  const entries: Listed[] = [];
  for (const name of (await readdir(found.value.real)).sort()) {
    try {
      entries.push({
        path: `${path.replace(/\/+$/, '')}/${name}`,
        stats: await stat(join(found.value.real, name)),
      });
    } catch {
      // a broken link, or gone in the meantime
    }
  }
  return { ok: true, value: entries };
}

/** Part of a file. `offset` undefined or -1: only the size is told. `length` undefined or -1: the rest. */
export async function readPart(
  attached: Attached,
  path: string,
  offset: number,
  length: number,
): Promise<FileAnswer<{ bytes: Buffer; offset: number; size: number }>> {
  const found = await real(attached, path);
  if (!found.ok) return found;
  const { stats } = found.value;
  if (stats.isDirectory()) return { ok: false, status: 400, text: 'Cannot read a directory.\n' };
  if (!stats.isFile()) return { ok: false, status: 400, text: 'Cannot read what is no file.\n' };
  const empty = Buffer.alloc(0);
  if (offset === -1) return { ok: true, value: { bytes: empty, offset: stats.size, size: stats.size } };
  const wanted = Math.min(length === -1 ? MAX_READ : length, MAX_READ, Math.max(0, stats.size - offset));
  if (wanted === 0) return { ok: true, value: { bytes: empty, offset, size: stats.size } };
  const handle = await openFile(found.value.real);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(wanted), 0, wanted, offset);
    return { ok: true, value: { bytes: buffer.subarray(0, bytesRead), offset, size: stats.size } };
  } finally {
    await handle.close();
  }
}

/** A file to be downloaded, open; whoever reads it closes it. */
export async function openDownload(
  attached: Attached,
  path: string,
): Promise<FileAnswer<{ handle: FileHandle; name: string }>> {
  const found = await real(attached, path);
  if (!found.ok) return found;
  const { stats } = found.value;
  if (stats.isDirectory()) return { ok: false, status: 400, text: 'Cannot download a directory.\n' };
  if (!stats.isFile()) return { ok: false, status: 400, text: 'Cannot download what is no file.\n' };
  return { ok: true, value: { handle: await openFile(found.value.real), name: basename(found.value.real) } };
}

/** A task may put a pipe in the place of a file at any time: opening one must not wait for a writer. */
function openFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** `-rw-r--r--`. */
export function modeText(stats: Stats): string {
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  const bits = Array.from({ length: 9 }, (_, i) => (stats.mode & (1 << (8 - i)) ? 'rwx'.charAt(i % 3) : '-'));
  return kind + bits.join('');
}
