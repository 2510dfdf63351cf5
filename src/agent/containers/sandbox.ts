import { constants } from 'node:fs';
import { chmod, lchown, mkdir, open, readdir, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a sandbox lies: steps below a folder that only the agent can rearrange. Those on the way belong to tasks, perhaps. */
export interface SandboxWay {
  readonly root: string;
  readonly steps: readonly string[];
}

export const pathOf = ({ root, steps }: SandboxWay): string => join(root, ...steps);

const FOLDER = constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Make a sandbox and work in it. Tasks that own the folders on the way may put links there at any moment, by which root would write elsewhere: so
 * each step is opened in the one before, and `work` gets a path that leads to the open folder, whatever its name leads to by then. Rejects where
 * there is something already.
 */
export async function inNewSandbox<T>(way: SandboxWay, work: (folder: string) => Promise<T>): Promise<T> {
  const last = way.steps.at(-1) ?? '';
  return inFolder({ ...way, steps: way.steps.slice(0, -1) }, async (parent) => {
    await mkdir(`${parent}/${last}`, { mode: 0o750 });
    return inFolder({ root: parent, steps: [last] }, async (folder, handle) => {
      const own = handle === undefined || (await handle.stat()).uid === process.getuid?.();
      if (!own || (await readdir(folder)).length > 0)
        throw new Error('the sandbox of the container was taken by somebody else');
      return work(folder);
    });
  });
}

/** Remove a sandbox; nothing is there, or something else: no error. */
export async function removeSandbox(way: SandboxWay): Promise<void> {
  const last = way.steps.at(-1) ?? '';
  try {
    await inFolder({ ...way, steps: way.steps.slice(0, -1) }, async (parent) => {
      const path = `${parent}/${last}`;
      if (process.getuid?.() === 0)
        // nobody exchanges what is in there while root removes it
        await inFolder({ root: parent, steps: [last] }, async (folder) => {
          await lchown(`${folder}/.`, 0, 0);
          await chmod(`${folder}/.`, 0o700);
        });
      await rm(path, { recursive: true, force: true });
    });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) throw error;
  }
}

/** Let everybody pass through a folder to what is below it. */
export function letThrough(way: SandboxWay): Promise<void> {
  return inFolder(way, (folder) => chmod(`${folder}/.`, 0o711));
}

/** Open a folder step by step, made where it is missing. Elsewhere than on Linux there is no path to what is open. */
async function inFolder<T>(
  { root, steps }: SandboxWay,
  work: (folder: string, handle?: FileHandle) => Promise<T>,
): Promise<T> {
  if (process.platform !== 'linux') {
    await mkdir(join(root, ...steps), { recursive: true });
    return work(join(root, ...steps));
  }
  const path = ({ fd }: FileHandle): string => `/proc/self/fd/${fd}`;
  let at = await open(`${root}/.`, FOLDER);
  try {
    for (const step of steps) {
      await mkdir(`${path(at)}/${step}`, { mode: 0o711 }).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
      const next = await open(`${path(at)}/${step}`, FOLDER);
      await at.close();
      at = next;
    }
    return await work(path(at), at);
  } finally {
    await at.close();
  }
}
