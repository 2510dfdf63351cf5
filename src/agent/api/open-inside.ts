import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';

/** Opening with it touches nothing: no pipe waits, no device notices. Node has no name for it. */
const O_PATH = 0o10000000;

/** A file or folder that is open: whatever is put in its place later, this is what was looked at. */
export interface OpenEntry {
  /** A path that leads to the open one. */
  readonly path: string;
  /** Where it lies in `root`; empty text for `root` itself. */
  readonly way: string;
  readonly stats: Stats;
  close(): Promise<void>;
}

/**
 * Open what `wanted` leads to, symbolic links followed, and look only then where that is: `outside` when it is not in `root`. Tasks of other
 * users may exchange folders and links of their sandbox at any time; a check before the opening would hold for what was there before.
 * Rejects with the system's error where there is nothing.
 */
export async function openInside(root: string, wanted: string): Promise<OpenEntry | 'outside'> {
  return process.platform === 'linux' ? openByPath(root, wanted) : openAndCompare(root, wanted);
}

async function openByPath(root: string, wanted: string): Promise<OpenEntry | 'outside'> {
  const realRoot = await realpath(root);
  const handle = await open(wanted, O_PATH);
  try {
    const path = `/proc/self/fd/${handle.fd}`;
    const way = wayInside(realRoot, await readlink(path));
    if (way !== undefined) return { path, way, stats: await handle.stat(), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return 'outside';
}

/** Where the system does not tell what is open: the place that it has afterwards must hold the very same. */
async function openAndCompare(root: string, wanted: string): Promise<OpenEntry | 'outside'> {
  const realRoot = await realpath(root);
  const before = await realpath(wanted);
  if (wayInside(realRoot, before) === undefined) return 'outside';
  const handle = await open(before, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const stats = await handle.stat();
  await handle.close();
  const real = await realpath(wanted);
  const way = wayInside(realRoot, real);
  const there = await lstat(real);
  if (way === undefined || there.ino !== stats.ino || there.dev !== stats.dev) return 'outside';
  return { path: real, way, stats, close: async () => {} };
}

/** The path from `root` to what is `root` or below it; undefined for everything else. */
export function wayInside(root: string, path: string): string | undefined {
  const way = relative(root, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : way;
}
