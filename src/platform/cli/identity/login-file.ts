import { join } from 'node:path';
import type { World } from '../../world.ts';

/** Who is logged in where; kept for the commands that follow, in a file that only its owner may read. */
export interface KeptLogin {
  readonly api: string;
  readonly uid: string;
  readonly token: string;
}

export const DEFAULT_API = 'http://127.0.0.1:8101';

/** `RIMROCK_HOME`, else where the system keeps settings of a person. */
function path({ environment, folder }: World): string {
  const settings = environment['XDG_CONFIG_HOME'] ?? join(environment['HOME'] ?? folder, '.config');
  return join(environment['RIMROCK_HOME'] ?? join(settings, 'rimrock'), 'login.json');
}

/** Undefined when nobody is logged in. */
export async function readLogin(world: World): Promise<KeptLogin | undefined> {
  try {
    return JSON.parse(await world.readFile(path(world))) as KeptLogin;
  } catch {
    return undefined;
  }
}

/** Undefined forgets it. */
export async function keepLogin(world: World, login: KeptLogin | undefined): Promise<void> {
  await world.writePrivateFile(path(world), login === undefined ? '{}' : JSON.stringify(login));
}
