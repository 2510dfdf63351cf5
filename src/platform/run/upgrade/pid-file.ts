import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** Have the file say this number; whoever reads it sees the old number or the new one. */
export async function writePid(path: string, pid: number): Promise<void> {
  const beside = `${path}.${pid}`;
  await writeFile(beside, `${pid}\n`);
  await rename(beside, path);
}

/** Remove it, unless it says another number by now. */
export async function removePid(path: string, pid: number): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')).trim() === String(pid)) await rm(path, { force: true });
}
