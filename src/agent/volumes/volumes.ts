import { chmod, mkdir, lstat, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix, relative } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { ContainerInfo, Secret, Volume } from '../../mesos/index.ts';
import { SECRETS_FOLDER } from '../checkpoint/layout.ts';
import { folderInside } from '../fetcher/place.ts';
import { RESERVED } from '../fetcher/uri.ts';
import type { BindMount } from '../launcher/launcher.ts';
import type { SecretStore } from '../secrets/store.ts';

/** Where a container without an image has its volumes. */
export interface VolumePlace {
  readonly sandbox: string;
  /** The sandbox of the executor that it runs in. */
  readonly parentSandbox?: string | undefined;
}

/**
 * Make the volumes of a container without an image: links in its sandbox, as Mesos does, so that the task has what its user may reach and
 * nothing more; a secret is a file that only its owner may read, and no API shows. What a link cannot do (be anywhere else, or be
 * read-only) is given back, for the launcher to mount. Rejects in words for the framework. (With an image of Docker, volumes are the engine's,
 * which mounts the files that are made here of secrets.)
 */
export async function makeVolumes(
  container: ContainerInfo | undefined,
  place: VolumePlace,
  secrets: SecretStore,
): Promise<BindMount[]> {
  const image = container?.type === 'DOCKER';
  const mounts: BindMount[] = [];
  for (const [index, volume] of (container?.volumes ?? []).entries()) {
    try {
      const { secret } = volume.source ?? {};
      if (!image) mounts.push(...(await makeVolume(volume, index, place, secrets)));
      // which user an image runs as, only the image knows; on the machine nobody else gets into the folder
      else if (secret) await chmod(await writeSecret(secret, index, place.sandbox, secrets), 0o444);
    } catch (error) {
      throw new Error(`Volume '${volume.container_path}': ${errorText(error)}`, { cause: error });
    }
  }
  return mounts;
}

/** The task has ended: what was secret is gone, the rest of its sandbox stays for people to look at. */
export async function removeSecretFiles(
  container: ContainerInfo | undefined,
  sandbox: string,
): Promise<void> {
  if (!container?.volumes?.some(({ source }) => source?.secret)) return;
  await rm(join(sandbox, SECRETS_FOLDER), { recursive: true, force: true });
}

async function makeVolume(
  volume: Volume,
  index: number,
  place: VolumePlace,
  secrets: SecretStore,
): Promise<BindMount[]> {
  const { sandbox } = place;
  const { container_path: path, mode } = volume;
  const { secret } = volume.source ?? {};
  const elsewhere = isAbsolute(path);
  const at = elsewhere ? await placeOutside(path) : await placeInside(path, sandbox);
  const source = secret
    ? await writeSecret(secret, index, sandbox, secrets)
    : await sourceOf(volume, place, elsewhere ? undefined : at);
  const readOnly = secret ? elsewhere : mode === 'RO';
  if (!elsewhere && !readOnly) {
    if (source !== at) await link(isInside(source, sandbox) ? relative(dirname(at), source) : source, at);
    return [];
  }
  if (source !== at) await makeTarget(source, at, elsewhere);
  return [{ volume: path, source, target: await realpath(at), readOnly }];
}

/** As in Mesos: outside of the sandbox nothing is made, so something must be there to be mounted on. */
async function placeOutside(path: string): Promise<string> {
  if (path.includes('\0') || path.split('/').includes('..') || posix.normalize(path) === '/')
    throw new Error('an absolute container_path names a file or folder of the machine, without ..');
  return realpath(path).catch(() => {
    throw new Error('an absolute container_path must be there on the machine, where there is no image');
  });
}

async function placeInside(path: string, sandbox: string): Promise<string> {
  const steps = stepsOf(path);
  return join(await folderInside(sandbox, steps.slice(0, -1)), steps.at(-1) ?? '');
}

/** A folder to mount a folder on, or a file for a file. */
async function makeTarget(source: string, at: string, elsewhere: boolean): Promise<void> {
  const isFolder = (await stat(source)).isDirectory();
  if (elsewhere) {
    if ((await stat(at)).isDirectory() === isFolder) return;
    throw new Error(`container_path and '${source}' must both be folders, or both files`);
  }
  if (await lstat(at).catch(() => undefined)) throw new Error('there is something at its place already');
  await (isFolder ? mkdir(at) : writeFile(at, '', { flag: 'wx' }));
}

/** Where the secret of the volume with this number lies. */
export function secretFile(sandbox: string, index: number): string {
  return join(sandbox, SECRETS_FOLDER, String(index));
}

async function writeSecret(
  secret: Secret,
  index: number,
  sandbox: string,
  secrets: SecretStore,
): Promise<string> {
  const bytes = await secrets.read(secret);
  await mkdir(join(sandbox, SECRETS_FOLDER), { recursive: true, mode: 0o700 });
  const file = secretFile(sandbox, index);
  await writeFile(file, bytes, { mode: 0o400, flag: 'wx' });
  return file;
}

function stepsOf(path: string): string[] {
  const steps = posix
    .normalize(path)
    .split('/')
    .filter((step) => step !== '' && step !== '.');
  if (steps.length === 0 || steps.includes('..') || path.includes('\0'))
    throw new Error('it must be a path in the sandbox');
  if (RESERVED.has(steps[0] ?? '')) throw new Error('that name is used by the agent itself');
  return steps;
}

/** What a volume names, by its absolute path; `at`: its place in the sandbox, which it may name itself. */
async function sourceOf(volume: Volume, place: VolumePlace, at: string | undefined): Promise<string> {
  const { host_path, image, source } = volume;
  if (image !== undefined) throw new Error('volumes made of images are not supported');
  const host = host_path ?? source?.host_path?.path;
  if (host !== undefined && isAbsolute(host)) {
    if (await lstat(host).catch(() => undefined)) return host;
    throw new Error(`there is no '${host}' on the machine of this agent`);
  }
  if (host !== undefined) return inSandbox(place.sandbox, stepsOf(host));
  if (source?.sandbox_path) {
    const { type = 'SELF', path } = source.sandbox_path;
    const root = type === 'PARENT' ? place.parentSandbox : place.sandbox;
    if (root === undefined) throw new Error('the container has no parent whose sandbox it could use');
    return inSandbox(root, stepsOf(path));
  }
  if (source !== undefined) throw new Error(`volumes of type ${source.type ?? 'UNKNOWN'} are not supported`);
  if (at === undefined) throw new Error('it needs a host_path or a source');
  return inSandbox(place.sandbox, stepsOf(relative(place.sandbox, at)));
}

/** A file or folder of a sandbox; a folder is made where there is nothing. */
async function inSandbox(root: string, steps: readonly string[]): Promise<string> {
  const path = join(root, ...steps);
  if (!(await lstat(path).catch(() => undefined))) await folderInside(root, steps); // a file is as good
  return path;
}

const isInside = (path: string, sandbox: string): boolean => path.startsWith(`${sandbox}/`);

async function link(target: string, at: string): Promise<void> {
  if (await lstat(at).catch(() => undefined)) throw new Error('there is something at its place already');
  await symlink(target, at);
}
