import {
  chmod,
  chown,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import { IDENTITY_FOLDER } from '../../core/identity.ts';
import type { FileOwner, IdentityContext, IdentityHome, IdentityPlace } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { KeptIdentity } from '../identity/keeper.ts';
import { openOwn, removeOwn } from './own-folder.ts';

/** In the folder of a program that runs several tasks: a folder for each. */
const TASKS_FOLDER = 'tasks';
/** The link to the generation that is good now. */
const CURRENT = 'current';
const FILES = { certificate: 'cert.pem', key: 'key.pem', bundle: 'bundle.pem', kept: 'identity.json' };

/** Who but root reads them: their user, which goes through the folders but does not look around in them. */
const FOLDER_MODE = { own: 0o700, passed: 0o711 };
const FILE_MODE = 0o600;

/** Where a task finds its identity; the names of variables are what programs are told. */
export function filesEnvironment(sandbox: string): Record<string, string> {
  const at = (file: string): string => join(sandbox, IDENTITY_FOLDER, CURRENT, file);
  return {
    RIMROCK_CERT_FILE: at(FILES.certificate),
    RIMROCK_KEY_FILE: at(FILES.key),
    RIMROCK_BUNDLE_FILE: at(FILES.bundle),
  };
}

/** Where a program finds those of its tasks: below a folder for each, named by the id of the task. */
export function programEnvironment(sandbox: string): Record<string, string> {
  return { RIMROCK_TASK_IDENTITIES: join(sandbox, IDENTITY_FOLDER, TASKS_FOLDER) };
}

/** Nothing of the identities of its tasks stays. */
export function removeProgramFiles(sandbox: string): Promise<void> {
  return removeOwn(sandbox, [IDENTITY_FOLDER]);
}

/** Nothing of the identity of a task stays. Rejects with the system's error. */
export function removeTaskFiles(taskId: string, place: IdentityPlace): Promise<void> {
  return removeOwn(place.sandbox, stepsTo(taskId, place));
}

function stepsTo(taskId: string, { program }: IdentityPlace): string[] {
  return program ? [IDENTITY_FOLDER, TASKS_FOLDER, taskId] : [IDENTITY_FOLDER];
}

/**
 * The identity of a task as files that only its user can read. Each generation is a folder of its own, and a link is swapped: who
 * has followed the link once reads a key and a certificate that belong together. The generation before stays, for those who are reading it.
 */
export class TaskFiles {
  readonly #sandbox: string;
  readonly #steps: readonly string[];
  readonly #owner: FileOwner | undefined;
  readonly #random: Random;
  readonly #log: Logger;
  #last: Promise<void> = Promise.resolve();

  constructor(taskId: string, home: IdentityHome, random: Random, log: Logger) {
    this.#sandbox = home.sandbox;
    this.#steps = stepsTo(taskId, home);
    this.#owner = home.owner;
    this.#random = random;
    this.#log = log;
  }

  /** One after the other; rejects with the system's error, and then the old files are still there. */
  write(kept: KeptIdentity): Promise<void> {
    const written = this.#last.then(() => this.#write(kept));
    this.#last = written.catch((error: unknown) =>
      this.#log.error(
        { error: errorText(error), sandbox: this.#sandbox },
        'files of an identity not written',
      ),
    );
    return written;
  }

  /** What an earlier process wrote; undefined when there is nothing of use. */
  async read(): Promise<KeptIdentity | undefined> {
    try {
      const folder = await openOwn(this.#sandbox, this.#steps);
      try {
        return await readIn(join(folder.path, CURRENT));
      } finally {
        await folder.close();
      }
    } catch {
      return undefined;
    }
  }

  /** When what is being written is. */
  async settled(): Promise<void> {
    await this.#last;
  }

  get #folderMode(): number {
    return this.#owner ? FOLDER_MODE.passed : FOLDER_MODE.own;
  }

  async #write(kept: KeptIdentity): Promise<void> {
    const opened = await openOwn(this.#sandbox, this.#steps, this.#folderMode);
    try {
      await this.#writeIn(opened.path, kept);
    } finally {
      await opened.close();
    }
  }

  async #writeIn(base: string, { svid, bundle, root }: KeptIdentity): Promise<void> {
    const name = Buffer.from(this.#random.bytes(8)).toString('hex');
    const folder = join(base, name);
    const current = join(base, CURRENT);
    await mkdir(folder, { mode: FOLDER_MODE.own });
    const { id, notBeforeMs, notAfterMs } = svid;
    const facts: KeptFacts = { id, notBeforeMs, notAfterMs, root, bundle };
    const write = (file: string, text: string): Promise<void> =>
      writeFile(join(folder, file), text, { mode: FILE_MODE, flag: 'wx' });
    const give = async (file: string, text: string): Promise<void> => {
      await write(file, text);
      if (this.#owner) await chown(join(folder, file), this.#owner.uid, this.#owner.gid);
    };
    await give(FILES.certificate, svid.certificateChain);
    await give(FILES.key, svid.privateKey);
    await give(FILES.bundle, bundle.roots.join(''));
    await write(FILES.kept, JSON.stringify(facts));
    await chmod(folder, this.#folderMode); // whatever the umask
    const link = join(base, `${name}.link`);
    await symlink(name, link);
    const before = await readlink(current).catch(() => name);
    await rename(link, current);
    const stay = new Set([CURRENT, name, before]);
    for (const old of await readdir(base))
      if (!stay.has(old)) await rm(join(base, old), { recursive: true, force: true });
  }
}

async function readIn(folder: string): Promise<KeptIdentity> {
  const text = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');
  const facts = JSON.parse(await text(FILES.kept)) as KeptFacts;
  const certificateChain = await text(FILES.certificate);
  const privateKey = await text(FILES.key);
  const { id, notBeforeMs, notAfterMs, root, bundle } = facts;
  return { svid: { id, certificateChain, privateKey, notBeforeMs, notAfterMs }, bundle, root };
}

interface KeptFacts extends Pick<KeptIdentity, 'root'> {
  readonly id: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly bundle: IdentityContext['bundle'];
}
