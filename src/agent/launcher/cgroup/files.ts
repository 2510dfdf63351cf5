import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The files of one group; what is not there reads as undefined. */

export function read(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** A file with one number; `max` and what is not there are undefined. */
export function readNumber(folder: string, file: string): number | undefined {
  const text = read(folder, file);
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** A file of lines `name number`. */
export function readTable(folder: string, file: string): ReadonlyMap<string, number> {
  const lines = (read(folder, file) ?? '').split('\n').map((line) => line.split(' '));
  return new Map(lines.map(([name, value]) => [name ?? '', Number(value)]));
}

export function write(folder: string, file: string, value: string | number): void {
  writeFileSync(join(folder, file), String(value));
}

/** Write where the kernel has the file and takes the value; what is only a hint may be missing. */
export function tryWrite(folder: string, file: string, value: string | number): void {
  try {
    write(folder, file, value);
  } catch {
    // not this kernel, or the group has just gone
  }
}

export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    // another agent has just removed the folder that both are in
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path, { recursive: true });
  }
}

export function subfolders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [e.name] : []));
  } catch {
    return [];
  }
}

/** The numbers in a file of this group and of all below it (a container may have made some). */
export function readPids(folder: string, file: string): number[] {
  const own = (read(folder, file) ?? '').split('\n').filter(Boolean).map(Number);
  return [...own, ...subfolders(folder).flatMap((name) => readPids(join(folder, name), file))];
}

/** Remove a group and those below it; false while the kernel still sees something inside. */
export function removeFolder(path: string): boolean {
  const below = subfolders(path).map((name) => removeFolder(join(path, name)));
  return !below.includes(false) && removeEmpty(path);
}

function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Remove the steps of `path` below `mount`, the last first, as far as nothing is in them. */
export function removeSteps(mount: string, path: string): void {
  for (let step = path; step !== '.' && removeEmpty(join(mount, step)); step = dirname(step));
}

/** Leave out what is not known. */
export function known(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<
    string,
    number
  >;
}
