import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dockerErrors } from './errors.ts';
import { isBelow, isFileMissing, realOf } from './files.ts';

/** A login as the Engine API takes it. */
export interface RegistryLogin {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

interface Entry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** Where Docker keeps logins, in the order in which they are looked at; all relative to the sandbox. */
const IN_SANDBOX = ['.docker/config.json', '.dockercfg'];
const HUB = 'docker.io';
const HUB_NAMES = new Set([HUB, 'index.docker.io', 'registry-1.docker.io']);

/** The registry of an image: the part before the first slash, where it is a host (distribution/reference). */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : HUB;
}

/**
 * The login for the registry of `image`: from what the task brought into its sandbox, else from `configured`; undefined where neither knows
 * it. Throws for a file that is not what it should be.
 */
export async function loginFor(
  image: string,
  sandbox: string,
  configured: string | undefined,
): Promise<RegistryLogin | undefined> {
  const registry = registryOf(image);
  for (const name of IN_SANDBOX) {
    const path = join(sandbox, name);
    // a link out of the sandbox would lend the task the logins of somebody else
    if (!isBelow(await realOf(path), await realOf(sandbox))) continue;
    const login = find(await readLogins(path), registry);
    if (login) return login;
  }
  return configured === undefined ? undefined : find(await readLogins(configured), registry);
}

async function readLogins(path: string): Promise<ReadonlyMap<string, Entry>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isFileMissing(error)) return new Map();
    throw error;
  }
  try {
    const whole = JSON.parse(text) as { auths?: Record<string, Entry> };
    // the old .dockercfg is what `auths` is now
    const entries = Object.entries(whole.auths ?? (path.endsWith('.dockercfg') ? whole : {}));
    return new Map(entries.map(([server, entry]) => [hostOf(server), entry as Entry]));
  } catch (error) {
    throw dockerErrors.AGENT_DOCKER_REFUSED({ problem: `the logins in ${path} cannot be read` }, error);
  }
}

/** Servers are written as hosts and as URLs. */
function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return HUB_NAMES.has(host) ? HUB : host;
}

function find(logins: ReadonlyMap<string, Entry>, registry: string): RegistryLogin | undefined {
  const entry = logins.get(hostOf(registry));
  if (!entry) return undefined;
  const serveraddress = registry === HUB ? 'https://index.docker.io/v1/' : registry;
  if (entry.identitytoken !== undefined) return { identitytoken: entry.identitytoken, serveraddress };
  const [user = '', ...password] = Buffer.from(entry.auth ?? '', 'base64')
    .toString('utf8')
    .split(':');
  const username = entry.username ?? user;
  return username === ''
    ? undefined
    : { username, password: entry.password ?? password.join(':'), serveraddress };
}
