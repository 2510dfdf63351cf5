import type { Stats } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { isAbsolute, join, posix, resolve } from 'node:path';
import type { Volume } from '../../../mesos/index.ts';
import { secretFile } from '../../volumes/volumes.ts';
import { dockerErrors } from './errors.ts';
import { isBelow, realOf } from './files.ts';

/** Where the sandbox stands in every container, as in Mesos (mesos-api.md §2.8). */
export const SANDBOX_INSIDE = '/mnt/mesos/sandbox';

/** A mount as the Engine API takes it. */
export interface Mount {
  readonly Type: 'bind' | 'volume';
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly VolumeOptions?: {
    readonly DriverConfig: { readonly Name: string; readonly Options: Record<string, string> };
  };
}

const refused = (problem: string): Error => dockerErrors.AGENT_DOCKER_REFUSED({ problem });

/** What a volume names on this machine: a path (relative ones are of the sandbox), or a volume of the engine. */
type Source =
  | { readonly path: string }
  | { readonly name: string; readonly driver?: string; readonly options?: unknown };

function sourceOf(volume: Volume): Source {
  const { host_path, source } = volume;
  if (volume.image !== undefined) throw refused('volumes made of images are not supported');
  if (source?.sandbox_path?.type === 'PARENT')
    throw refused('a container of the Docker engine has no parent whose sandbox it could mount');
  if (source?.docker_volume) {
    const { name, driver, driver_options } = source.docker_volume;
    return { name, options: driver_options, ...(driver === undefined ? {} : { driver }) };
  }
  return {
    path: host_path ?? source?.host_path?.path ?? source?.sandbox_path?.path ?? volume.container_path,
  };
}

/**
 * The mounts of a container, its sandbox first; secrets are files that lie there by the number of their volume. Folders of the machine are made where they are missing, as `docker run -v` does. Throws
 * AGENT_DOCKER_REFUSED for what is not below one of `hostPaths` (a relative path: not in the sandbox), symbolic links followed.
 */
export async function mountsOf(
  volumes: readonly Volume[],
  at: {
    readonly sandbox: string;
    readonly hostPaths: readonly string[];
    readonly volumeDriver?: string | undefined;
  },
): Promise<Mount[]> {
  const mounts: Mount[] = [{ Type: 'bind', Source: at.sandbox, Target: SANDBOX_INSIDE, ReadOnly: false }];
  for (const [index, volume] of volumes.entries()) {
    const Target = posix.resolve(SANDBOX_INSIDE, volume.container_path);
    if (volume.source?.secret) {
      mounts.push({ Type: 'bind', Source: secretFile(at.sandbox, index), Target, ReadOnly: true });
      continue;
    }
    const ReadOnly = volume.mode === 'RO';
    const source = sourceOf(volume);
    if ('name' in source)
      mounts.push({ Type: 'volume', Source: source.name, Target, ReadOnly, ...driverOf(source) });
    else if (at.volumeDriver !== undefined && !source.path.includes('/'))
      mounts.push({
        Type: 'volume',
        Source: source.path,
        Target,
        ReadOnly,
        ...driverOf({ driver: at.volumeDriver }),
      });
    else mounts.push({ Type: 'bind', Source: await hostFolder(source.path, at), Target, ReadOnly });
  }
  return mounts;
}

/** `source:target[:mode]`, the value of a parameter `volume`; a source without a slash is a volume of the engine. */
export function volumeOf(text: string): Volume {
  const [source = '', container_path, mode = 'rw', ...rest] = text.split(':');
  if (source === '' || container_path === undefined || rest.length > 0 || !/^(rw|ro)$/.test(mode))
    throw refused(`the Docker parameter volume is written source:target, :ro at will, not '${text}'`);
  return {
    container_path,
    mode: mode === 'ro' ? 'RO' : 'RW',
    ...(source.includes('/') ? { host_path: source } : { source: { docker_volume: { name: source } } }),
  };
}

function driverOf(source: { driver?: string; options?: unknown }): Pick<Mount, 'VolumeOptions'> {
  if (source.driver === undefined) return {};
  // `Parameters` of mesos.proto
  const { parameter = [] } = (source.options ?? {}) as { parameter?: { key: string; value: string }[] };
  const Options = Object.fromEntries(parameter.map(({ key, value }) => [key, value]));
  return { VolumeOptions: { DriverConfig: { Name: source.driver, Options } } };
}

async function hostFolder(
  path: string,
  at: { readonly sandbox: string; readonly hostPaths: readonly string[] },
): Promise<string> {
  const own = !isAbsolute(path);
  const whole = own ? join(at.sandbox, path) : resolve(path);
  // the engine follows links that a task may have brought into its sandbox
  const real = await realOf(whole);
  const allowed = own ? [await realOf(at.sandbox)] : await Promise.all(at.hostPaths.map(realOf));
  if (!allowed.some((root) => isBelow(real, root)))
    throw refused(
      own
        ? `the volume ${path} leads out of the sandbox`
        : `the volume ${path} is not below a folder that agent.docker.hostPaths allows`,
    );
  try {
    const there = await stat(real).catch((): Stats | undefined => undefined);
    if (!there) await mkdir(real, { recursive: true });
  } catch (error) {
    throw dockerErrors.AGENT_DOCKER_REFUSED({ problem: `the folder ${path} cannot be made` }, error);
  }
  return real;
}
