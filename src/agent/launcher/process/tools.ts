import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that run as root are not looked up in the PATH of a task. */
export const SYSTEM_FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/run/current-system/sw/bin'];

/** Where a program of the system lies. Throws, in words for the framework, where there is none. */
export function tool(name: string, purpose: string): string {
  const path = SYSTEM_FOLDERS.map((folder) => join(folder, name)).find((p) => existsSync(p));
  if (path === undefined)
    throw new Error(`This machine has no ${name}(1) (util-linux), which is needed to ${purpose}`);
  return path;
}
