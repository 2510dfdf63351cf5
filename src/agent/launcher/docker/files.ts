import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Whether an error of the file system says that there is no such file. */
export function isFileMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The path without links, as far as it exists. */
export async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(await realOf(above), path.slice(above.length));
  }
}

/** Whether `path` is `root` or in it; both without links. */
export function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}
