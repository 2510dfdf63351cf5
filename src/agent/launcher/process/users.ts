import { execFile } from 'node:child_process';
import { chmod, lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IDENTITY_FOLDER } from '../../../core/identity.ts';

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** All groups, the first one too. */
  readonly groups: readonly number[];
}

const run = promisify(execFile);

/** By id(1), which asks whatever the machine asks (files, LDAP). Rejects where there is no such user. */
export async function lookUpUser(name: string): Promise<User> {
  const id = async (what: string): Promise<number[]> => {
    const { stdout } = await run('id', [what, '--', name], { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } });
    return stdout.trim().split(/\s+/).map(Number);
  };
  try {
    const [[uid], [gid], groups] = await Promise.all([id('-u'), id('-g'), id('-G')]);
    if (uid === undefined || gid === undefined || name === '') throw new Error('id told nothing');
    return { uid, gid, groups };
  } catch (error) {
    throw new Error(`This machine has no user '${name}'`, { cause: error });
  }
}

/** The user of this name, where that is not the agent's own. Rejects, in words for the framework, where the agent cannot run anything as that user. */
export async function anotherUser(name: string | undefined): Promise<User | undefined> {
  if (name === undefined) return undefined;
  const user = await lookUpUser(name);
  if (user.uid === process.getuid?.()) return undefined;
  if (process.getuid?.() !== 0)
    throw new Error(`Only an agent that runs as root can run a task as user '${name}'`);
  return user;
}

/** The home of a user by getent(1); undefined where that is not told. */
export async function homeOf(name: string): Promise<string | undefined> {
  try {
    const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
    const { stdout } = await run('getent', ['passwd', '--', name], { env });
    return stdout.trim().split(':')[5] || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Only the user and root see what is in the sandbox. Links are given away, never followed. The folder of the identity is the agent's,
 * who goes on writing there; what the user may read in it is the user's already.
 */
export async function giveSandbox(sandbox: string, user: User): Promise<void> {
  for (const entry of await readdir(sandbox, { withFileTypes: true }))
    if (entry.name !== IDENTITY_FOLDER) await give(join(sandbox, entry.name), user, entry.isDirectory());
  await lchown(sandbox, user.uid, user.gid);
  await chmod(sandbox, 0o750);
}

async function give(path: string, user: User, isFolder: boolean): Promise<void> {
  await lchown(path, user.uid, user.gid);
  const below = isFolder ? await readdir(path, { withFileTypes: true }) : [];
  for (const entry of below) await give(join(path, entry.name), user, entry.isDirectory());
}
