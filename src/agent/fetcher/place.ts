import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RESERVED } from './uri.ts';

/** A folder of the sandbox, made where it is missing. Throws where something else, such as a link, is on the way to it. */
export async function folderInside(sandbox: string, steps: readonly string[]): Promise<string> {
  let at = sandbox;
  for (const step of steps) {
    at = join(at, step);
    const there = await lstat(at).catch(() => undefined);
    if (there === undefined) await mkdir(at, { mode: 0o755 });
    else if (!there.isDirectory()) throw new Error(`'${steps.join('/')}' is no folder of the sandbox`);
  }
  return at;
}

/** Put a file, which is ready, where it is to be seen. */
export async function placeFile(file: string, sandbox: string, target: string): Promise<void> {
  const steps = target.split('/');
  const folder = await folderInside(sandbox, steps.slice(0, -1));
  const at = join(folder, steps.at(-1) ?? '');
  if ((await lstat(at).catch(() => undefined))?.isDirectory() === true)
    throw new Error(`'${target}' is a folder already`);
  await rename(file, at);
}

/** Put what was unpacked into a folder of the sandbox: beside what is there, and in the place of files of the same name. */
export async function placeTree(tree: string, sandbox: string, steps: readonly string[]): Promise<void> {
  const folder = await folderInside(sandbox, steps);
  for (const entry of await readdir(tree, { withFileTypes: true })) {
    if (steps.length === 0 && RESERVED.has(entry.name))
      throw new Error(`it holds '${entry.name}', a name that is used by the agent itself`);
    const [from, to] = [join(tree, entry.name), join(folder, entry.name)];
    const there = await lstat(to).catch(() => undefined);
    if (there?.isDirectory() === true && entry.isDirectory())
      await placeTree(from, sandbox, [...steps, entry.name]);
    else if (there?.isDirectory() === true || (there !== undefined && entry.isDirectory()))
      throw new Error(`'${[...steps, entry.name].join('/')}' is something else already`);
    else await rename(from, to);
  }
  await rm(tree, { recursive: true, force: true });
}
