import { constants, mkdir, open, readdir, rm, rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder of ours that cannot be exchanged for another one while it is open. */
export interface OwnFolder {
  readonly path: string;
  close(): Promise<void>;
}

const IS_LINUX = process.platform === 'linux';

/**
 * The folder that lies these steps below a sandbox, and not what stands in the place of one of them: the sandbox may belong to the task's
 * user, who must not be able to have root write or remove anything elsewhere. `mode`: make what is missing, and give each step this mode. Rejects
 * with the system's error, or when a step belongs to somebody else.
 */
export async function openOwn(sandbox: string, steps: readonly string[], mode?: number): Promise<OwnFolder> {
  let path = sandbox;
  let opened: FileHandle | undefined;
  try {
    for (const step of steps) {
      const below = join(path, step);
      if (mode !== undefined) await mkdir(below, { recursive: true, mode });
      path = below;
      if (!IS_LINUX) continue;
      const next = await open(below, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      await opened?.close();
      opened = next;
      const found = await next.stat();
      if (found.uid !== process.getuid?.())
        throw new Error(`${join(sandbox, ...steps)} belongs to somebody else`);
      if (mode !== undefined && (found.mode & 0o777) !== mode) await next.chmod(mode);
      path = `/proc/self/fd/${next.fd}`;
    }
  } catch (error) {
    await opened?.close();
    throw error;
  }
  return { path, close: async () => opened?.close() };
}

/** Remove it with all that is in it; one that is not there is harmless. Rejects as `openOwn`. */
export async function removeOwn(sandbox: string, steps: readonly string[]): Promise<void> {
  try {
    const folder = await openOwn(sandbox, steps);
    try {
      for (const name of await readdir(folder.path))
        await rm(join(folder.path, name), { recursive: true, force: true });
    } finally {
      await folder.close();
    }
    const above = await openOwn(sandbox, steps.slice(0, -1));
    try {
      await rmdir(join(above.path, steps.at(-1) ?? ''));
    } finally {
      await above.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
