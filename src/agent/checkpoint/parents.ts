import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NESTED_FOLDER } from './layout.ts';
import type { Layout } from './layout.ts';

/** What others need to go through a folder; to look around in it they need more. */
const PASS = 0o011;
/** From the folder of sandboxes down: ids and the fixed names between them, as `runPath` has them. */
const STEPS_TO_RUNS = 6;

/**
 * Whoever a task runs as must get to its sandbox: earlier versions made the folders above it for themselves alone. Only folders of ours are
 * touched, no link is followed, and a sandbox that has been given to a user is not looked into.
 */
export async function openParents(layout: Layout): Promise<void> {
  if (process.getuid?.() !== 0) return; // then nothing runs as anybody else
  await letThrough(layout.workDir);
  await openBelow(layout.sandboxes, STEPS_TO_RUNS);
}

/** `steps`: how far down `runs` are. */
async function openBelow(folder: string, steps: number): Promise<void> {
  if (!(await letThrough(folder))) return;
  for (const name of await readdir(folder)) {
    const below = join(folder, name);
    if (steps > 0) await openBelow(below, steps - 1);
    else await openNested(below);
  }
}

/** Containers inside of an executor that the agent plays lie in its sandbox, which is the agent's. */
async function openNested(sandbox: string): Promise<void> {
  const nested = join(sandbox, NESTED_FOLDER);
  if ((await modeOfOurs(sandbox)) !== undefined && (await letThrough(nested))) await letThrough(sandbox);
}

/** Whether it is a folder of ours, through which everybody may go now. */
async function letThrough(folder: string): Promise<boolean> {
  const mode = await modeOfOurs(folder);
  if (mode === undefined) return false;
  if ((mode & PASS) !== PASS) await chmod(folder, (mode & 0o7777) | PASS);
  return true;
}

/** The mode of a folder of ours; undefined: it is none. */
async function modeOfOurs(folder: string): Promise<number | undefined> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === 0 ? found.mode : undefined;
}
