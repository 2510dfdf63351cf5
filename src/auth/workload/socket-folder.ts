import { chmod, chown, lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { FileOwner } from '../../core/identity.ts';
import { workloadErrors } from './errors.ts';

/** Bytes of the path of a Unix socket, without the zero at its end (sockaddr_un on Linux; macOS has 103). */
const LONGEST_PATH = 103;
const HASH_DIGITS = 24;
const LONGEST_FOLDER = LONGEST_PATH - '/'.length - HASH_DIGITS - '.sock'.length;
/** In a folder of their user: with the largest uid as long as the others. */
const HASH_DIGITS_OF_USER = 20;
const UID_RADIX = 36;
/** Where a socket is made before it is put in its place. */
const NEW = 'new';

const ONLY_US = 0o700;
/** Others may go through, and not look around. */
const PASSED = 0o711;

/** Where one socket is. */
export interface SocketPlace {
  /** As its users are told: the same after every restart. */
  readonly path: string;
  /** Where it is made. */
  readonly fresh: string;
  readonly owner?: FileOwner | undefined;
}

/** The folder of all sockets of an agent: its own lie in it, those of other users each in a folder that only that user may enter. */
export class SocketFolder {
  readonly path: string;
  readonly #dataFolder: string;

  private constructor(path: string, dataFolder: string) {
    this.path = path;
    this.#dataFolder = dataFolder;
  }

  /**
   * The folder that is configured, else `spiffe` in the data folder or, where that path is too long for sockets, one below the folder for
   * temporary files. Rejects with AUTH_WORKLOAD_SOCKETS.
   */
  static async open(configured: string, dataFolder: string): Promise<SocketFolder> {
    const own = resolve(dataFolder, 'spiffe');
    const short = join(
      tmpdir(),
      `rimrock-${userInfo().uid}-${createHash('sha256').update(own).digest('hex').slice(0, 8)}`,
    );
    const wanted = configured === '' ? [own, short] : [resolve(configured)];
    const folder = wanted.find((path) => Buffer.byteLength(path) <= LONGEST_FOLDER);
    const refused = (reason: string): Error =>
      workloadErrors.AUTH_WORKLOAD_SOCKETS({ reason, longest: LONGEST_FOLDER });
    if (folder === undefined) throw refused(`${wanted.join(', ')}: too long for paths of sockets`);
    try {
      await mkdir(folder, { recursive: true, mode: ONLY_US });
      const found = await lstat(folder);
      // Others may have made it first where everybody may: then it is theirs.
      if (!found.isDirectory()) throw new Error('it is no folder');
      if (process.getuid && found.uid !== process.getuid()) throw new Error('it belongs to another user');
      await chmod(folder, found.mode & PASSED); // tasks of other users may be going through it
      await mkdir(join(folder, NEW), { recursive: true, mode: ONLY_US });
      await chmod(join(folder, NEW), ONLY_US);
    } catch (error) {
      throw refused(`${folder}: ${errorText(error)}`);
    }
    return new SocketFolder(folder, resolve(dataFolder));
  }

  /** A place for the socket of whoever has these ids, which its owner can reach. Rejects with AUTH_WORKLOAD_SOCKETS. */
  async place(ids: readonly string[], owner: FileOwner | undefined): Promise<SocketPlace> {
    const digest = digestOf(ids);
    const fresh = join(this.path, NEW, digest);
    if (!owner) return { path: join(this.path, `${digest}.sock`), fresh };
    const folder = join(this.path, owner.uid.toString(UID_RADIX));
    try {
      for (const above of [this.#dataFolder, this.path]) if (isIn(this.path, above)) await letThrough(above);
      await mkdir(folder, { recursive: true, mode: ONLY_US });
      await chmod(folder, ONLY_US);
      await chown(folder, owner.uid, owner.gid);
    } catch (error) {
      throw workloadErrors.AUTH_WORKLOAD_SOCKETS(
        { reason: `${folder}: ${errorText(error)}`, longest: LONGEST_FOLDER },
        error,
      );
    }
    return { path: join(folder, digest.slice(0, HASH_DIGITS_OF_USER)), fresh, owner };
  }

  /** What an earlier process left of the socket of whoever has these ids, for whichever user it was. */
  async remove(ids: readonly string[]): Promise<void> {
    const digest = digestOf(ids);
    await rm(join(this.path, `${digest}.sock`), { force: true });
    const entries = await readdir(this.path, { withFileTypes: true });
    for (const user of entries.filter((entry) => entry.isDirectory() && entry.name !== NEW))
      await rm(join(this.path, user.name, digest.slice(0, HASH_DIGITS_OF_USER)), { force: true });
  }
}

/** Ids hold no zero. */
function digestOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.join('\0')).digest('hex').slice(0, HASH_DIGITS);
}

const isIn = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

async function letThrough(folder: string): Promise<void> {
  const { mode, uid } = await stat(folder);
  const wanted = (mode & 0o777) | 0o011;
  if (wanted !== (mode & 0o777) && uid === process.getuid?.()) await chmod(folder, wanted);
}
